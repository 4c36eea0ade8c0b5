/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Figures that are taken together again and again, each a course over a window of time. One axis
 * of time for all: a course costs 256 bytes. Pure.
 */
#ifndef SEEP_TRIAGE_COURSES_H
#define SEEP_TRIAGE_COURSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/series.h"

enum { COURSE_POINTS = 64, COURSE_LEAST = SERIES_LEAST + 4 };

struct courses;

/* At most `max` courses at a time. NULL out of memory. */
struct courses *courses_new(double window, size_t max);
void courses_free(struct courses *courses);

/* A new moment; -EINVAL: before the last one, nothing changed. Then put each, then end. */
int courses_begin(struct courses *courses, double time);
/*
 * `key` names a course; another `identity` than before begins it anew. -ENOSPC beyond `max`,
 * -ENOMEM.
 */
int courses_put(struct courses *courses, uint64_t key, uint64_t identity, uint64_t bytes);
/* What was not put since courses_begin is forgotten. */
void courses_end(struct courses *courses);

/* The points of a course, oldest first, lowest value of each; how many, 0 when there is none. */
size_t courses_points(const struct courses *courses, uint64_t key, uint64_t identity,
		      struct series_point points[COURSE_POINTS]);
size_t courses_bytes(const struct courses *courses);

#endif

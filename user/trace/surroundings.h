/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What surrounds the traced processes: limits, what their allocators hold free, what their own
 * runtimes say. Looked at from outside, once a tick and when a report is made.
 */
#ifndef SEEP_TRACE_SURROUNDINGS_H
#define SEEP_TRACE_SURROUNDINGS_H

#include <stdint.h>
#include <sys/types.h>

#include "heap/heap.h"
#include "heap/profile.h"
#include "triage/oom_watch.h"

struct surroundings;

/* NULL when out of memory. */
struct surroundings *surroundings_new(void);
void surroundings_free(struct surroundings *surroundings);

/*
 * Looks at a living process; for the first time, at all that only then can be seen. Beyond the
 * first SURROUNDINGS_MOST processes nothing is done.
 */
enum { SURROUNDINGS_MOST = 256 };
void surroundings_look(struct surroundings *surroundings, uint32_t space, pid_t pid, double now,
		       uint64_t resident);

/* The kernel has killed it for want of memory. */
void surroundings_killed(struct surroundings *surroundings, uint32_t space,
			 const struct oom_victim *victim);

/* Fills the row of a process, which may have ended; `heap` knows its blocks. */
void surroundings_describe(struct surroundings *surroundings, const struct heap *heap,
			   uint32_t space, pid_t pid, struct profile *profile,
			   struct profile_process *row);

#endif

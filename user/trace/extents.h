/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is free of a range of numbers, as ascending extents [start, end) that do not touch.
 */
#ifndef SEEP_TRACE_EXTENTS_H
#define SEEP_TRACE_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extents;

struct extent {
	uint64_t start, end;
};

/* Nothing is free. NULL: no memory. */
struct extents *extents_new(void);
void extents_free(struct extents *extents);

size_t extents_nr(const struct extents *extents);
struct extent extents_at(const struct extents *extents, size_t i);
/* The numbers that are free. */
uint64_t extents_sum(const struct extents *extents);

/* [start, end) becomes free; none of it may be. Nothing for an empty one. 0 or -ENOMEM. */
int extents_give(struct extents *extents, uint64_t start, uint64_t end);
/* [start, end), all of which is free, no longer is. 0 or -ENOMEM. */
int extents_take(struct extents *extents, uint64_t start, uint64_t end);

#endif

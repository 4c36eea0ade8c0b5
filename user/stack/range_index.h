/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address ranges that may overlap, and which of them cover an address. */
#ifndef SEEP_STACK_RANGE_INDEX_H
#define SEEP_STACK_RANGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start, end;
	uint64_t farthest_end; /* of this and all before it */
	uint32_t value;
};

struct range_index {
	struct range *items; /* sorted by range_index_sort: by start, then value */
	size_t nr, cap;
};

/* An empty range is passed over. 0 or -ENOMEM. */
int range_index_add(struct range_index *index, uint64_t start, uint64_t end, uint32_t value);
void range_index_sort(struct range_index *index);
/* Accepts a zeroed index. */
void range_index_free(struct range_index *index);

/*
 * Walks the values of the ranges that cover the address, latest start first: begin with
 * *cursor = SIZE_MAX, ends with false. Looks at a bounded number of ranges.
 */
bool range_index_next(const struct range_index *index, uint64_t address, size_t *cursor,
		      uint32_t *ret_value);

#endif

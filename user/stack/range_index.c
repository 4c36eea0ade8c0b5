// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the search for covering ranges: sorted by start, each with the farthest end of
 * all up to it, so that a walk backwards from the address knows when to stop.
 */
#include "stack/range_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

/* More ranges than this over one address are damage, not nesting. */
enum { MAX_STEPS = 4096 };

int range_index_add(struct range_index *index, uint64_t start, uint64_t end, uint32_t value)
{
	struct range *range;

	if (start >= end)
		return 0;
	range = vec_push(&index->items, &index->nr, &index->cap);
	if (!range)
		return -ENOMEM;
	range->start = start;
	range->end = end;
	range->value = value;
	return 0;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->value < b->value ? -1 : a->value > b->value;
}

void range_index_sort(struct range_index *index)
{
	uint64_t farthest = 0;
	size_t i;

	if (!index->nr)
		return;
	qsort(index->items, index->nr, sizeof(*index->items), compare_ranges);
	for (i = 0; i < index->nr; i++) {
		if (index->items[i].end > farthest)
			farthest = index->items[i].end;
		index->items[i].farthest_end = farthest;
	}
}

void range_index_free(struct range_index *index)
{
	free(index->items);
	memset(index, 0, sizeof(*index));
}

/* The number of ranges that start at or before the address. */
static size_t count_started(const struct range_index *index, uint64_t address)
{
	size_t low = 0, high = index->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool range_index_next(const struct range_index *index, uint64_t address, size_t *cursor,
		      uint32_t *ret_value)
{
	size_t i = *cursor == SIZE_MAX ? count_started(index, address) : *cursor;
	size_t steps;

	for (steps = 0; i && steps < MAX_STEPS; steps++) {
		const struct range *range = &index->items[--i];

		if (range->farthest_end <= address)
			break;
		if (address < range->end) {
			*cursor = i;
			*ret_value = range->value;
			return true;
		}
	}
	return false;
}

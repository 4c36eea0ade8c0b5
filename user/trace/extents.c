// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns a sorted array: there are few extents, as what is given back joins its neighbours. */
#include "trace/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct extents {
	struct extent *items;
	size_t nr, cap;
	uint64_t sum;
};

struct extents *extents_new(void)
{
	return calloc(1, sizeof(struct extents));
}

void extents_free(struct extents *e)
{
	if (!e)
		return;
	free(e->items);
	free(e);
}

size_t extents_nr(const struct extents *e)
{
	return e->nr;
}

struct extent extents_at(const struct extents *e, size_t i)
{
	return e->items[i];
}

uint64_t extents_sum(const struct extents *e)
{
	return e->sum;
}

/* The first extent that ends at `number` or later. */
static size_t find(const struct extents *e, uint64_t number)
{
	size_t low = 0, high = e->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e->items[middle].end < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct extents *e, size_t i, struct extent extent)
{
	if (!vec_push(&e->items, &e->nr, &e->cap))
		return -ENOMEM;
	memmove(&e->items[i + 1], &e->items[i], (e->nr - 1 - i) * sizeof(*e->items));
	e->items[i] = extent;
	return 0;
}

static void drop(struct extents *e, size_t i)
{
	e->nr--;
	memmove(&e->items[i], &e->items[i + 1], (e->nr - i) * sizeof(*e->items));
}

int extents_give(struct extents *e, uint64_t start, uint64_t end)
{
	size_t i = find(e, start);
	int err = 0;

	if (start == end)
		return 0;
	if (i < e->nr && e->items[i].end == start) {
		e->items[i].end = end;
		if (i + 1 < e->nr && e->items[i + 1].start == end) {
			e->items[i].end = e->items[i + 1].end;
			drop(e, i + 1);
		}
	} else if (i < e->nr && e->items[i].start == end) {
		e->items[i].start = start;
	} else {
		err = insert(e, i, (struct extent){ start, end });
	}
	if (!err)
		e->sum += end - start;
	return err;
}

int extents_take(struct extents *e, uint64_t start, uint64_t end)
{
	size_t i = find(e, start + 1);
	struct extent *extent = &e->items[i], before;
	int err = 0;

	if (start == end)
		return 0;
	before = *extent;
	if (before.start == start && before.end == end) {
		drop(e, i);
	} else if (before.start == start) {
		extent->start = end;
	} else {
		extent->end = start;
		if (before.end != end)
			err = insert(e, i + 1, (struct extent){ end, before.end });
		if (err)
			e->items[i].end = before.end;
	}
	if (!err)
		e->sum -= end - start;
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the rows of a census. Names of one string pool: equal names are equal pointers. */
#include "runtime/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

struct census *census_new(void)
{
	struct census *census = calloc(1, sizeof(*census));

	if (!census)
		return NULL;
	census->names = strpool_new();
	census->rows = hashmap_new();
	if (!census->names || !census->rows) {
		census_free(census);
		return NULL;
	}
	return census;
}

void census_free(struct census *census)
{
	if (!census)
		return;
	strpool_free(census->names);
	hashmap_free(census->rows);
	free(census->types);
	free(census);
}

int census_add(struct census *census, const char *name, uint64_t count, uint64_t bytes)
{
	const char *kept = strpool_add(census->names, name);
	struct census_type *row;
	uint64_t index;

	if (!kept)
		return -ENOMEM;
	if (!hashmap_get(census->rows, (uintptr_t)kept, &index)) {
		index = census->nr_types;
		if (hashmap_put(census->rows, (uintptr_t)kept, index))
			return -ENOMEM;
		row = vec_push(&census->types, &census->nr_types, &census->cap_types);
		if (!row) {
			hashmap_remove(census->rows, (uintptr_t)kept);
			return -ENOMEM;
		}
		row->name = kept;
	}
	row = &census->types[index];
	row->count += count;
	row->bytes += bytes;
	census->objects += count;
	census->bytes += bytes;
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct census_type *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

void census_sort(struct census *census)
{
	if (census->nr_types)
		qsort(census->types, census->nr_types, sizeof(*census->types), by_count);
	/* The names are there already, so nothing can fail. */
	for (size_t i = 0; i < census->nr_types; i++)
		hashmap_put(census->rows, (uintptr_t)census->types[i].name, i);
}

const struct census_type *census_find(const struct census *census, const char *name)
{
	for (size_t i = 0; i < census->nr_types; i++)
		if (!strcmp(census->types[i].name, name))
			return &census->types[i];
	return NULL;
}

int census_merge(struct census *to, const struct census *from)
{
	for (size_t i = 0; i < from->nr_types; i++) {
		const struct census_type *type = &from->types[i];
		int err = census_add(to, type->name, type->count, type->bytes);

		if (err)
			return err;
	}
	to->consistent = to->consistent && from->consistent;
	to->types_dropped += from->types_dropped;
	to->bytes_read += from->bytes_read;
	to->seconds += from->seconds;
	to->pause_seconds += from->pause_seconds;
	to->time = from->time > to->time ? from->time : to->time;
	return 0;
}

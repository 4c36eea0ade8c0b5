// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which code is where. A JIT compiler reuses memory: of two pieces that overlap the
 * older one is gone as a whole, also where nothing was written over it, since whoever gets
 * its memory gets all of it.
 *
 * Pieces are collected in the order they come, and settled when they are asked for: from the
 * newest to the oldest each takes its range, and one that finds any of it taken is
 * dropped. Taken ranges are kept on the pieces' own sorted ends, with links that lead to the
 * next free one, so that all together take the time of the sort.
 */
#include "stack/jit_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

enum {
	MAX_CODE = 1 << 20,
	MAX_LINES = 1 << 22,
	MAX_LINES_OF_CODE = 1 << 16,
};
static const size_t MAX_STRINGS = 256UL << 20; /* bytes */

struct line {
	uint64_t offset; /* from the start of the code */
	const char *file;
	uint32_t line;
};

struct code {
	uint64_t start, end;
	const char *name;
	uint32_t first_line, nr_lines;
};

struct jit_code_table {
	struct strpool *strings;
	struct code *items; /* oldest first; once settled, no two overlap */
	size_t nr, cap;
	size_t nr_settled; /* when last settled */
	bool settled;
	uint32_t *by_address; /* of items, once settled */
	struct line *lines;
	size_t nr_lines, cap_lines;
	size_t pending; /* of lines, the last so many belong to the code that comes next */
	struct hashmap *by_start; /* start -> the newest of items there */
};

struct jit_code_table *jit_code_table_new(void)
{
	struct jit_code_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->strings = strpool_new();
	table->by_start = hashmap_new();
	if (!table->strings || !table->by_start) {
		jit_code_table_free(table);
		return NULL;
	}
	return table;
}

void jit_code_table_free(struct jit_code_table *table)
{
	if (!table)
		return;
	strpool_free(table->strings);
	hashmap_free(table->by_start);
	free(table->items);
	free(table->by_address);
	free(table->lines);
	free(table);
}

/* Not beyond the bound: *ret is NULL then. 0 or -ENOMEM. */
static int keep_string(struct jit_code_table *table, const char *text, const char **ret)
{
	*ret = NULL;
	if (strpool_bytes(table->strings) > MAX_STRINGS)
		return 0;
	*ret = strpool_add(table->strings, text);
	return *ret ? 0 : -ENOMEM;
}

void jit_code_drop_lines(struct jit_code_table *table)
{
	table->nr_lines -= table->pending;
	table->pending = 0;
}

int jit_code_add_line(struct jit_code_table *table, uint64_t offset, uint32_t line,
		      const char *file)
{
	struct line *added;
	const char *kept;
	int err;

	if (table->nr_lines >= MAX_LINES || table->pending >= MAX_LINES_OF_CODE)
		return 0;
	err = keep_string(table, file, &kept);
	if (err || !kept)
		return err;
	added = vec_push(&table->lines, &table->nr_lines, &table->cap_lines);
	if (!added)
		return -ENOMEM;
	*added = (struct line){ offset, kept, line };
	table->pending++;
	return 0;
}

/* Ends of ranges, sorted; `next` leads from each to the first free one at or behind it. */
struct ground {
	uint64_t *ends;
	uint32_t *next;
	size_t nr;
};

static int compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int lay_ground(const struct jit_code_table *table, struct ground *ground)
{
	size_t i, nr = 0;

	ground->ends = calloc(2 * table->nr, sizeof(*ground->ends));
	ground->next = calloc(2 * table->nr, sizeof(*ground->next));
	if (!ground->ends || !ground->next)
		return -ENOMEM;
	for (i = 0; i < table->nr; i++) {
		ground->ends[2 * i] = table->items[i].start;
		ground->ends[2 * i + 1] = table->items[i].end;
	}
	qsort(ground->ends, 2 * table->nr, sizeof(*ground->ends), compare_numbers);
	for (i = 0; i < 2 * table->nr; i++) {
		if (!i || ground->ends[i] != ground->ends[nr - 1])
			ground->ends[nr++] = ground->ends[i];
	}
	for (i = 0; i < nr; i++)
		ground->next[i] = (uint32_t)i;
	ground->nr = nr;
	return 0;
}

static uint32_t position(const struct ground *ground, uint64_t address)
{
	const uint64_t *found =
		bsearch(&address, ground->ends, ground->nr, sizeof(address), compare_numbers);

	return (uint32_t)(found - ground->ends);
}

static uint32_t next_free(struct ground *ground, uint32_t i)
{
	while (ground->next[i] != i) {
		ground->next[i] = ground->next[ground->next[i]];
		i = ground->next[i];
	}
	return i;
}

/* Takes the range; false when any of it was taken already. */
static bool take(struct ground *ground, uint64_t start, uint64_t end)
{
	uint32_t i = position(ground, start), last = position(ground, end);
	bool all = true;

	while (i < last) {
		uint32_t free_one = next_free(ground, i);

		if (free_one != i) {
			all = false;
			i = free_one;
		} else {
			/* The last end is no range's start, and stays free. */
			ground->next[i] = i + 1;
			i++;
		}
	}
	return all;
}

/* Copies the lines of the code that is left, and those that wait for theirs. */
static int keep_lines(struct jit_code_table *table)
{
	size_t nr = table->pending, i;
	struct line *kept, *at;

	for (i = 0; i < table->nr; i++)
		nr += table->items[i].nr_lines;
	kept = calloc(nr ? nr : 1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	for (i = 0, at = kept; i < table->nr; i++) {
		struct code *code = &table->items[i];

		if (code->nr_lines)
			memcpy(at, table->lines + code->first_line, code->nr_lines * sizeof(*at));
		code->first_line = (uint32_t)(at - kept);
		at += code->nr_lines;
	}
	if (table->pending)
		memcpy(at, table->lines + table->nr_lines - table->pending,
		       table->pending * sizeof(*at));
	free(table->lines);
	table->lines = kept;
	table->nr_lines = nr;
	table->cap_lines = nr ? nr : 1;
	return 0;
}

static int compare_starts(const void *left, const void *right, void *context)
{
	const struct code *items = context;
	const uint32_t *a = left, *b = right;

	return items[*a].start < items[*b].start ? -1 : items[*a].start > items[*b].start;
}

static int index_items(struct jit_code_table *table)
{
	struct hashmap *by_start = hashmap_new();
	uint32_t *by_address = calloc(table->nr ? table->nr : 1, sizeof(*by_address));
	int err = by_start && by_address ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !err && i < table->nr; i++) {
		by_address[i] = (uint32_t)i;
		err = hashmap_put(by_start, table->items[i].start, i);
	}
	if (err) {
		hashmap_free(by_start);
		free(by_address);
		return err;
	}
	if (table->nr)
		qsort_r(by_address, table->nr, sizeof(*by_address), compare_starts, table->items);
	hashmap_free(table->by_start);
	free(table->by_address);
	table->by_start = by_start;
	table->by_address = by_address;
	return 0;
}

static int settle(struct jit_code_table *table)
{
	struct ground ground = { 0 };
	size_t i, kept = 0;
	int err = 0;

	if (table->settled)
		return 0;
	if (table->nr)
		err = lay_ground(table, &ground);
	for (i = table->nr; !err && i--;) {
		if (!take(&ground, table->items[i].start, table->items[i].end))
			table->items[i].end = table->items[i].start;
	}
	for (i = 0; !err && i < table->nr; i++) {
		if (table->items[i].end > table->items[i].start)
			table->items[kept++] = table->items[i];
	}
	free(ground.ends);
	free(ground.next);
	if (err)
		return err;
	table->nr = table->nr_settled = kept;
	err = keep_lines(table);
	if (!err)
		err = index_items(table);
	table->settled = !err;
	return err;
}

/* At the bound what is gone makes way, unless that was just tried. */
static int make_room(struct jit_code_table *table)
{
	if (table->nr < MAX_CODE || table->nr < 2 * table->nr_settled)
		return 0;
	table->settled = false;
	return settle(table);
}

static int push(struct jit_code_table *table, const struct code *code)
{
	struct code *added;
	int err = make_room(table);

	if (err)
		return err;
	if (table->nr >= MAX_CODE)
		return 0;
	added = vec_push(&table->items, &table->nr, &table->cap);
	if (!added)
		return -ENOMEM;
	*added = *code;
	table->settled = false;
	return hashmap_put(table->by_start, code->start, table->nr - 1);
}

int jit_code_add(struct jit_code_table *table, uint64_t start, uint64_t end, const char *name,
		 uint64_t shift)
{
	struct code code = { .start = start, .end = end };
	size_t i;
	int err = keep_string(table, name, &code.name);

	if (err || !code.name || end <= start) {
		jit_code_drop_lines(table);
		return err;
	}
	err = make_room(table);
	if (err)
		return err;
	code.nr_lines = (uint32_t)table->pending;
	code.first_line = (uint32_t)(table->nr_lines - table->pending);
	table->pending = 0;
	for (i = 0; i < code.nr_lines; i++)
		table->lines[code.first_line + i].offset -= shift;
	return push(table, &code);
}

int jit_code_move(struct jit_code_table *table, uint64_t old, uint64_t start, uint64_t end)
{
	struct code code;
	uint64_t i;
	int err = make_room(table);

	if (err)
		return err;
	if (end <= start || !hashmap_get(table->by_start, old, &i) || i >= table->nr)
		return 0;
	code = table->items[i];
	if (code.end == code.start)
		return 0;
	/* An empty range overlaps nothing, and is dropped. */
	table->items[i].end = table->items[i].start;
	code.start = start;
	code.end = end;
	return push(table, &code);
}

static void find_line(const struct jit_code_table *table, const struct code *code, uint64_t offset,
		      struct jit_code *ret)
{
	const struct line *best = NULL;
	uint32_t i;

	for (i = 0; i < code->nr_lines; i++) {
		const struct line *line = &table->lines[code->first_line + i];

		if (line->offset <= offset && (!best || line->offset >= best->offset))
			best = line;
	}
	ret->file = best && best->line ? best->file : NULL;
	ret->line = best ? best->line : 0;
}

bool jit_code_find(struct jit_code_table *table, uint64_t address, struct jit_code *ret_code)
{
	size_t low = 0, high;

	if (settle(table))
		return false;
	for (high = table->nr; low < high;) {
		size_t middle = low + (high - low) / 2;
		const struct code *code = &table->items[table->by_address[middle]];

		if (address < code->start) {
			high = middle;
		} else if (address >= code->end) {
			low = middle + 1;
		} else {
			ret_code->name = code->name;
			find_line(table, code, address - code->start, ret_code);
			return true;
		}
	}
	return false;
}

size_t jit_code_count(struct jit_code_table *table)
{
	return settle(table) ? 0 : table->nr;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as a file of the cache, with their checksum made right: what is accepted must
 * answer for any address, be placed for the kernel within its own bounds, and be the same
 * when written again. The mutator changes one part of a file and then, mostly, counts the
 * parts anew, as a wrong count is refused before anything else is looked at.
 */
#include <stdlib.h>

#include "../unit/cfi_file.h"
#include "stack/table_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* Where the counts are in a file's header; see struct header of table_file.c. */
enum { HEADER = 232, AT_PAGES = 40, AT_ROWS = 44, AT_RULES = 48, PARTS = 4 };
static const struct table_key key = { .build_id = { 1, 2, 3 }, .build_id_length = 3, .full = true };

static const size_t unit[PARTS] = { HEADER, sizeof(struct seep_unwind_page), sizeof(uint32_t),
				    sizeof(struct seep_unwind_rule) };

static uint32_t get(const uint8_t *data, size_t at)
{
	uint32_t value;

	memcpy(&value, data + at, sizeof(value));
	return value;
}

static void put(uint8_t *data, size_t at, size_t value)
{
	uint32_t narrow = (uint32_t)value;

	memcpy(data + at, &narrow, sizeof(narrow));
}

static size_t make_seed(uint8_t *data, size_t most)
{
	static const uint8_t frame[] = { 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6 };
	const struct unwind_table_options options = { .full = true };
	static struct cfi_file file;
	struct unwind_table *table;
	void *bytes = NULL;
	size_t size = 0;

	memset(&file, 0, sizeof(file));
	cfi_usual_cie(&file);
	cfi_fde(&file, 0, 16, 4096, frame, sizeof(frame));
	cfi_finish(&file);
	if (unwind_table_build_memory(file.bytes, file.size, &options, &table))
		abort();
	if (table_file_encode(table, &key, &bytes, &size) == 0 && size <= most)
		memcpy(data, bytes, size);
	free(bytes);
	unwind_table_free(table);
	return size <= most ? size : 0;
}

/* Where each part starts, as far as the counts are true; starts[PARTS] is the size. */
static bool find_parts(const uint8_t *data, size_t size, size_t starts[PARTS + 1])
{
	starts[0] = 0;
	starts[1] = HEADER;
	starts[2] = starts[1] + unit[1] * get(data, AT_PAGES);
	starts[3] = starts[2] + unit[2] * get(data, AT_ROWS);
	starts[4] = starts[3] + unit[3] * get(data, AT_RULES);
	return starts[4] == size;
}

/* Sorts the pages' rows out: they follow each other and use all rows there are. */
static void repair_pages(uint8_t *data, size_t pages, size_t rows)
{
	size_t next = 0;

	for (size_t i = 0; i < pages; i++) {
		struct seep_unwind_page page;
		uint8_t *at = data + HEADER + i * sizeof(page);
		size_t left = rows - next;

		memcpy(&page, at, sizeof(page));
		page.first_row = (uint32_t)next;
		page.reserved = 0;
		if (page.nr_rows > left || i + 1 == pages)
			page.nr_rows = (uint16_t)left;
		next += page.nr_rows;
		memcpy(at, &page, sizeof(page));
	}
}

/* Changes one part, of any length, in room of its own. */
static size_t mutate_part(uint8_t *data, const size_t starts[PARTS + 1], size_t most, size_t part)
{
	size_t length = starts[part + 1] - starts[part], rest = starts[PARTS] - starts[part + 1];
	size_t room = most - starts[PARTS] + length, changed;
	uint8_t *copy = malloc(room + rest + 1);

	if (!copy)
		abort();
	memcpy(copy, data + starts[part], length);
	changed = LLVMFuzzerMutate(copy, length, part ? room : length);
	changed = part ? changed / unit[part] * unit[part] : length;
	memmove(data + starts[part] + changed, data + starts[part + 1], rest);
	memcpy(data + starts[part], copy, changed);
	free(copy);
	if (part)
		put(data, AT_PAGES + 4 * (part - 1), changed / unit[part]);
	return starts[PARTS] - length + changed;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	size_t starts[PARTS + 1];

	if (size < HEADER || memcmp(data, "SEEPUNW", 8) != 0 || !find_parts(data, size, starts)) {
		size = make_seed(data, most);
		if (!size || !find_parts(data, size, starts))
			return LLVMFuzzerMutate(data, size, most);
	}
	if (seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, most);
	size = mutate_part(data, starts, most, seed / 16 % PARTS);
	if (seed % 4 && size >= HEADER && find_parts(data, size, starts))
		repair_pages(data, get(data, AT_PAGES), get(data, AT_ROWS));
	return size;
}

/* As the kernel side gets it: every row must land where the pages say. */
static void place(const struct unwind_table *table)
{
	enum { FIRST = SEEP_CHUNK_ROWS - 3 };
	struct unwind_table_view view = unwind_table_view(table);
	size_t nr = unwind_table_placed_end(table, FIRST) - FIRST;
	struct seep_unwind_page *pages = calloc(view.nr_pages, sizeof(*pages));
	uint16_t *ids = calloc(view.nr_rules, sizeof(*ids));
	uint32_t *rows = calloc(nr + 1, sizeof(*rows));

	if (!pages || !ids || !rows)
		abort();
	unwind_table_place(table, FIRST, ids, rows, pages);
	for (size_t i = 0; i < view.nr_pages; i++)
		if (pages[i].nr_rows &&
		    (pages[i].first_row < FIRST ||
		     pages[i].first_row + pages[i].nr_rows > FIRST + nr ||
		     pages[i].first_row / SEEP_CHUNK_ROWS !=
			     (pages[i].first_row + pages[i].nr_rows - 1) / SEEP_CHUNK_ROWS))
			abort();
	free(pages);
	free(ids);
	free(rows);
}

static void use(const struct unwind_table *table, const void *bytes, size_t size)
{
	struct unwind_table_view view = unwind_table_view(table);
	uint64_t first = view.first_page << SEEP_PAGE_SHIFT;
	void *again;
	size_t again_size;

	for (uint64_t pc = 0; pc < (uint64_t)view.nr_pages << SEEP_PAGE_SHIFT; pc += 997)
		if (unwind_table_find(table, first + pc)->cfa >= SEEP_CFA_COUNT)
			abort();
	place(table);
	if (table_file_encode(table, &key, &again, &again_size))
		return;
	if (again_size != size ||
	    memcmp((char *)again + HEADER, (const char *)bytes + HEADER, size - HEADER) != 0)
		abort();
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table *table = NULL;
	void *bytes;

	if (size < HEADER) {
		if (!table_file_decode(data, size, &key, &table))
			abort();
		return 0;
	}
	bytes = malloc(size);
	if (!bytes)
		abort();
	memcpy(bytes, data, size);
	table_file_seal(bytes, size);
	if (table_file_decode(bytes, size, &key, &table) == 0) {
		use(table, bytes, size);
		unwind_table_free(table);
	}
	free(bytes);
	return 0;
}

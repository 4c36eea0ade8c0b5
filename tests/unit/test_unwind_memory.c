// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who has which part of the unwind memory: extents, growth, what is given back and when it
 * may be used again, rules, tables that make room for others, mappings shared over forks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hashmap.h"
#include "trace/extents.h"
#include "trace/unwind_memory.h"
#include "trace/unwind_rules.h"
#include "trace/unwind_spaces.h"
#include "trace/unwind_tables.h"

enum { CHUNKS = 8, TABLES = 64, RULES = 32, IDLE = 3 };

static void test_extents_join(void **state)
{
	struct extents *e = extents_new();

	assert_int_equal(extents_give(e, 10, 20), 0);
	assert_int_equal(extents_give(e, 30, 40), 0);
	assert_int_equal(extents_give(e, 25, 25), 0);
	assert_int_equal(extents_nr(e), 2);
	assert_int_equal(extents_give(e, 20, 30), 0);
	assert_int_equal(extents_nr(e), 1);
	assert_int_equal(extents_at(e, 0).start, 10);
	assert_int_equal(extents_at(e, 0).end, 40);
	assert_int_equal(extents_sum(e), 30);
	assert_int_equal(extents_take(e, 15, 18), 0);
	assert_int_equal(extents_nr(e), 2);
	assert_int_equal(extents_take(e, 18, 40), 0);
	assert_int_equal(extents_take(e, 10, 12), 0);
	assert_int_equal(extents_at(e, 0).start, 12);
	assert_int_equal(extents_at(e, 0).end, 15);
	assert_int_equal(extents_sum(e), 3);
	extents_free(e);
}

/* Against a plain array of flags. */
static void test_extents_random(void **state)
{
	struct extents *e = extents_new();
	uint8_t is_free[512] = { 0 };
	uint32_t random = 1;

	for (int round = 0; round < 20000; round++) {
		uint32_t start, end, sum = 0, inside = 0;

		random = random * 1664525 + 1013904223;
		start = (random >> 8) % 512;
		end = start + (random >> 20) % (513 - start);
		for (uint32_t i = start; i < end; i++)
			inside += is_free[i];
		if (inside == end - start)
			assert_int_equal(extents_take(e, start, end), 0);
		else if (!inside)
			assert_int_equal(extents_give(e, start, end), 0);
		else
			continue;
		memset(is_free + start, !inside && start < end, end - start);
		for (size_t i = 0; i < extents_nr(e); i++) {
			struct extent x = extents_at(e, i);

			assert_true(x.start < x.end);
			assert_true(!i || extents_at(e, i - 1).end < x.start);
			for (uint64_t k = x.start; k < x.end; k++)
				assert_true(is_free[k]);
			sum += x.end - x.start;
		}
		assert_int_equal(sum, extents_sum(e));
	}
	extents_free(e);
}

/* Stands in for the kernel side. */
struct side {
	size_t chunks, waits;
	uint64_t written, read;
	struct hashmap *spaces; /* -> struct seep_unwind_space * */
	uint32_t words[CHUNKS * SEEP_CHUNK_ROWS];
	struct seep_unwind_table entries[TABLES];
	struct seep_unwind_rule rule_array[RULES];
	struct unwind_memory *memory;
	struct unwind_rules *rules;
	struct unwind_tables *tables;
	struct unwind_spaces *space_table;
};

static int grow(void *context, size_t nr)
{
	struct side *side = context;

	side->chunks += nr;
	assert_true(side->chunks <= CHUNKS);
	return 0;
}

static void wait_for_programs(void *context)
{
	((struct side *)context)->waits++;
}

static uint64_t written(void *context)
{
	return ((struct side *)context)->written;
}

static uint64_t has_read(void *context)
{
	return ((struct side *)context)->read;
}

static struct seep_unwind_space *entry_of(struct side *side, uint32_t space)
{
	uint64_t entry;

	return hashmap_get(side->spaces, space, &entry)
		       ? (struct seep_unwind_space *)(uintptr_t)entry
		       : NULL;
}

static int get_space(void *context, uint32_t space, struct seep_unwind_space *ret_entry)
{
	struct seep_unwind_space *entry = entry_of(context, space);

	if (!entry)
		return -ENOENT;
	*ret_entry = *entry;
	return 0;
}

static int set_space(void *context, uint32_t space, const struct seep_unwind_space *entry)
{
	struct side *side = context;
	struct seep_unwind_space *own = entry_of(side, space);

	if (!own) {
		own = calloc(1, sizeof(*own));
		hashmap_put(side->spaces, space, (uintptr_t)own);
	}
	*own = *entry;
	return 0;
}

static void forget_space(void *context, uint32_t space)
{
	struct side *side = context;

	free(entry_of(side, space));
	hashmap_remove(side->spaces, space);
}

static int set_up(void **state)
{
	struct side *side = calloc(1, sizeof(*side));
	const struct unwind_backing backing = { side, grow, wait_for_programs, written, has_read };
	const struct unwind_space_ops ops = { side, get_space, set_space, forget_space };
	struct unwind_tables_options options = { .tables = side->entries,
						 .max = TABLES,
						 .idle_epochs = IDLE };

	side->spaces = hashmap_new();
	side->memory = options.memory = unwind_memory_new(&backing, side->words, CHUNKS);
	side->rules = options.rules = unwind_rules_new(side->rule_array, RULES);
	side->tables = unwind_tables_new(&options);
	side->space_table = unwind_spaces_new(&ops, side->memory, side->tables);
	*state = side;
	return 0;
}

static int tear_down(void **state)
{
	struct side *side = *state;
	uint64_t space, entry;
	size_t cursor = 0;

	unwind_spaces_free(side->space_table);
	unwind_tables_free(side->tables);
	unwind_rules_free(side->rules);
	unwind_memory_free(side->memory);
	while (hashmap_next(side->spaces, &cursor, &space, &entry))
		free((void *)(uintptr_t)entry);
	hashmap_free(side->spaces);
	free(side);
	return 0;
}

static uint64_t plain_end(const void *what, uint64_t first)
{
	return first + *(const uint64_t *)what;
}

static struct unwind_part take(struct side *side, uint64_t words)
{
	struct unwind_part part = { 0, 0 };

	assert_int_equal(unwind_memory_take(side->memory, 1, words, plain_end, &words, &part), 0);
	assert_int_equal(part.end - part.first, words);
	return part;
}

static void test_memory_bound(void **state)
{
	struct side *side = *state;
	uint64_t words = CHUNKS * SEEP_CHUNK_ROWS;
	struct unwind_part all = take(side, words), more = { 0, 0 };

	assert_int_equal(side->chunks, CHUNKS);
	words = 1;
	assert_int_equal(unwind_memory_take(side->memory, 1, 1, plain_end, &words, &more), -ENOSPC);
	assert_int_equal(more.end, 0);
	unwind_memory_give(side->memory, all, NULL);
	assert_true(unwind_memory_settle(side->memory));
	take(side, 1);
}

/* Not used again before programs were waited for. */
static void test_memory_waits(void **state)
{
	struct side *side = *state;
	struct unwind_part first = take(side, 100), second;

	unwind_memory_give(side->memory, first, NULL);
	assert_int_equal(unwind_memory_stats(side->memory).words_waiting, 100);
	second = take(side, 100);
	assert_int_not_equal(first.first, second.first);
	assert_int_equal(side->waits, 0);
	assert_true(unwind_memory_settle(side->memory));
	assert_int_equal(side->waits, 1);
	assert_int_equal(take(side, 100).first, first.first);
	/* Nothing to wait for: nobody waits. */
	assert_false(unwind_memory_settle(side->memory));
	assert_int_equal(side->waits, 1);
}

struct told {
	struct unwind_owner owner;
	int released;
};

static void released(struct unwind_owner *owner)
{
	((struct told *)owner)->released++;
}

/* Nor before the records were read that may lead to it. */
static void test_memory_told(void **state)
{
	struct side *side = *state;
	struct told told = { { released }, 0 };
	struct unwind_part part = take(side, 100);

	side->written = 1000;
	side->read = 900;
	unwind_memory_give(side->memory, part, &told.owner);
	assert_false(unwind_memory_settle(side->memory));
	side->written = 2000;
	side->read = 999;
	assert_false(unwind_memory_settle(side->memory));
	assert_int_equal(told.released, 0);
	side->read = 1000;
	assert_true(unwind_memory_settle(side->memory));
	assert_int_equal(told.released, 1);
	assert_int_equal(side->waits, 1);
	assert_int_equal(take(side, 100).first, part.first);
}

static struct seep_unwind_rule rule(int offset)
{
	return (struct seep_unwind_rule){ .cfa = SEEP_CFA_SP, .cfa_offset = offset };
}

static void test_rules(void **state)
{
	struct side *side = *state;
	struct seep_unwind_rule r = rule(8), other = rule(16);
	uint16_t first, again, second, number;

	assert_int_equal(unwind_rules_take(side->rules, &r, &first), 0);
	assert_int_equal(unwind_rules_take(side->rules, &r, &again), 0);
	assert_int_equal(unwind_rules_take(side->rules, &other, &second), 0);
	assert_true(first && first == again && second != first);
	for (int i = 3; i < RULES; i++) {
		r = rule(100 + i);
		assert_int_equal(unwind_rules_take(side->rules, &r, &number), 0);
		assert_memory_equal(&side->rule_array[number], &r, sizeof(r));
	}
	r = rule(9999);
	assert_int_equal(unwind_rules_take(side->rules, &r, &number), -ENOSPC);
	/* One user is left. */
	unwind_rules_give(side->rules, first);
	unwind_rules_settle(side->rules);
	assert_int_equal(unwind_rules_take(side->rules, &r, &number), -ENOSPC);
	/* None, but a program may still be led to it. */
	unwind_rules_give(side->rules, first);
	assert_int_equal(unwind_rules_take(side->rules, &r, &number), -ENOSPC);
	unwind_rules_settle(side->rules);
	assert_int_equal(unwind_rules_take(side->rules, &r, &number), 0);
	assert_int_equal(number, first);
	assert_memory_equal(&side->rule_array[number], &r, sizeof(r));
	/* What had the number is another rule now. */
	r = rule(8);
	assert_int_equal(unwind_rules_take(side->rules, &r, &number), -ENOSPC);
	assert_int_equal(unwind_rules_used(side->rules), RULES);
}

/* A table of so many pages with that many rows each, all of one rule. */
static struct unwind_table *make_table(uint32_t nr_pages, uint32_t rows_each, int offset)
{
	struct seep_unwind_page *pages = calloc(nr_pages, sizeof(*pages));
	struct seep_unwind_rule *rules = calloc(2, sizeof(*rules));
	uint32_t *rows = calloc((size_t)nr_pages * rows_each, sizeof(*rows));
	struct unwind_table_view view = { .first_page = 1,
					  .nr_pages = nr_pages,
					  .nr_rows = nr_pages * rows_each,
					  .nr_rules = 2,
					  .pages = pages,
					  .rows = rows,
					  .rules = rules };
	struct unwind_table *table;

	rules[1] = rule(offset);
	for (uint32_t i = 0; i < view.nr_rows; i++)
		rows[i] = SEEP_UNWIND_ROW(i % rows_each, 1);
	for (uint32_t i = 0; i < nr_pages; i++)
		pages[i] = (struct seep_unwind_page){ .first_row = i * rows_each,
						      .nr_rows = rows_each };
	assert_int_equal(unwind_table_adopt(&view, &table), 0);
	return table;
}

/* As the kernel side looks it up. */
static int offset_at(const struct side *side, uint16_t number, uint64_t elf)
{
	const struct seep_unwind_table *entry = &side->entries[number];
	uint64_t page_number = (elf >> SEEP_PAGE_SHIFT) - entry->first_page;
	const struct seep_unwind_page *page;
	uint32_t row;

	if (page_number >= SEEP_TABLE_NR_PAGES(entry->placed))
		return 0;
	page = (const struct seep_unwind_page *)side->words + SEEP_TABLE_PAGES(entry->placed) +
	       page_number;
	row = side->words[page->first_row + (elf & 0xfff) % page->nr_rows];
	return side->rule_array[SEEP_UNWIND_ROW_RULE(row)].cfa_offset;
}

static uint16_t place(struct side *side, uint32_t nr_pages, uint32_t rows, int offset,
		      uint32_t epoch, int expected)
{
	struct unwind_table *table = make_table(nr_pages, rows, offset);
	uint16_t number = unwind_tables_add(side->tables);

	assert_int_not_equal(number, 0);
	assert_int_equal(unwind_tables_place(side->tables, number, table, epoch), expected);
	assert_int_equal(unwind_tables_is_there(side->tables, number), !expected);
	unwind_table_free(table);
	return number;
}

static void test_tables_placed(void **state)
{
	struct side *side = *state;
	uint16_t first = place(side, 3, 1000, 8, 1, 0), second = place(side, 20, 900, 16, 1, 0);

	for (uint64_t page = 0; page < 20; page++)
		assert_int_equal(offset_at(side, second, (page + 1) << SEEP_PAGE_SHIFT | 899), 16);
	assert_int_equal(offset_at(side, first, 2 << SEEP_PAGE_SHIFT), 8);
	assert_int_equal(offset_at(side, first, 4 << SEEP_PAGE_SHIFT), 0);
	assert_int_equal(unwind_tables_stats(side->tables).there, 2);
	assert_int_equal(unwind_tables_stats(side->tables).pages, 23);
}

static void test_tables_numbers_end(void **state)
{
	struct side *side = *state;

	for (int i = 1; i < TABLES; i++)
		assert_int_equal(unwind_tables_add(side->tables), i);
	assert_int_equal(unwind_tables_add(side->tables), 0);
	assert_int_equal(unwind_tables_stats(side->tables).unnumbered, 1);
}

/* All but one chunk of rows: two do not fit. */
enum { LARGE_PAGES = (CHUNKS - 1) * 4 };

static void test_tables_make_room(void **state)
{
	struct side *side = *state;
	uint16_t old = place(side, LARGE_PAGES, 4096, 8, 1, 0), young;

	/* Nobody maps it: it goes at once. */
	young = place(side, LARGE_PAGES, 4096, 16, 1, 0);
	assert_false(unwind_tables_is_there(side->tables, old));
	assert_int_equal(side->entries[old].placed, 0);
	assert_int_equal(offset_at(side, young, 1 << SEEP_PAGE_SHIFT), 16);
	assert_int_equal(unwind_tables_stats(side->tables).evicted, 1);
	assert_int_equal(side->waits, 1);

	/* A mapped one stays while it is in use. */
	unwind_tables_use(side->tables, young);
	side->entries[young].used = 10;
	place(side, LARGE_PAGES, 4096, 24, 10 + IDLE - 1, -ENOSPC);
	assert_true(unwind_tables_is_there(side->tables, young));
	old = place(side, LARGE_PAGES, 4096, 32, 10 + IDLE, 0);
	assert_false(unwind_tables_is_there(side->tables, young));
	assert_int_equal(offset_at(side, old, 1 << SEEP_PAGE_SHIFT), 32);

	/* And is wanted again when the kernel side asks. */
	assert_false(unwind_tables_is_wanted(side->tables, young, 10 + IDLE));
	side->entries[young].used = 10 + IDLE;
	assert_true(unwind_tables_is_wanted(side->tables, young, 10 + IDLE));
	assert_true(unwind_tables_is_wanted(side->tables, young, 11 + IDLE));
	assert_false(unwind_tables_is_wanted(side->tables, young, 12 + IDLE));
}

/* Of those that can go, the one that was not used for the longest time. */
static void test_tables_least_recent(void **state)
{
	struct side *side = *state;
	uint16_t numbers[3];

	for (int i = 0; i < 3; i++)
		numbers[i] = place(side, 8, 4096, 8 * (i + 1), 1, 0);
	side->entries[numbers[0]].used = 5;
	side->entries[numbers[1]].used = 3;
	side->entries[numbers[2]].used = 4;
	place(side, 8, 4096, 64, 6, 0);
	assert_true(unwind_tables_is_there(side->tables, numbers[0]));
	assert_false(unwind_tables_is_there(side->tables, numbers[1]));
}

static void test_rules_return_with_tables(void **state)
{
	struct side *side = *state;

	for (int i = 0; i < 200; i++) {
		struct unwind_table *table = make_table(1, 1, 1000 + i);
		uint16_t number = i % 8 + 1;

		if (i < 8)
			assert_int_equal(unwind_tables_add(side->tables), number);
		assert_int_equal(unwind_tables_place(side->tables, number, table, 1), 0);
		unwind_memory_settle(side->memory);
		unwind_rules_settle(side->rules);
		assert_int_equal(offset_at(side, number, 1 << SEEP_PAGE_SHIFT), 1000 + i);
		unwind_table_free(table);
	}
	assert_int_equal(unwind_tables_stats(side->tables).rules_full, 0);
	assert_int_equal(unwind_rules_used(side->rules), 9);
}

static void fill(struct seep_unwind_mapping *mappings, size_t nr, uint64_t base, uint16_t table)
{
	memset(mappings, 0, nr * sizeof(*mappings));
	for (size_t i = 0; i < nr; i++) {
		mappings[i].start = base + i * 0x2000;
		mappings[i].end = mappings[i].start + 0x1000;
		mappings[i].table = table;
	}
}

static const struct seep_unwind_mapping *mappings_of(struct side *side, uint32_t space)
{
	return (const struct seep_unwind_mapping *)side->words + entry_of(side, space)->first;
}

static void test_spaces_of_any_size(void **state)
{
	static struct seep_unwind_mapping mappings[5000];
	struct side *side = *state;
	size_t sizes[] = { 1, 31, 512, 512, 512, 512, 512, 513, 5000 };

	take(side, 77);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(mappings, sizes[i], (i + 1) * 0x100000, 0);
		assert_int_equal(unwind_spaces_set(side->space_table, i + 1, mappings, sizes[i], 0),
				 0);
	}
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct seep_unwind_space *entry = entry_of(side, i + 1);

		fill(mappings, sizes[i], (i + 1) * 0x100000, 0);
		assert_int_equal(entry->nr, sizes[i]);
		assert_memory_equal(mappings_of(side, i + 1), mappings,
				    sizes[i] * sizeof(*mappings));
		if (entry->nr <= SEEP_UNWIND_NEAR)
			assert_int_equal(entry->first / SEEP_CHUNK_MAPPINGS,
					 (entry->first + entry->nr - 1) / SEEP_CHUNK_MAPPINGS);
	}
	assert_int_equal(unwind_spaces_set(side->space_table, 1, mappings, 0, 0), -EINVAL);
}

static void test_spaces_count_tables(void **state)
{
	struct seep_unwind_mapping mappings[4];
	struct side *side = *state;
	uint16_t number = place(side, LARGE_PAGES - 4, 4096, 8, 1, 0);

	fill(mappings, 4, 0x1000, number);
	unwind_spaces_set(side->space_table, 7, mappings, 4, 0);
	place(side, LARGE_PAGES - 4, 4096, 16, 2, -ENOSPC);
	unwind_spaces_forget(side->space_table, 7);
	place(side, LARGE_PAGES - 4, 4096, 16, 2, 0);
	assert_false(unwind_tables_is_there(side->tables, number));
	assert_null(entry_of(side, 7));
}

/* What the kernel side does at a fork, before user space knows. */
static void fork_space(struct side *side, uint32_t parent, uint32_t child)
{
	set_space(side, child, entry_of(side, parent));
}

static void test_spaces_fork(void **state)
{
	struct seep_unwind_mapping mappings[4];
	struct side *side = *state;

	fill(mappings, 4, 0x1000, 0);
	unwind_spaces_set(side->space_table, 1, mappings, 4, 0);
	fork_space(side, 1, 2);
	assert_true(unwind_spaces_adopt(side->space_table, 2));
	assert_false(unwind_spaces_adopt(side->space_table, 3));
	assert_int_equal(unwind_spaces_stats(side->space_table).blocks, 1);
	assert_int_equal(unwind_spaces_stats(side->space_table).spaces, 2);
	unwind_spaces_forget(side->space_table, 1);
	unwind_memory_settle(side->memory);
	assert_int_equal(unwind_spaces_stats(side->space_table).blocks, 1);
	assert_memory_equal(mappings_of(side, 2), mappings, sizeof(mappings));
	unwind_spaces_forget(side->space_table, 2);
	assert_int_equal(unwind_spaces_stats(side->space_table).blocks, 0);
	assert_int_equal(unwind_spaces_stats(side->space_table).mappings, 0);
}

/* The parent's maps change, or it ends, while the fork's record is on its way. */
static void test_spaces_fork_late(void **state)
{
	struct seep_unwind_mapping mappings[4], changed[5];
	struct side *side = *state;

	fill(mappings, 4, 0x1000, 0);
	fill(changed, 5, 0x8000, 0);
	unwind_spaces_set(side->space_table, 1, mappings, 4, 0);
	fork_space(side, 1, 2);
	side->written = 500;
	unwind_spaces_set(side->space_table, 1, changed, 5, 0);
	unwind_spaces_forget(side->space_table, 1);
	assert_false(unwind_memory_settle(side->memory));
	assert_memory_equal(mappings_of(side, 2), mappings, sizeof(mappings));
	assert_true(unwind_spaces_adopt(side->space_table, 2));
	side->read = 500;
	unwind_memory_settle(side->memory);
	take(side, 4 * 8 + 5 * 8);
	assert_memory_equal(mappings_of(side, 2), mappings, sizeof(mappings));
	assert_int_equal(unwind_spaces_stats(side->space_table).blocks, 1);
}

static void test_spaces_flat(void **state)
{
	struct seep_unwind_mapping mappings[30];
	struct side *side = *state;
	uint64_t used = 0;

	fill(mappings, 30, 0x1000, 0);
	unwind_spaces_set(side->space_table, 1, mappings, 30, 0);
	for (uint32_t i = 2; i < 5000; i++) {
		side->written += 100;
		fork_space(side, 1, i);
		assert_true(unwind_spaces_adopt(side->space_table, i));
		/* exec: a space of its own */
		fill(mappings, 30, i * 0x1000, 0);
		unwind_spaces_forget(side->space_table, i);
		assert_int_equal(unwind_spaces_set(side->space_table, i + 100000, mappings, 30, 0),
				 0);
		unwind_spaces_forget(side->space_table, i + 100000);
		side->read = side->written;
		if (i % 50 == 0)
			unwind_memory_settle(side->memory);
		if (i == 100)
			used = unwind_memory_stats(side->memory).words_used;
	}
	unwind_memory_settle(side->memory);
	assert_true(unwind_memory_stats(side->memory).words_used <= used);
	assert_int_equal(unwind_spaces_stats(side->space_table).spaces, 1);
	assert_int_equal(hashmap_size(side->spaces), 1);
}

/* What was mapped while the maps were read stays marked as new. */
static void test_spaces_changes(void **state)
{
	struct seep_unwind_mapping mappings[4];
	struct side *side = *state;
	uint32_t before, generation;

	fill(mappings, 4, 0x1000, 0);
	unwind_spaces_set(side->space_table, 1, mappings, 4, 0);
	before = unwind_spaces_changes(side->space_table, 1);
	entry_of(side, 1)->changes++;
	entry_of(side, 1)->changed_start = 0x1000;
	entry_of(side, 1)->changed_end = 0x2000;
	generation = entry_of(side, 1)->generation;
	mappings[0].table = 0;
	mappings[0].bias = 1;
	unwind_spaces_set(side->space_table, 1, mappings, 4, before);
	assert_int_equal(entry_of(side, 1)->changed_end, 0x2000);
	assert_true(entry_of(side, 1)->generation > generation);
	before = unwind_spaces_changes(side->space_table, 1);
	unwind_spaces_set(side->space_table, 1, mappings, 4, before);
	assert_int_equal(entry_of(side, 1)->changed_end, 0);
	assert_int_equal(entry_of(side, 1)->changes, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extents_join),
		cmocka_unit_test(test_extents_random),
		TEST(test_memory_bound),
		TEST(test_memory_waits),
		TEST(test_memory_told),
		TEST(test_rules),
		TEST(test_tables_placed),
		TEST(test_tables_numbers_end),
		TEST(test_tables_make_room),
		TEST(test_tables_least_recent),
		TEST(test_rules_return_with_tables),
		TEST(test_spaces_of_any_size),
		TEST(test_spaces_count_tables),
		TEST(test_spaces_fork),
		TEST(test_spaces_fork_late),
		TEST(test_spaces_flat),
		TEST(test_spaces_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

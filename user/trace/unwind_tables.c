// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which table is where. Rules are written first, then rows, then the directory, and the
 * table's entry, which leads to all of it, last; it is emptied first, and what it led to goes
 * back to the memory, which knows when that may be used again.
 *
 * A table of no living process stays as long as there is room: it may be mapped again. Room
 * is made from those first, by their last use, then from those of living processes that
 * nothing has asked for in a while. One that is taken away and asked for again comes back:
 * whoever built it sees that it is wanted.
 */
#include "trace/unwind_tables.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

struct slot {
	struct unwind_part rows, pages;
	uint16_t *rules; /* the numbers it uses */
	uint32_t nr_rules, nr_pages;
	uint32_t users; /* spaces that map it */
};

struct unwind_tables {
	struct unwind_tables_options options;
	struct slot *slots; /* by number; 0 is none */
	size_t nr, cap;
	struct unwind_tables_stats stats;
};

struct unwind_tables *unwind_tables_new(const struct unwind_tables_options *options)
{
	struct unwind_tables *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->options = *options;
	if (t->options.max > SEEP_UNWIND_TABLES_MAX)
		t->options.max = SEEP_UNWIND_TABLES_MAX;
	if (!vec_push(&t->slots, &t->nr, &t->cap)) {
		free(t);
		return NULL;
	}
	return t;
}

void unwind_tables_free(struct unwind_tables *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr; i++)
		free(t->slots[i].rules);
	free(t->slots);
	free(t);
}

uint16_t unwind_tables_add(struct unwind_tables *t)
{
	if (t->nr >= t->options.max || !vec_push(&t->slots, &t->nr, &t->cap)) {
		t->stats.unnumbered++;
		return 0;
	}
	t->stats.numbers++;
	return t->nr - 1;
}

void unwind_tables_use(struct unwind_tables *t, uint16_t number)
{
	if (number)
		t->slots[number].users++;
}

void unwind_tables_leave(struct unwind_tables *t, uint16_t number)
{
	if (number)
		t->slots[number].users--;
}

bool unwind_tables_is_there(const struct unwind_tables *t, uint16_t number)
{
	return t->slots[number].nr_pages;
}

bool unwind_tables_is_wanted(const struct unwind_tables *t, uint16_t number, uint32_t epoch)
{
	uint32_t used = __atomic_load_n(&t->options.tables[number].used, __ATOMIC_RELAXED);

	return used && epoch - used <= 1;
}

static void evict(struct unwind_tables *t, uint16_t number)
{
	struct slot *slot = &t->slots[number];

	__atomic_store_n(&t->options.tables[number].placed, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&t->options.tables[number].used, 0, __ATOMIC_RELAXED);
	unwind_memory_give(t->options.memory, slot->rows, NULL);
	unwind_memory_give(t->options.memory, slot->pages, NULL);
	for (uint32_t i = 0; i < slot->nr_rules; i++)
		unwind_rules_give(t->options.rules, slot->rules[i]);
	t->stats.there--;
	t->stats.rows -= slot->rows.end - slot->rows.first;
	t->stats.pages -= slot->nr_pages;
	free(slot->rules);
	*slot = (struct slot){ .users = slot->users };
}

struct candidate {
	uint16_t number;
	bool mapped;
	uint32_t idle; /* epochs */
};

/* First those that nobody maps; of each kind the longest idle. */
static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->mapped != b->mapped)
		return a->mapped ? 1 : -1;
	return a->idle > b->idle ? -1 : a->idle < b->idle;
}

static size_t list_candidates(const struct unwind_tables *t, uint32_t epoch, struct candidate *list)
{
	size_t nr = 0;

	for (size_t i = 1; i < t->nr; i++) {
		uint32_t idle = epoch - t->options.tables[i].used;
		bool mapped = t->slots[i].users;

		if (t->slots[i].nr_pages && (!mapped || idle >= t->options.idle_epochs))
			list[nr++] = (struct candidate){ i, mapped, idle };
	}
	return nr;
}

bool unwind_tables_make_room(struct unwind_tables *t, uint64_t words, uint32_t epoch)
{
	struct candidate *list = calloc(t->nr, sizeof(*list));
	size_t nr = list ? list_candidates(t, epoch, list) : 0;
	uint64_t freed = 0;

	if (nr)
		qsort(list, nr, sizeof(*list), compare_candidates);
	for (size_t i = 0; i < nr && freed < words; i++) {
		const struct slot *slot = &t->slots[list[i].number];

		freed += slot->rows.end - slot->rows.first + slot->pages.end - slot->pages.first;
		evict(t, list[i].number);
		t->stats.evicted++;
	}
	free(list);
	unwind_memory_settle(t->options.memory);
	unwind_rules_settle(t->options.rules);
	return freed;
}

static uint64_t rows_end(const void *table, uint64_t first)
{
	return unwind_table_placed_end(table, first);
}

static uint64_t pages_end(const void *table, uint64_t first)
{
	return first + 2ULL * unwind_table_view(table).nr_pages;
}

static int take_parts(struct unwind_tables *t, const struct unwind_table *table, struct slot *slot)
{
	struct unwind_table_view view = unwind_table_view(table);
	int err = unwind_memory_take(t->options.memory, 1, view.nr_rows, rows_end, table,
				     &slot->rows);

	if (err)
		return err;
	err = unwind_memory_take(t->options.memory, 2, 2ULL * view.nr_pages, pages_end, table,
				 &slot->pages);
	if (err)
		unwind_memory_give(t->options.memory, slot->rows, NULL);
	return err;
}

/* A rule without a number is "nothing known". */
static int number_rules(struct unwind_tables *t, const struct unwind_table_view *view,
			struct slot *slot)
{
	slot->rules = calloc(view->nr_rules ? view->nr_rules : 1, sizeof(*slot->rules));
	if (!slot->rules)
		return -ENOMEM;
	slot->nr_rules = view->nr_rules;
	for (uint32_t i = 0; i < view->nr_rules; i++)
		if (view->rules[i].cfa != SEEP_CFA_NONE &&
		    unwind_rules_take(t->options.rules, &view->rules[i], &slot->rules[i]))
			t->stats.rules_full++;
	return 0;
}

static void write_table(struct unwind_tables *t, uint16_t number, const struct unwind_table *table,
			uint32_t epoch)
{
	struct unwind_table_view view = unwind_table_view(table);
	uint32_t *words = unwind_memory_words(t->options.memory);
	struct seep_unwind_table *entry = &t->options.tables[number];
	struct slot *slot = &t->slots[number];

	slot->nr_pages = view.nr_pages;
	unwind_table_place(table, slot->rows.first, slot->rules, words + slot->rows.first,
			   (struct seep_unwind_page *)(words + slot->pages.first));
	entry->first_page = view.first_page;
	/* A new one is not the first to go. */
	entry->used = epoch;
	__atomic_store_n(&entry->placed, SEEP_TABLE_PLACED(slot->pages.first / 2, view.nr_pages),
			 __ATOMIC_RELEASE);
	t->stats.there++;
	t->stats.rows += slot->rows.end - slot->rows.first;
	t->stats.pages += view.nr_pages;
}

int unwind_tables_place(struct unwind_tables *t, uint16_t number, const struct unwind_table *table,
			uint32_t epoch)
{
	struct unwind_table_view view = unwind_table_view(table);
	struct slot *slot = &t->slots[number];
	uint64_t words = view.nr_rows + 2ULL * view.nr_pages;
	int err;

	/* The kernel side counts pages in 32 bits. */
	if (view.first_page + view.nr_pages > UINT32_MAX)
		return -EFBIG;
	if (unwind_tables_is_there(t, number))
		evict(t, number);
	if (!view.nr_pages)
		return 0;
	err = take_parts(t, table, slot);
	if (err == -ENOSPC && unwind_tables_make_room(t, words + words / 2, epoch))
		err = take_parts(t, table, slot);
	if (err) {
		*slot = (struct slot){ .users = slot->users };
		return err;
	}
	err = number_rules(t, &view, slot);
	if (err) {
		unwind_memory_give(t->options.memory, slot->rows, NULL);
		unwind_memory_give(t->options.memory, slot->pages, NULL);
		*slot = (struct slot){ .users = slot->users };
		return err;
	}
	write_table(t, number, table, epoch);
	return 0;
}

struct unwind_tables_stats unwind_tables_stats(const struct unwind_tables *t)
{
	struct unwind_tables_stats stats = t->stats;

	stats.rules = unwind_rules_used(t->options.rules);
	return stats;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The set of ranges against an array with one entry a page. */
#include "heap/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 64, EVENTS = 400000 };

static uint64_t seed = 99;

static unsigned int below(unsigned int n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)((seed >> 33) % n);
}

/* Sorted, disjoint, not empty; equal to the pages. */
static void compare(const struct mappings *m, const uint32_t *pages)
{
	uint32_t seen[PAGES] = { 0 };
	size_t nr;
	const struct piece *p = mappings_pieces(m, &nr);

	for (size_t i = 0; i < nr; i++) {
		assert_true(p[i].begin < p[i].end);
		assert_true(!i || p[i - 1].end <= p[i].begin);
		for (uint64_t page = p[i].begin; page < p[i].end; page++)
			seen[page] = p[i].site;
	}
	assert_memory_equal(seen, pages, sizeof(seen));
}

static size_t pages_of(const uint32_t *pages, uint32_t site)
{
	size_t nr = 0;

	for (size_t i = 0; i < PAGES; i++)
		nr += pages[i] == site;
	return nr;
}

/* Each mapping is a site of its own, so that its end can be told from the pages. */
static void drop_all(struct mappings *m, struct pieces *cut, const uint32_t *pages)
{
	for (size_t i = 0; i < cut->nr; i++) {
		bool last = pages_of(pages, cut->items[i].site) == 0;

		for (size_t later = i + 1; later < cut->nr; later++)
			last &= cut->items[later].site != cut->items[i].site;
		assert_int_equal(mappings_drop(m, &cut->items[i]), last);
	}
	free(cut->items);
}

static void put_back(struct mappings *m, struct pieces *cut, uint32_t *pages)
{
	for (size_t i = 0; i < cut->nr; i++) {
		const struct piece *p = &cut->items[i];
		uint64_t lost, want_lost = 0;
		bool ended;

		for (uint64_t page = p->begin; page < p->end; page++) {
			if (pages[page])
				want_lost++;
			else
				pages[page] = p->site;
		}
		assert_int_equal(mappings_restore(m, p, &lost, &ended), 0);
		assert_int_equal(lost, want_lost);
	}
	free(cut->items);
}

static void test_random(void **state)
{
	struct mappings *m = mappings_new();
	uint32_t pages[PAGES] = { 0 };

	for (uint32_t i = 1; i <= EVENTS; i++) {
		uint64_t begin = below(PAGES - 1), end = begin + 1 + below(PAGES - (unsigned)begin);
		struct piece piece = { .begin = begin, .end = end, .site = i };
		struct pieces cut = { 0 };
		uint64_t cut_pages = 0, had = 0;

		for (uint64_t page = begin; page < end; page++) {
			had += pages[page] != 0;
			pages[page] = 0;
		}
		assert_int_equal(mappings_cut(m, begin, end, &cut), 0);
		for (size_t n = 0; n < cut.nr; n++)
			cut_pages += cut.items[n].end - cut.items[n].begin;
		assert_int_equal(cut_pages, had);
		switch (below(4)) {
		case 0:
			drop_all(m, &cut, pages);
			break;
		case 1:
			put_back(m, &cut, pages);
			break;
		case 2:
			/* Some of it is taken meanwhile. */
			if (end - begin > 2) {
				piece.begin++;
				piece.end--;
			}
			assert_int_equal(mappings_add(m, &piece), 0);
			for (uint64_t page = piece.begin; page < piece.end; page++)
				pages[page] = i;
			put_back(m, &cut, pages);
			break;
		default:
			drop_all(m, &cut, pages);
			assert_int_equal(mappings_add(m, &piece), 0);
			for (uint64_t page = begin; page < end; page++)
				pages[page] = i;
		}
		compare(m, pages);
	}
	assert_true(mappings_origins(m) <= 4 * PAGES);
	mappings_free(m);
}

static void test_one_mapping_in_pieces(void **state)
{
	struct piece piece = { .begin = 10, .end = 40, .site = 1 };
	struct mappings *m = mappings_new();
	struct pieces middle = { 0 }, rest = { 0 };
	size_t nr;

	assert_int_equal(mappings_add(m, &piece), 0);
	assert_int_equal(mappings_cut(m, 20, 30, &middle), 0);
	mappings_pieces(m, &nr);
	assert_int_equal(nr, 2);
	assert_int_equal(middle.nr, 1);
	assert_false(mappings_drop(m, &middle.items[0]));
	assert_int_equal(mappings_cut(m, 0, 100, &rest), 0);
	assert_int_equal(rest.nr, 2);
	assert_false(mappings_drop(m, &rest.items[1]));
	assert_true(mappings_drop(m, &rest.items[0]));
	free(middle.items);
	free(rest.items);
	mappings_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_one_mapping_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

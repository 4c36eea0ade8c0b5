/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is resident and in no block, on memory of this process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "allocator/coverage.h"
#include "memory/stream.h"

enum { PAGES = 12 };

struct world {
	uint64_t page, start;
	uint8_t *memory;
	struct regions regions;
	struct coverage *coverage;
};

/* Anonymous memory of which the first half was written to. */
static int begin(void **state)
{
	static struct world w;

	w = (struct world){ .page = (uint64_t)sysconf(_SC_PAGESIZE) };
	w.memory = mmap(NULL, PAGES * w.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (w.memory == MAP_FAILED)
		return -1;
	madvise(w.memory, PAGES * w.page, MADV_NOHUGEPAGE);
	memset(w.memory, 1, PAGES / 2 * w.page);
	w.start = (uint64_t)(uintptr_t)w.memory;
	*state = &w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	coverage_free(w->coverage);
	regions_free(&w->regions);
	return munmap(w->memory, PAGES * w->page);
}

static void open_regions(struct world *w, enum region_kind kind)
{
	assert_int_equal(regions_add(&w->regions, w->start, w->start + PAGES * w->page, kind), 0);
	assert_int_equal(coverage_new(&w->regions, &w->coverage), 0);
}

static struct holding measure(struct world *w)
{
	struct holding holding;
	int pagemap = stream_open_pagemap(getpid());

	assert_true(pagemap >= 0);
	assert_int_equal(coverage_measure(w->coverage, pagemap, &holding), 0);
	close(pagemap);
	return holding;
}

static void without_blocks_all_that_is_resident(void **state)
{
	struct world *w = *state;
	struct holding holding;

	open_regions(w, REGION_ANONYMOUS);
	holding = measure(w);
	assert_int_equal(holding.held, PAGES / 2 * w->page);
	assert_int_equal(holding.free, PAGES / 2 * w->page);
	assert_int_equal(holding.free_whole, PAGES / 2 * w->page);
	assert_int_equal(holding.pieces, 0);
}

static void blocks_are_taken_off(void **state)
{
	struct world *w = *state;
	struct holding holding;

	open_regions(w, REGION_ANONYMOUS);
	/* the end of page 0, page 1 and the beginning of page 2 */
	coverage_add(w->coverage, w->start + w->page - 100, w->page + 300);
	/* twice the same counts as more than a page at most */
	coverage_add(w->coverage, w->start + 3 * w->page, w->page);
	coverage_add(w->coverage, w->start + 3 * w->page, w->page);
	holding = measure(w);
	assert_int_equal(holding.held, PAGES / 2 * w->page);
	assert_int_equal(holding.free, PAGES / 2 * w->page - 100 - w->page - 200 - w->page);
	assert_int_equal(holding.free_whole, 2 * w->page);
	assert_int_equal(holding.pieces, 2);
}

/* A block that was never written to takes nothing off what is resident elsewhere. */
static void untouched_blocks_do_not_count(void **state)
{
	struct world *w = *state;
	struct holding holding;

	open_regions(w, REGION_ANONYMOUS);
	coverage_add(w->coverage, w->start + PAGES / 2 * w->page, PAGES / 2 * w->page);
	holding = measure(w);
	assert_int_equal(holding.free, PAGES / 2 * w->page);
}

static void blocks_beyond_the_regions(void **state)
{
	struct world *w = *state;

	open_regions(w, REGION_ANONYMOUS);
	coverage_add(w->coverage, w->start - 1, 10);
	coverage_add(w->coverage, w->start + PAGES * w->page, 10);
	assert_int_equal(measure(w).free, PAGES / 2 * w->page);
	/* one that begins here and is as long as can be: it ends with the region */
	coverage_add(w->coverage, w->start + w->page, UINT64_MAX);
	assert_int_equal(measure(w).free, w->page);
}

static void files_and_stacks_are_no_allocators(void **state)
{
	struct world *w = *state;

	open_regions(w, REGION_STACK);
	assert_int_equal(measure(w).held, 0);
	coverage_add(w->coverage, w->start, 100);
}

static void memory_behind_a_files_data(void **state)
{
	struct world *w = *state;
	uint64_t middle = w->start + 2 * w->page;

	assert_int_equal(regions_add(&w->regions, w->start, middle, REGION_FILE), 0);
	assert_int_equal(
		regions_add(&w->regions, middle, w->start + PAGES * w->page, REGION_ANONYMOUS), 0);
	assert_int_equal(coverage_new(&w->regions, &w->coverage), 0);
	coverage_add(w->coverage, middle, 100);
	assert_int_equal(measure(w).held, 0);
}

static void too_much_memory(void **state)
{
	struct world *w = *state;

	assert_int_equal(regions_add(&w->regions, 0, UINT64_C(1) << 46, REGION_ANONYMOUS), 0);
	assert_int_equal(coverage_new(&w->regions, &w->coverage), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_blocks_all_that_is_resident, begin, end),
		cmocka_unit_test_setup_teardown(blocks_are_taken_off, begin, end),
		cmocka_unit_test_setup_teardown(untouched_blocks_do_not_count, begin, end),
		cmocka_unit_test_setup_teardown(blocks_beyond_the_regions, begin, end),
		cmocka_unit_test_setup_teardown(files_and_stacks_are_no_allocators, begin, end),
		cmocka_unit_test_setup_teardown(memory_behind_a_files_data, begin, end),
		cmocka_unit_test_setup_teardown(too_much_memory, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mapping layer of the heap, and what happens at its bounds. */
#include "feed.h"

static void test_mapping_sites(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	feed_map(h, SEEP_MAP, 1, 1, 0x10000, 0x8000, 7, SEEP_ANONYMOUS, 10);
	feed_map(h, SEEP_MAP, 1, 1, 0x90000, 0x4000, 8, SEEP_IN_ALLOCATOR, 10);
	feed_map(h, SEEP_BRK, 1, 1, 0xa0000, 0, 7, 0, 10);
	feed_map(h, SEEP_UNMAP_BEGIN, 1, 1, 0x12000, 0x1001, 0, 0, 20);
	check_stack(h, PID, 7, 0x8000, 1, 1, 0);
	feed_map(h, SEEP_UNMAP_END, 1, 1, 0x12000, 0x1001, 0, 0, 20);
	check_stack(h, PID, 7, 0x6000, 1, 1, 0);
	/* Fails: nothing has changed. */
	feed_map(h, SEEP_UNMAP_BEGIN, 1, 2, 0x10000, 0x8000, 0, 0, 30);
	feed_map(h, SEEP_UNMAP_END, 1, 2, 0x10000, 0x8000, 0, SEEP_FAILED, 30);
	check_stack(h, PID, 7, 0x6000, 1, 1, 0);
	/* Another thread is given the range before this one's END arrives. */
	feed_map(h, SEEP_UNMAP_BEGIN, 1, 1, 0x14000, 0x4000, 0, 0, 40);
	feed_map(h, SEEP_MAP, 1, 2, 0x14000, 0x1000, 9, 0, 41);
	feed_map(h, SEEP_UNMAP_END, 1, 1, 0x14000, 0x4000, 0, 0, 42);
	check_stack(h, PID, 7, 0x2000, 1, 1, 0);
	check_stack(h, PID, 9, 0x1000, 1, 1, 0);
	/* A fixed mapping replaces what is left. */
	feed_map(h, SEEP_MAP, 1, 1, 0x10000, 0x2000, 11, 0, 50);
	check_stack(h, PID, 7, 0, 0, 1, 1);
	p = filled(h, 5000, NULL);
	assert_null(site_of(p, PID, 8));
	assert_int_equal(p->processes[0].live_bytes, 0);
	assert_int_equal(p->processes[0].mapped_bytes, 0x3000);
	assert_int_equal(p->processes[0].mapped_count, 2);
	assert_string_equal(p->sites[0].operation, "mmap");
	assert_string_equal(p->sites[0].family, "mapping");
	profile_free(p);
	heap_free(h);
}

static void test_mappings_are_left(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	feed_map(h, SEEP_MAP, 1, 1, 0x10000, 0x8000, 7, SEEP_ANONYMOUS, 10);
	feed_map(h, SEEP_MAP, 2, 1, 0x10000, 0x1000, 8, SEEP_ANONYMOUS, 10);
	/* under way */
	feed_map(h, SEEP_UNMAP_BEGIN, 1, 1, 0x12000, 0x1000, 0, 0, 20);
	heap_leave_mappings(h, 30);
	feed_map(h, SEEP_UNMAP_END, 1, 1, 0x12000, 0x1000, 0, SEEP_FAILED, 31);
	feed_map(h, SEEP_MAP, 1, 1, 0x50000, 0x2000, 9, 0, 40);
	p = filled(h, 5000, NULL);
	for (size_t i = 0; i < p->nr_processes; i++) {
		assert_int_equal(p->processes[i].mapped_bytes, 0);
		assert_int_equal(p->processes[i].mapped_count, 0);
	}
	assert_null(site_of(p, PID, 9));
	check_stack(h, PID, 7, 0, 0, 1, 1);
	profile_free(p);
	heap_free(h);
}

static void test_mremap(void **state)
{
	struct heap *h = new_heap(0, 0);

	feed_map(h, SEEP_MAP, 1, 1, 0x10000, 0x4000, 7, 0, 10);
	feed_map(h, SEEP_REMAP_BEGIN, 1, 1, 0x10000, 0x4000, 0, 0, 20);
	feed_map(h, SEEP_REMAP_END, 1, 1, 0, 0x8000, 8, SEEP_FAILED, 20);
	check_stack(h, PID, 7, 0x4000, 1, 1, 0);
	feed_map(h, SEEP_REMAP_BEGIN, 1, 1, 0x10000, 0x4000, 0, 0, 30);
	feed_map(h, SEEP_REMAP_END, 1, 1, 0x40000, 0x8000, 8, 0, 30);
	check_stack(h, PID, 7, 0, 0, 1, 1);
	check_stack(h, PID, 8, 0x8000, 1, 1, 0);
	/* Both stay. */
	feed_map(h, SEEP_REMAP_BEGIN, 1, 1, 0x40000, 0x8000, 0, 0, 40);
	feed_map(h, SEEP_REMAP_END, 1, 1, 0x80000, 0x8000, 9, SEEP_KEEP_OLD, 40);
	check_stack(h, PID, 8, 0x8000, 1, 1, 0);
	check_stack(h, PID, 9, 0x8000, 1, 1, 0);
	/* In place, larger. */
	feed_map(h, SEEP_REMAP_BEGIN, 1, 1, 0x80000, 0x8000, 0, 0, 50);
	feed_map(h, SEEP_REMAP_END, 1, 1, 0x80000, 0x9000, 9, 0, 50);
	check_stack(h, PID, 9, 0x9000, 1, 2, 1);
	/* Under way when the space ends. */
	feed_map(h, SEEP_UNMAP_BEGIN, 1, 1, 0x80000, 0x9000, 0, 0, 60);
	feed_space(h, SEEP_SPACE_END, SEEP_SPACE_EXIT, 1, 0, PID, 70);
	check_stack(h, PID, 9, 0x9000, 1, 2, 1);
	feed_map(h, SEEP_UNMAP_END, 1, 1, 0x80000, 0x9000, 0, 0, 80);
	check_stack(h, PID, 9, 0x9000, 1, 2, 1);
	heap_free(h);
}

static void test_memory_bound(void **state)
{
	const uint64_t bound = 4 << 20;
	struct heap *h = new_heap(bound, 0);
	struct heap_stats stats;
	struct profile *p;

	for (uint64_t i = 0; i < 300000; i++)
		assert_int_equal(feed_alloc(h, 1, 0x1000 + i * 64, 10, 7, i / 100), 0);
	stats = heap_stats(h);
	assert_true(stats.bytes <= bound);
	/* Most of the bound is used, the old blocks stay, the new ones are counted. */
	assert_true(stats.blocks > 60000);
	assert_int_equal(stats.blocks + stats.blocks_evicted, 300000);
	assert_int_equal(stats.evicted_bytes, stats.blocks_evicted * 10);
	p = filled(h, 5000, NULL);
	assert_int_equal(site_of(p, PID, 7)->alloc_count, 300000);
	assert_int_equal(site_of(p, PID, 7)->live_count, stats.blocks);
	assert_int_equal(site_of(p, PID, 7)->free_count, 0);
	assert_int_equal(site_of(p, PID, 7)->verdict, VERDICT_TOO_LITTLE_DATA);
	assert_int_equal(p->health.blocks_evicted, stats.blocks_evicted);
	profile_free(p);
	feed_free(h, 1, 0x1000, 5000);
	assert_int_equal(heap_stats(h).unmatched_frees, 0);
	heap_free(h);
}

static void test_site_bound(void **state)
{
	struct heap *h = new_heap(1 << 20, 0);
	struct profile *p;
	uint64_t live = 0;
	size_t others = 0;

	for (uint64_t i = 0; i < 1000; i++)
		feed_alloc(h, 1, 0x1000 + i * 64, 10, 1 + i, 10);
	for (uint64_t i = 0; i < 1000; i += 2)
		feed_free(h, 1, 0x1000 + i * 64, 20);
	assert_true(heap_stats(h).sites < 300);
	assert_true(heap_stats(h).sites_folded > 500);
	p = filled(h, 5000, NULL);
	for (size_t i = 0; i < p->nr_sites; i++) {
		live += p->sites[i].live_bytes;
		others += !strcmp(p->sites[i].operation, "other sites");
	}
	assert_int_equal(others, 1);
	assert_int_equal(live, 5000);
	assert_int_equal(p->processes[0].live_bytes, 5000);
	profile_free(p);
	heap_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping_sites), cmocka_unit_test(test_mappings_are_left),
		cmocka_unit_test(test_mremap),	      cmocka_unit_test(test_memory_bound),
		cmocka_unit_test(test_site_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What others may know of the live blocks of one space. */
#include "feed.h"

#include <errno.h>

struct sum {
	uint64_t blocks, addresses, bytes;
};

static void add_up(void *context, uint64_t address, uint64_t size)
{
	struct sum *sum = context;

	sum->blocks++;
	sum->addresses += address;
	sum->bytes += size;
}

static void feed_of_family(struct heap *h, uint32_t space, uint64_t address, uint64_t size,
			   uint8_t family)
{
	struct seep_alloc a = an_alloc(space, address, size, family, 10);

	a.family = family;
	assert_int_equal(heap_alloc(h, &a), 0);
}

static void blocks_of_one_space(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct sum sum = { 0 };

	feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_SEEN, 2, 0, PID + 1, 0);
	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_alloc(h, 1, 0x2000, 50, 8, 10);
	feed_alloc(h, 1, 0x3000, 9, 7, 10);
	feed_alloc(h, 2, 0x1000, 1000, 7, 10);
	feed_free(h, 1, 0x3000, 20);
	assert_int_equal(heap_each_live(h, 1, add_up, &sum), 0);
	assert_int_equal(sum.blocks, 2);
	assert_int_equal(sum.addresses, 0x3000);
	assert_int_equal(sum.bytes, 150);
	assert_int_equal(heap_each_live(h, 3, add_up, &sum), -ENOENT);
	heap_free(h);
}

/* Where what seems to live may be gone, or stands for others. */
static void not_where_releases_were_missed(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct sum sum = { 0 };

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	heap_taint(h, 1, 1);
	assert_int_equal(heap_each_live(h, 1, add_up, &sum), -ENODATA);
	heap_free(h);
	h = new_heap(0, 0);
	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	heap_burst_begin(h, at_ms(20));
	assert_int_equal(heap_each_live(h, 1, add_up, &sum), -ENODATA);
	heap_free(h);
	h = new_heap(0, 1024);
	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	assert_int_equal(heap_each_live(h, 1, add_up, &sum), -ENODATA);
	heap_free(h);
	assert_int_equal(sum.blocks, 0);
}

static void the_family_of_most_bytes(void **state)
{
	struct heap *h = new_heap(0, 0);

	assert_int_equal(heap_main_family(h, 1), 0);
	feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_SEEN, 2, 0, PID + 1, 0);
	feed_of_family(h, 1, 0x1000, 100, 1);
	feed_of_family(h, 1, 0x2000, 300, 3);
	feed_of_family(h, 1, 0x3000, 150, 1);
	feed_of_family(h, 2, 0x3000, 5000, 1);
	/* what it has given back counts */
	feed_free(h, 1, 0x2000, 20);
	assert_int_equal(heap_main_family(h, 1), 3);
	assert_int_equal(heap_main_family(h, 2), 1);
	assert_int_equal(heap_main_family(h, 9), 0);
	/* address space is nobody's */
	feed_map(h, SEEP_MAP, 1, 1, 0x100000, 1 << 20, 9, 0, 30);
	assert_int_equal(heap_main_family(h, 1), 3);
	heap_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_one_space),
		cmocka_unit_test(not_where_releases_were_missed),
		cmocka_unit_test(the_family_of_most_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

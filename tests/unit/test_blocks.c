// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "heap/blocks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t seed = 88172645463325252ULL;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct block a_block(uint32_t space, uint64_t address, uint64_t size)
{
	return (struct block){
		.space = space, .address = address, .size = size, .site = 3, .born = 77
	};
}

static void test_keys(void **state)
{
	struct blocks *b = blocks_new(0);
	struct block one = a_block(1, 0x1000, 10), two = a_block(2, 0x1000, 20), out;

	assert_int_equal(blocks_put(b, &one, &out), 0);
	assert_int_equal(blocks_put(b, &two, &out), 0);
	assert_false(blocks_take(b, 3, 0x1000, &out));
	assert_true(blocks_get(b, 1, 0x1000, &out));
	assert_int_equal(out.size, 10);
	one.size = BLOCK_SIZE_MAX;
	assert_int_equal(blocks_put(b, &one, &out), 1);
	assert_int_equal(out.size, 10);
	assert_true(blocks_take(b, 1, 0x1000, &out));
	assert_true(out.size == BLOCK_SIZE_MAX);
	assert_int_equal(out.site, 3);
	assert_int_equal(out.born, 77);
	assert_true(blocks_get(b, 2, 0x1000, &out));
	assert_int_equal(out.size, 20);
	assert_int_equal(blocks_count(b), 1);
	blocks_free(b);
}

/* Few keys, so that each comes and goes often, and runs collide. */
static void test_random(void **state)
{
	enum { KEYS = 20000, EVENTS = 3000000 };
	uint64_t *sizes = calloc(KEYS, sizeof(*sizes));
	struct blocks *b = blocks_new(0);
	struct blocks_cursor cursor = { 0 };
	const struct block *each;
	size_t live = 0, walked = 0;

	for (size_t i = 0; i < EVENTS; i++) {
		/* Phases in which the table fills and empties. */
		bool add = random_number() % 100 < (i / (EVENTS / 6) % 2 ? 20 : 80);
		size_t k = random_number() % KEYS;
		struct block block = a_block(1 + k % 3, k / 3 * 16, i + 1), out;

		if (add) {
			assert_int_equal(blocks_put(b, &block, &out), sizes[k] != 0);
			if (sizes[k])
				assert_int_equal(out.size, sizes[k]);
			else
				live++;
			sizes[k] = i + 1;
		} else {
			assert_int_equal(blocks_take(b, block.space, block.address, &out),
					 sizes[k] != 0);
			if (sizes[k]) {
				assert_int_equal(out.size, sizes[k]);
				live--;
			}
			sizes[k] = 0;
		}
		assert_int_equal(blocks_count(b), live);
	}
	while ((each = blocks_next(b, &cursor))) {
		size_t k = each->address / 16 * 3 + each->space - 1;

		assert_int_equal(each->size, sizes[k]);
		walked++;
	}
	assert_int_equal(walked, live);
	blocks_free(b);
	free(sizes);
}

/* At most 64 bytes a block at every fill level, filling and emptying. */
static void test_bytes_per_block(void **state)
{
	enum { MOST = 600000, LEAST = 5000 };
	struct blocks *b = blocks_new(0);
	struct block out;
	double worst = 0;

	for (uint64_t i = 0; i < MOST; i++) {
		struct block block = a_block(1, i * 48, 1);

		assert_int_equal(blocks_put(b, &block, &out), 0);
		if (i > LEAST && (double)blocks_bytes(b) / (double)blocks_count(b) > worst)
			worst = (double)blocks_bytes(b) / (double)blocks_count(b);
	}
	assert_true(worst <= 48);
	for (uint64_t i = 0; i < MOST - LEAST; i++) {
		assert_true(blocks_take(b, 1, i * 48, &out));
		if ((double)blocks_bytes(b) / (double)blocks_count(b) > worst)
			worst = (double)blocks_bytes(b) / (double)blocks_count(b);
	}
	printf("at most %.1f bytes a block\n", worst);
	assert_true(worst <= 64);
	blocks_free(b);
}

static void test_bound(void **state)
{
	const uint64_t bound = 1 << 20;
	struct blocks *b = blocks_new(bound);
	uint64_t refused = 0;
	struct block out;

	for (uint64_t i = 0; i < 100000; i++) {
		struct block block = a_block(1, i * 48, i);
		int err = blocks_put(b, &block, &out);

		assert_true(err == 0 || err == -ENOSPC);
		refused += err != 0;
		assert_true(blocks_bytes(b) <= bound);
	}
	assert_int_equal(blocks_count(b) + refused, 100000);
	assert_true(blocks_count(b) > bound / 32);
	/* What is in it stays; a release makes room. */
	for (uint64_t i = 0; i < 10000; i++)
		assert_true(blocks_take(b, 1, i * 48, &out));
	refused = 0;
	for (uint64_t i = 0; i < 5000; i++) {
		struct block block = a_block(2, i * 48, i);

		refused += blocks_put(b, &block, &out) != 0;
	}
	assert_true(refused < 500);
	blocks_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bytes_per_block),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

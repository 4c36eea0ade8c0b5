// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static uint64_t seed = 5;

static uint64_t random_number(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 20;
}

/* Keys of a small range, in both halves of the 64 bits, so that runs form and break. */
static uint64_t key_of(size_t i)
{
	return i % 2 ? i << 48 : i;
}

static void test_hashmap_random(void **state)
{
	enum { KEYS = 600, EVENTS = 500000 };
	struct hashmap *map = hashmap_new();
	uint64_t values[KEYS] = { 0 }, key, value;
	size_t size = 0, cursor = 0, walked = 0;

	for (uint64_t i = 1; i <= EVENTS; i++) {
		size_t k = random_number() % KEYS;

		if (random_number() % 100 < (i / 50000 % 2 ? 30 : 70)) {
			assert_int_equal(hashmap_put(map, key_of(k), i), 0);
			size += !values[k];
			values[k] = i;
		} else {
			assert_int_equal(hashmap_remove(map, key_of(k)), values[k] != 0);
			size -= values[k] != 0;
			values[k] = 0;
		}
		k = random_number() % KEYS;
		value = 77;
		assert_int_equal(hashmap_get(map, key_of(k), &value), values[k] != 0);
		assert_int_equal(value, values[k] ? values[k] : 77);
		assert_int_equal(hashmap_size(map), size);
	}
	while (hashmap_next(map, &cursor, &key, &value)) {
		size_t k = key >= KEYS ? key >> 48 : key;

		assert_int_equal(values[k], value);
		walked++;
	}
	assert_int_equal(walked, size);
	assert_true(hashmap_bytes(map) >= size * 16);
	hashmap_free(map);
}

static void test_hashmap_any_key(void **state)
{
	struct hashmap *map = hashmap_new();
	uint64_t value;

	assert_false(hashmap_get(map, 0, &value));
	assert_false(hashmap_remove(map, UINT64_MAX));
	hashmap_put(map, 0, 1);
	hashmap_put(map, UINT64_MAX, 2);
	hashmap_put(map, 0, 3);
	assert_int_equal(hashmap_size(map), 2);
	assert_true(hashmap_get(map, 0, &value));
	assert_int_equal(value, 3);
	assert_true(hashmap_get(map, UINT64_MAX, &value));
	assert_int_equal(value, 2);
	hashmap_free(map);
	hashmap_free(NULL);
}

static void test_strpool(void **state)
{
	struct strpool *pool = strpool_new();
	const char *first[3000], *big;
	char text[32], *large;

	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "string %d", i);
		first[i] = strpool_add(pool, text);
		assert_string_equal(first[i], text);
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "string %d", i);
		assert_ptr_equal(strpool_add(pool, text), first[i]);
	}
	assert_ptr_equal(strpool_add_n(pool, "string 7 and more", 8), first[7]);
	assert_string_equal(strpool_add(pool, ""), "");
	assert_null(strpool_add(pool, NULL));
	large = malloc(200001);
	memset(large, 'x', 200000);
	large[200000] = '\0';
	big = strpool_add(pool, large);
	assert_string_equal(big, large);
	free(large);
	assert_string_equal(first[2999], "string 2999");
	assert_true(strpool_bytes(pool) > 200000);
	strpool_free(pool);
	strpool_free(NULL);
}

static void test_vec(void **state)
{
	struct item {
		int number;
		char rest[13];
	} *items = NULL;
	size_t nr = 0, cap = 0;

	for (int i = 0; i < 1000; i++) {
		struct item *item = vec_push(&items, &nr, &cap);

		assert_int_equal(item->number, 0);
		item->number = i;
		memset(item->rest, 0xff, sizeof(item->rest));
	}
	assert_int_equal(nr, 1000);
	assert_true(cap >= nr);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i].number, i);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashmap_random),
		cmocka_unit_test(test_hashmap_any_key),
		cmocka_unit_test(test_strpool),
		cmocka_unit_test(test_vec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

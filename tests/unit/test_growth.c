/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Censuses as rows, and what is made of several of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/census.h"
#include "runtime/growth.h"
#include "runtime/trend.h"

static void rows_of_a_name_are_one(void **state)
{
	struct census *census = census_new(), *other = census_new();
	const struct census_type *row;
	char name[] = "Node";

	census->consistent = true;
	census_add(census, "dict", 5, 500);
	census_add(census, name, 3, 30);
	name[0] = 'M';
	census_add(census, "Node", 4, 40);
	census_add(census, "Apple", 5, 1);
	assert_int_equal(census->nr_types, 3);
	assert_int_equal(census->objects, 17);
	assert_int_equal(census->bytes, 571);
	census_sort(census);
	assert_string_equal(census->types[0].name, "Node");
	assert_string_equal(census->types[1].name, "Apple");
	assert_string_equal(census->types[2].name, "dict");
	/* Also after sorting a name finds its row. */
	census_add(census, "dict", 1, 1);
	assert_int_equal(census_find(census, "dict")->count, 6);
	census_add(other, "dict", 10, 10);
	census_add(other, "new", 1, 1);
	other->consistent = false;
	assert_int_equal(census_merge(census, other), 0);
	row = census_find(census, "dict");
	assert_int_equal(row->count, 16);
	assert_int_equal(census->objects, 29);
	assert_false(census->consistent);
	assert_null(census_find(census, "nothing"));
	census_free(census);
	census_free(other);
	census_free(NULL);
}

/* A log of one type's counts, ten seconds apart. */
static struct growth *course(const uint64_t *counts, size_t nr)
{
	struct growth_log *log = growth_log_new();
	struct growth *growth;

	for (size_t i = 0; i < nr; i++) {
		struct census *census = census_new();

		census->time = 100 + 10.0 * i;
		census_add(census, "steady", 1000, 1000);
		if (counts[i])
			census_add(census, "Thing", counts[i], counts[i] * 64);
		assert_int_equal(growth_log_add(log, census), 0);
		census_free(census);
	}
	assert_int_equal(growth_compute(log, &growth), 0);
	/* The names are the log's; what is asked of the growth here is not. */
	growth_log_free(log);
	return growth;
}

#define COURSE(...)                                                                                \
	course((const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

static const struct growth_type *thing(const struct growth *growth)
{
	return &growth->types[growth->types[0].count == 1000 ? 1 : 0];
}

static void is_of(struct growth *growth, enum growth_trend trend, enum growth_verdict verdict)
{
	assert_int_equal(thing(growth)->trend, trend);
	assert_int_equal(growth->verdict, verdict);
	assert_int_equal(growth->leader != NULL, verdict == GROWTH_STEADY);
	growth_free(growth);
}

static void tells_trends(void **state)
{
	is_of(COURSE(10, 500), TREND_UNKNOWN, GROWTH_TOO_LITTLE);
	is_of(COURSE(100, 200, 300, 400, 500), TREND_GROWING, GROWTH_STEADY);
	is_of(COURSE(100, 190, 320, 400, 520), TREND_GROWING, GROWTH_STEADY);
	is_of(COURSE(100, 150, 140, 230, 290, 380), TREND_GROWING, GROWTH_STEADY);
	/* accelerating */
	is_of(COURSE(1, 10, 100, 1010, 9900), TREND_GROWING, GROWTH_STEADY);
	/* a cache that fills */
	is_of(COURSE(0, 500, 750, 875, 937, 968), TREND_SLOWING, GROWTH_ONCE);
	/* loaded once */
	is_of(COURSE(100, 100, 5100, 5100, 5102), TREND_STEP, GROWTH_ONCE);
	is_of(COURSE(100, 5100, 5100), TREND_STEP, GROWTH_ONCE);
	is_of(COURSE(0, 0, 1500, 4000, 4000, 4000), TREND_STEP, GROWTH_ONCE);
	/* ups and downs */
	is_of(COURSE(500, 700, 400, 650, 480, 690), TREND_FLAT, GROWTH_NONE);
	/* Filled slowly, emptied at once. */
	is_of(COURSE(150, 199, 10, 90, 140, 190), TREND_FLAT, GROWTH_NONE);
	/* next to nothing */
	is_of(COURSE(500, 501, 502, 503, 504), TREND_FLAT, GROWTH_NONE);
	is_of(COURSE(1000000, 1000200, 1000400, 1000600), TREND_FLAT, GROWTH_NONE);
	is_of(COURSE(900, 800, 700, 600), TREND_SHRINKING, GROWTH_NONE);
	is_of(COURSE(900, 900, 900), TREND_FLAT, GROWTH_NONE);
}

/* Much in an increment that took most of the time is no step. */
static void looks_at_times(void **state)
{
	const uint64_t counts[] = { 100, 1030, 1060, 1100 };
	const double late[] = { 0, 14, 14.5, 15 }, even[] = { 0, 5, 10, 15 };

	assert_int_equal(trend_of_counts(counts, late, 4), TREND_GROWING);
	assert_int_equal(trend_of_counts(counts, even, 4), TREND_STEP);
}

static void tells_figures(void **state)
{
	struct growth *growth = COURSE(0, 300, 200, 450);
	const struct growth_type *type = thing(growth);

	assert_int_equal(type->count, 450);
	assert_int_equal(type->delta, 450);
	assert_int_equal(type->last_delta, 250);
	assert_int_equal(type->bytes_delta, 450 * 64);
	assert_int_equal(type->above_peak, 150);
	assert_true(type->rate == 15);
	assert_true(type->is_new);
	assert_false(growth->types[1].is_new);
	assert_int_equal(growth->types[1].above_peak, 0);
	assert_int_equal(growth->delta, 450);
	assert_int_equal(growth->objects, 1450);
	assert_true(growth->seconds == 30);
	assert_int_equal(growth->censuses, 4);
	growth_free(growth);
	growth = COURSE(400, 300, 0, 350);
	type = thing(growth);
	assert_int_equal(type->above_peak, 0);
	assert_int_equal(type->delta, -50);
	assert_false(type->is_new);
	growth_free(growth);
}

/* A hundred censuses are thinned out; first and last stay, and so does the trend. */
static void stays_small(void **state)
{
	uint64_t counts[100];
	struct growth *growth;

	for (int i = 0; i < 100; i++)
		counts[i] = 1000 + 50 * i;
	growth = course(counts, 100);
	assert_int_equal(growth->censuses, 100);
	assert_int_equal(growth->types[0].delta, 99 * 50);
	assert_int_equal(growth->types[0].last_delta, 50);
	assert_true(growth->seconds == 990);
	assert_int_equal(growth->types[0].trend, TREND_GROWING);
	growth_free(growth);
}

static void nothing_is_no_data(void **state)
{
	struct growth_log *log = growth_log_new();
	struct growth *growth = NULL;

	assert_int_equal(growth_compute(log, &growth), -ENODATA);
	assert_null(growth);
	growth_log_free(log);
	growth_log_free(NULL);
	growth_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_name_are_one),
		cmocka_unit_test(looks_at_times),
		cmocka_unit_test(tells_trends),
		cmocka_unit_test(tells_figures),
		cmocka_unit_test(stays_small),
		cmocka_unit_test(nothing_is_no_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which cause of growth plain numbers say, and the courses of containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cause.h"
#include "runtime/container_log.h"

static const struct cause_numbers calm = {
	.looks = 5,
	.seconds = 40,
	.objects = 100000,
	.container_trend = TREND_FLAT,
	.container_capacity = -1,
	.held_trend = TREND_FLAT,
	.dead_trend = TREND_FLAT,
	.gc_enabled = 1,
};

static void is(const struct cause_numbers *n, enum cause_kind kind, int64_t objects)
{
	struct cause cause = cause_decide(n);

	assert_int_equal(cause.kind, kind);
	assert_int_equal(cause.objects, objects);
}

static void calm_is_none(void **state)
{
	struct cause_numbers n = calm;

	is(&n, CAUSE_NONE, 0);
	n.dead = 50000;
	n.held = 20;
	is(&n, CAUSE_NONE, 0);
	n.looks = 2;
	is(&n, CAUSE_TOO_LITTLE, 0);
}

static void a_container(void **state)
{
	struct cause_numbers n = calm;

	n.container_growth = 4000;
	n.container_trend = TREND_GROWING;
	is(&n, CAUSE_CONTAINER, 4000);
	assert_true(cause_decide(&n).rate == 100);
	n.container_capacity = 10000;
	is(&n, CAUSE_FILLING, 4000);
	n.container_capacity = -1;
	n.container_trend = TREND_SLOWING;
	is(&n, CAUSE_NONE, 0);
	n.container_trend = TREND_GROWING;
	n.container_growth = CAUSE_LEAST - 1;
	is(&n, CAUSE_NONE, 0);
	n.container_growth = 4000;
	n.looks = 2; /* at who holds the objects; its length was taken more often */
	n.container_seconds = 80;
	is(&n, CAUSE_CONTAINER, 4000);
	assert_true(cause_decide(&n).rate == 50);
	n.container_trend = TREND_UNKNOWN;
	is(&n, CAUSE_TOO_LITTLE, 0);
}

/* Lists of classes grow with the modules that are imported; a leak grows faster. */
static void imports(void **state)
{
	struct cause_numbers n = calm;

	n.container_growth = 4000;
	n.container_trend = TREND_GROWING;
	n.modules_growth = 250;
	n.modules_trend = TREND_GROWING;
	is(&n, CAUSE_NONE, 0);
	n.modules_growth = 100;
	is(&n, CAUSE_CONTAINER, 4000);
	n.modules_growth = 250;
	n.modules_trend = TREND_STEP;
	is(&n, CAUSE_CONTAINER, 4000);
}

static void held_from_c(void **state)
{
	struct cause_numbers n = calm;

	n.held = 520;
	n.held_before = 20;
	n.held_trend = TREND_GROWING;
	is(&n, CAUSE_HELD_FROM_C, 500);
	/* In a large process so few are chance. */
	n.objects = 10000000;
	is(&n, CAUSE_NONE, 0);
	n.objects = 100000;
	n.held_trend = TREND_FLAT;
	is(&n, CAUSE_NONE, 0);
}

static void cycles(void **state)
{
	struct cause_numbers n = calm;

	n.dead = 3000;
	n.dead_before = 1000;
	n.dead_trend = TREND_GROWING;
	is(&n, CAUSE_NONE, 0);
	n.gc_enabled = -1;
	is(&n, CAUSE_NONE, 0);
	n.gc_enabled = 0;
	is(&n, CAUSE_CYCLE, 2000);
	n.looks = 1;
	is(&n, CAUSE_CYCLE, 3000);
	n.garbage = 5000;
	is(&n, CAUSE_UNCOLLECTABLE, 5000);
	n.garbage = -1;
	is(&n, CAUSE_CYCLE, 3000);
}

/* The collector is on, but told again and again to spare what there is. */
static void frozen(void **state)
{
	struct cause_numbers n = calm;

	n.dead = 5000;
	n.dead_before = 1000;
	n.dead_trend = TREND_GROWING;
	is(&n, CAUSE_NONE, 0);
	n.frozen_growth = 9000;
	is(&n, CAUSE_CYCLE, 4000);
	n.frozen_growth = 3000;
	is(&n, CAUSE_CYCLE, 3000);
	/* Once, at the start, is what services do before they fork. */
	n.dead_trend = TREND_STEP;
	is(&n, CAUSE_NONE, 0);
	n.dead_trend = TREND_GROWING;
	n.looks = 2;
	is(&n, CAUSE_TOO_LITTLE, 0);
}

static void the_larger_counts(void **state)
{
	struct cause_numbers n = calm;

	n.container_growth = 4000;
	n.container_trend = TREND_GROWING;
	n.held = 5000;
	n.held_trend = TREND_GROWING;
	is(&n, CAUSE_HELD_FROM_C, 5000);
	n.container_growth = 6000;
	is(&n, CAUSE_CONTAINER, 6000);
}

static void courses(void **state)
{
	struct container_log *log = container_log_new();
	struct container_growth growth;

	for (uint64_t i = 0; i < 6; i++) {
		assert_int_equal(container_log_begin(log, 10.0 * i), 0);
		assert_int_equal(container_log_add(log, 1, 100 + 50 * i), 0);
		assert_int_equal(container_log_add(log, 2, 1000), 0);
		assert_int_equal(container_log_add(log, 3, i < 3 ? 5 : 500), 0);
		if (i < 4)
			assert_int_equal(container_log_add(log, 4, 77), 0);
	}
	assert_int_equal(container_log_looks(log), 6);
	assert_true(container_log_growth(log, 1, 0, &growth));
	assert_int_equal(growth.delta, 250);
	assert_true(growth.rate == 5);
	assert_int_equal(growth.trend, TREND_GROWING);
	assert_false(growth.is_new);
	assert_true(container_log_growth(log, 2, 0, &growth));
	assert_int_equal(growth.trend, TREND_FLAT);
	assert_true(container_log_growth(log, 3, 0, &growth));
	assert_true(growth.is_new);
	assert_int_equal(growth.delta, 500);
	assert_int_equal(growth.trend, TREND_STEP);
	/* Gone, and too short, are not known. */
	assert_false(container_log_growth(log, 4, 0, &growth));
	assert_false(container_log_growth(log, 5, 0, &growth));
	container_log_free(log);
}

enum { FIRST_LIST = 10, PLACE = 100 };

/* One look at a place in which is list number `which`. */
static void look_at_place(struct container_log *log, double time, uint64_t which, uint64_t length)
{
	assert_int_equal(container_log_begin(log, time), 0);
	assert_int_equal(container_log_add(log, FIRST_LIST + which, length), 0);
	assert_int_equal(container_log_add(log, PLACE, length), 0);
}

/* A list that is emptied by putting a new one in its place does not grow. */
static void a_place_that_is_emptied(void **state)
{
	static const uint64_t lengths[] = { 150, 199, 10, 90, 140, 190 };
	struct container_log *log = container_log_new();
	struct container_growth growth;

	for (uint64_t i = 0; i < 6; i++)
		look_at_place(log, i, i >= 2, lengths[i]);
	assert_true(container_log_growth(log, FIRST_LIST + 1, PLACE, &growth));
	assert_int_equal(growth.trend, TREND_FLAT);
	assert_int_equal(growth.delta, 40);
	assert_int_equal(container_log_delta(log, FIRST_LIST + 1, PLACE), 40);
	assert_false(growth.is_new);
	container_log_free(log);
}

/* One that is replaced by a longer one each time does. */
static void a_place_that_grows(void **state)
{
	struct container_log *log = container_log_new();
	struct container_growth growth;

	for (uint64_t i = 0; i < 6; i++)
		look_at_place(log, i, i, 100 + 50 * i);
	assert_true(container_log_growth(log, FIRST_LIST + 5, PLACE, &growth));
	assert_int_equal(growth.trend, TREND_GROWING);
	assert_int_equal(growth.delta, 250);
	container_log_free(log);
}

/* Younger than the first look: two or three points that rise from nothing say little. */
static void a_young_one(void **state)
{
	struct container_log *log = container_log_new();
	struct container_growth growth;

	for (uint64_t i = 0; i < 5; i++) {
		if (i == 4) {
			assert_true(container_log_growth(log, 1, 0, &growth));
			assert_int_equal(growth.trend, TREND_UNKNOWN);
			assert_int_equal(growth.delta, 300);
		}
		assert_int_equal(container_log_begin(log, i), 0);
		assert_int_equal(container_log_add(log, 1, 100 * i), 0);
	}
	assert_true(container_log_growth(log, 1, 0, &growth));
	assert_int_equal(growth.trend, TREND_GROWING);
	assert_int_equal(growth.delta, 400);
	container_log_free(log);
}

/* More looks than are kept: the first and the last stay. */
static void many_looks(void **state)
{
	struct container_log *log = container_log_new();
	struct container_growth growth;

	for (uint64_t i = 0; i < 200; i++) {
		assert_int_equal(container_log_begin(log, i), 0);
		assert_int_equal(container_log_add(log, 1, 100 + i), 0);
	}
	assert_true(container_log_growth(log, 1, 0, &growth));
	assert_int_equal(growth.delta, 199);
	assert_true(growth.rate == 1);
	assert_int_equal(growth.trend, TREND_GROWING);
	container_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports),
		cmocka_unit_test(calm_is_none),
		cmocka_unit_test(a_container),
		cmocka_unit_test(held_from_c),
		cmocka_unit_test(cycles),
		cmocka_unit_test(courses),
		cmocka_unit_test(the_larger_counts),
		cmocka_unit_test(many_looks),
		cmocka_unit_test(frozen),
		cmocka_unit_test(a_young_one),
		cmocka_unit_test(a_place_that_is_emptied),
		cmocka_unit_test(a_place_that_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When passes begin: spread over hosts, by chance, and at whole multiples. */
#include "sweep/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void test_jitter_spreads_hosts(void **state)
{
	enum { HOSTS = 10000, TENTHS = 10 };
	unsigned int counts[TENTHS] = { 0 };

	for (unsigned int i = 0; i < HOSTS; i++) {
		char id[64];
		double delay;

		/* ids that differ little */
		snprintf(id, sizeof(id), "3d1219c7c4c5404aaa1f6d2a%08x", i);
		delay = sweep_jitter(sweep_host_hash(id), 7200);
		assert_true(delay >= 0 && delay < 7200);
		assert_true(delay == sweep_jitter(sweep_host_hash(id), 7200));
		counts[(int)(delay / 720)]++;
	}
	/* 1000 expected in each, with a standard deviation of 30 */
	for (int i = 0; i < TENTHS; i++)
		assert_in_range(counts[i], 850, 1150);
	assert_true(sweep_jitter(UINT64_MAX, 1) < 1);
	assert_true(sweep_jitter(12345, 0) == 0);
}

static void test_chance(void **state)
{
	uint64_t chance = 1;
	unsigned int taken = 0;

	for (int i = 0; i < 10000; i++) {
		chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
		taken += sweep_takes_part(chance, 0.25);
	}
	assert_in_range(taken, 2300, 2700);
	assert_true(sweep_takes_part(UINT64_MAX, 1));
	assert_true(sweep_takes_part(0, 1e-6));
	assert_false(sweep_takes_part(UINT64_MAX, 0.999999));
}

static void test_once(void **state)
{
	struct sweep_schedule schedule;

	sweep_schedule_init(&schedule, 100, 5, 0);
	assert_true(schedule.due == 105);
	assert_false(sweep_schedule_next(&schedule, 200));
}

static void test_every(void **state)
{
	struct sweep_schedule schedule;

	sweep_schedule_init(&schedule, 100, 5, 60);
	assert_true(schedule.due == 105);
	assert_true(sweep_schedule_next(&schedule, 130));
	assert_true(schedule.due == 165);
	/* a pass of 130 s: those of 225 and 285 were left out, and the next is at its usual time */
	assert_true(sweep_schedule_next(&schedule, 295));
	assert_true(schedule.due == 345);
	assert_int_equal(schedule.missed, 2);
	/* time that goes back changes nothing */
	assert_true(sweep_schedule_next(&schedule, 10));
	assert_true(schedule.due == 405);
	assert_int_equal(schedule.missed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter_spreads_hosts),
		cmocka_unit_test(test_chance),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_every),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

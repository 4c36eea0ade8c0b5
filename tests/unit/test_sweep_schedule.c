// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When passes begin: spread over hosts, by chance, and at whole multiples. */
#include "sweep/schedule.h"

#include <math.h>
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

/* A minute at a time, whatever passes use: 2% of what has passed is not exceeded. */
static void test_own_budget_over_passes(void **state)
{
	static const double used[] = { 4.2, 0.1, 0.3, 12, 1.1, 2.4 };
	struct sweep_account account = { .percent = 2, .cpu = 1 };
	struct sweep_schedule schedule;
	double now = 1000, cpu = 1, due = 0;

	sweep_schedule_init(&schedule, now, 0, 60);
	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++) {
		now = schedule.due;
		assert_true(now >= due);
		/* looks between passes are paid for too */
		cpu += 0.02;
		sweep_account_begin(&account, now, cpu);
		cpu += used[i];
		due = sweep_account_due(&account, cpu);
		assert_true(due >= now + used[i] / 0.02 - 1e-6);
		assert_true(sweep_schedule_next(&schedule, fmax(now + 40, due)));
		assert_true(cpu - 1 <= (schedule.due - 1000) * 0.02 + 0.02 + 1e-9);
		/* still at whole minutes */
		assert_true(fmod(schedule.due - 1000, 60) == 0);
	}
	assert_true(schedule.missed >= 3 + 9);
}

/* What is owed is carried on, what was saved by a pass is not the next one's. */
static void test_own_budget_carries_debts(void **state)
{
	struct sweep_account account = { .percent = 10 };

	sweep_account_begin(&account, 100, 5);
	assert_true(sweep_account_due(&account, 5) == 100);
	assert_true(sweep_account_due(&account, 8) == 130);
	sweep_account_begin(&account, 110, 8);
	assert_true(sweep_account_due(&account, 9) == 140);
	sweep_account_begin(&account, 1000, 9);
	assert_true(sweep_account_due(&account, 10) == 1010);
	account.percent = 0;
	assert_true(sweep_account_due(&account, 1e9) <= 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter_spreads_hosts),
		cmocka_unit_test(test_chance),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_every),
		cmocka_unit_test(test_own_budget_over_passes),
		cmocka_unit_test(test_own_budget_carries_debts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

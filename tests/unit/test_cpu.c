/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CPU time of a process: finer than the ticks of /proc/PID/stat. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "proc/cpu.h"

static double own_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void less_than_a_tick_is_seen(void **state)
{
	for (int i = 0; i < 5; i++) {
		double before = own_seconds(), told = process_cpu_seconds(getpid()), after;

		while (own_seconds() < before + 0.002)
			;
		after = process_cpu_seconds(getpid());
		assert_true(told >= before);
		assert_true(after > told + 0.001 && after <= own_seconds());
	}
}

static void who_is_gone_uses_nothing(void **state)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(process_cpu_seconds(child) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(less_than_a_tick_is_seen),
		cmocka_unit_test(who_is_gone_uses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

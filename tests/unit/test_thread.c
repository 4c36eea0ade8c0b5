// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Signals stay with who started a thread. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"

static void *look_at_mask(void *context)
{
	pthread_sigmask(SIG_SETMASK, NULL, context);
	return NULL;
}

static void signals_are_for_others(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t before, after, inside;
	pthread_t thread;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	sigemptyset(&inside);
	assert_int_equal(thread_start(&thread, look_at_mask, &inside), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		assert_true(sigismember(&inside, numbers[i]));
		assert_int_equal(sigismember(&after, numbers[i]), numbers[i] == SIGUSR1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_are_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns nothing: a thread has the signal mask of who started it, so that one is set for a moment. */
#include "base/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret_thread, void *(*fn)(void *context), void *context)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(ret_thread, NULL, fn, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

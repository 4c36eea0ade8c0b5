/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Threads beside the one that the user's signals are for. */
#ifndef SEEP_BASE_THREAD_H
#define SEEP_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread that no signal is delivered to. 0 or -errno; it is to be joined. */
int thread_start(pthread_t *ret_thread, void *(*fn)(void *context), void *context);

#endif

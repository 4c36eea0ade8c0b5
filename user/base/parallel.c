// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/parallel.h"

#include <pthread.h>

enum { MOST_THREADS = 16 };

struct work {
	size_t nr, next;
	void (*fn)(void *context, size_t index);
	void *context;
};

static void *do_work(void *argument)
{
	struct work *work = argument;
	size_t index;

	while ((index = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED)) < work->nr)
		work->fn(work->context, index);
	return NULL;
}

void parallel_each(size_t nr, void (*fn)(void *context, size_t index), void *context)
{
	struct work work = { .nr = nr, .fn = fn, .context = context };
	pthread_t threads[MOST_THREADS];
	size_t started = 0;

	/* This thread works as well. */
	while (started + 1 < nr && started < MOST_THREADS &&
	       !pthread_create(&threads[started], NULL, do_work, &work))
		started++;
	do_work(&work);
	while (started)
		pthread_join(threads[--started], NULL);
}

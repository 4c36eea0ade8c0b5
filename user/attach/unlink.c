// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the threads that close links; knows nothing of what was linked. */
#include "attach/unlink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <bpf/libbpf.h>

enum { MOST_THREADS = 16 };

struct closing {
	const struct probe_link *links;
	size_t nr;
	atomic_size_t next;
};

static void *close_some(void *context)
{
	struct closing *closing = context;
	size_t i;

	while ((i = atomic_fetch_add(&closing->next, 1)) < closing->nr) {
		if (closing->links[i].fd >= 0)
			close(closing->links[i].fd);
		bpf_link__destroy(closing->links[i].link);
	}
	return NULL;
}

void unlink_together(const struct probe_link *links, size_t nr)
{
	struct closing closing = { .links = links, .nr = nr };
	pthread_t threads[MOST_THREADS];
	size_t started = 0;

	/* This thread closes too, and all of them where no other can be started. */
	while (started + 1 < nr && started < MOST_THREADS &&
	       !pthread_create(&threads[started], NULL, close_some, &closing))
		started++;
	close_some(&closing);
	while (started)
		pthread_join(threads[--started], NULL);
}

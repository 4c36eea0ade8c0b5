// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the threads that close links; knows nothing of what was linked. */
#include "attach/unlink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
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

struct unlinking {
	pthread_t thread;
	struct probe_link *links;
	size_t nr;
};

static void *close_all(void *context)
{
	struct unlinking *unlinking = context;

	unlink_together(unlinking->links, unlinking->nr);
	return NULL;
}

struct unlinking *unlink_begin(const struct probe_link *links, size_t nr)
{
	struct unlinking *unlinking = calloc(1, sizeof(*unlinking));

	if (unlinking)
		unlinking->links = calloc(nr + 1, sizeof(*links));
	if (unlinking && unlinking->links) {
		memcpy(unlinking->links, links, nr * sizeof(*links));
		unlinking->nr = nr;
		if (!pthread_create(&unlinking->thread, NULL, close_all, unlinking))
			return unlinking;
	}
	if (unlinking)
		free(unlinking->links);
	free(unlinking);
	unlink_together(links, nr);
	return NULL;
}

void unlink_end(struct unlinking *unlinking)
{
	if (!unlinking)
		return;
	pthread_join(unlinking->thread, NULL);
	free(unlinking->links);
	free(unlinking);
}

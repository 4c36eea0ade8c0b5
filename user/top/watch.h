/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A process traced beside the screen, by a thread that owns the tracer from begin to end. */
#ifndef SEEP_TOP_WATCH_H
#define SEEP_TOP_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "top/watch_news.h"

struct watch;

struct watch_options {
	double budget; /* percent of the process's CPU time; 0 no bound */
	double interval; /* seconds between two profiles, at least */
	const char *command; /* for the capture; must last */
};

/* `comm` is copied. 0, -ENOMEM or another -errno; what goes wrong later is news. */
int watch_start(pid_t pid, const char *comm, const struct watch_options *options,
		struct watch **ret_watch);
/* Readable when there are news. */
int watch_fd(const struct watch *watch);
/* The latest; false: nothing since the last call. What is in it becomes the caller's. */
bool watch_take(struct watch *watch, struct watch_news *ret_news);
/* Asks for the end; the last news tell of it. */
void watch_stop(struct watch *watch);
/* The thread is done: watch_free will not wait. */
bool watch_is_done(struct watch *watch);
/* Ends the tracing, and waits until all probes are out. */
void watch_free(struct watch *watch);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps tracing within a budget: measures what it costs, and traces all the time where that
 * fits, else in bursts, and gives up where nothing fits or something goes wrong.
 */
#ifndef SEEP_TRACE_GOVERNOR_H
#define SEEP_TRACE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "attach/kernel.h"
#include "heap/heap.h"
struct governor;
struct profile;

struct governor_options {
	double percent; /* of the targets' CPU time */
	bool host; /* of one core, whatever the targets use */
	struct kernel *kernel;
	struct heap *heap;
	void *context;
	double (*cpu_seconds)(void *context); /* that the targets have used so far */
	void (*probe)(void *context, bool on); /* puts the probes in, or takes them out */
	void (*bursts)(void *context); /* from now on not all is seen; once */
	/* Whether those of malloc (or free) are single-stepped, which is several times dearer. */
	bool (*stepped)(void *context, bool releases);
	/* How many other processes at most have probes of their own where one has. */
	size_t (*others)(void *context);
	uint64_t start; /* of the capture, CLOCK_MONOTONIC ns */
};

/*
 * Before the first probe: until the steps put them in none is. 0, or -errno
 * where the kernel does not tell what programs cost.
 */
int governor_new(const struct governor_options *options, struct governor **ret_governor);
void governor_free(struct governor *governor);

/*
 * Does what is due at `now` (CLOCK_MONOTONIC ns). In how many milliseconds it wants to be
 * called again.
 */
int governor_step(struct governor *governor, uint64_t now);
/* Ends the burst that is under way; before the probes are taken out. */
void governor_stop(struct governor *governor, uint64_t now);
/* It has taken the probes out for good: there is nothing more to be seen. */
bool governor_gave_up(const struct governor *governor);
/* Whether calls go unseen at times. */
bool governor_bursts(const struct governor *governor);

/* Budget, bursts and cost. 0 or -ENOMEM. */
int governor_report(struct governor *governor, uint64_t now, struct profile *profile);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the passes of a sweep have counted in a process: growth from one pass to the next costs
 * nothing to see, and is over minutes where a trace is over seconds.
 */
#ifndef SEEP_SWEEP_HISTORY_H
#define SEEP_SWEEP_HISTORY_H

#include <stdint.h>
#include <sys/types.h>

#include "heap/profile.h"

struct history;

/* NULL: no memory. */
struct history *history_new(void);
void history_free(struct history *history);

/*
 * Adds what this pass has counted of the process, which was traced into the profile, and weighs the
 * verdict by all passes: what has grown from pass to pass is not cleared by one in which too
 * little happened, and the same container that grew in each of three is a leak. `now` in seconds.
 * 0 or -ENOMEM.
 */
int history_weigh(struct history *history, pid_t pid, uint64_t start_ticks, double now,
		  struct profile *profile);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When passes begin: hosts spread by what they are, so that a fleet does not sweep all at
 * once, and by chance, so that a part of it is enough. Pure: times are the caller's, of a clock
 * that is never set.
 */
#ifndef SEEP_SWEEP_SCHEDULE_H
#define SEEP_SWEEP_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sweep_schedule {
	double first; /* when the first pass is due */
	double every; /* 0: there is only one */
	uint64_t missed; /* that were due while another one ran, or its work was not paid for */
	double due;
};

/* What a host is known by (machine-id(5)), as a number that tells nothing else. */
uint64_t sweep_host_hash(const char *id);

/*
 * From 0 to below `jitter`: the same for a host at each call, evenly spread over hosts. `host`
 * is its hash.
 */
double sweep_jitter(uint64_t host, double jitter);

/* Whether a pass is to be, `chance` being evenly distributed over all numbers. */
bool sweep_takes_part(uint64_t chance, double probability);

void sweep_schedule_init(struct sweep_schedule *schedule, double now, double delay, double every);
/* After a pass that ended, and whose work was paid for, at `now`: false when it was the only one.
 * Sets `due`. */
bool sweep_schedule_next(struct sweep_schedule *schedule, double now);

/*
 * What seep may use itself: so many percent of a core over time (0: no bound). What is saved is
 * good for the pass that has saved it, what is owed is carried on.
 */
struct sweep_account {
	double percent;
	double since, cpu; /* when the pass began, and the CPU seconds used before it */
};

/* A pass begins. */
void sweep_account_begin(struct sweep_account *account, double now, double cpu);
/* From when on what was used is within the share; `since` or earlier where nothing was. */
double sweep_account_due(const struct sweep_account *account, double cpu);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When to trace: lengths of bursts and pauses, drawn so that they beat with nothing the
 * target does, and that every age of a block is observed sooner or later: each is log-uniform
 * over a wide range, all parts of which come in turn. Pure: the caller gives the seed.
 */
#ifndef SEEP_HEAP_BURST_PLAN_H
#define SEEP_HEAP_BURST_PLAN_H

#include <stdint.h>

struct burst_plan {
	uint64_t state; /* of the generator; any seed */
	double shortest, longest; /* of bursts, seconds */
	double least_pause; /* seconds */
	uint32_t lengths_used, pauses_used; /* parts that were drawn from; 0 at first */
};

/* Seconds of the next burst. */
double burst_plan_length(struct burst_plan *plan);
/* Seconds of the next pause, `mean` on average (at least the least pause). */
double burst_plan_pause(struct burst_plan *plan, double mean);

#endif

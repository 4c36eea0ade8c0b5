/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Allocations at which a thread was stopped, each waiting for the record by which seep names
 * the stack that its kernel side has walked for it.
 */
#ifndef SEEP_TRUTH_EVENTS_H
#define SEEP_TRUTH_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "oracle.h"
#include "verdicts.h"
#include "witness.h"

/* What gdb had to say of one event; nr 0: it was not asked, or failed. */
struct second_opinion {
	uint32_t nr;
	uint64_t frames[TRUTH_FRAMES];
};

struct event_counts {
	uint64_t events; /* compared */
	uint64_t by_verdict[VERDICTS];
	uint64_t stacks; /* different ones among them */
	uint64_t frames; /* of seep, in all */
	uint64_t unrecorded; /* stopped at, but no record followed: no event */
	uint64_t asked, confirmed; /* gdb; and it has the frames that seep has */
	uint64_t arbitrated, for_seep; /* gdb where libdw gave up; and it went on as seep did */
};

/* 0 or -ENOMEM. How many of those that are not identical are to be described to stderr. */
int events_begin(unsigned described);
void events_end(void);

/* The thread goes on only after this. Copies both; `opinion` may be NULL. 0 or -ENOMEM. */
int events_add(const struct witness_hit *hit, const struct truth *truth,
	       const struct second_opinion *opinion);
size_t events_compared(void);

/* After the last record: what waits still will wait for ever. */
void events_count(struct event_counts *ret_counts);

#endif

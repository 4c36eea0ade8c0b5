/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long a module's DWARF may keep us: damaged or hostile data can be small and yet
 * take for ever. Measured in CPU time, as the machine may be busy with the suspect.
 */
#ifndef SEEP_STACK_DEBUG_BUDGET_H
#define SEEP_STACK_DEBUG_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct debug_budget {
	uint64_t left_ns;
	uint64_t since_ns; /* start of the work under way */
	uint32_t ticks;
	bool exhausted;
};

static inline uint64_t debug_budget_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void debug_budget_start(struct debug_budget *budget)
{
	budget->since_ns = debug_budget_clock();
}

/* Ends the work under way, or notes how far it is. */
static inline void debug_budget_charge(struct debug_budget *budget)
{
	uint64_t now = debug_budget_clock(), spent = now - budget->since_ns;

	budget->since_ns = now;
	budget->left_ns = spent < budget->left_ns ? budget->left_ns - spent : 0;
	budget->exhausted |= !budget->left_ns;
}

/* To be asked at each step of a loop: may it go on? Looks at the clock now and then. */
static inline bool debug_budget_step(struct debug_budget *budget)
{
	if (!(++budget->ticks & 255))
		debug_budget_charge(budget);
	return !budget->exhausted;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What tracing costs the traced: the time that the programs ran, by the kernel's own
 * statistics, and the traps that led to them, measured on seep itself.
 */
#ifndef SEEP_ATTACH_COST_H
#define SEEP_ATTACH_COST_H

#include <stdint.h>

#include "attach/kernel.h"

/* Since the programs were loaded, as far as statistics were on. */
struct kernel_runs {
	uint64_t run_ns; /* of the programs on allocators, and on mappings of the traced */
	uint64_t entries, returns, releases; /* hits of probes on allocators */
};

/* Seconds that one hit of an empty probe takes. */
struct trap_costs {
	double emulated, stepped; /* by what the probed instruction is (enum site_class) */
	/*
	 * More for each other process that has probes of its own on the same function: the kernel
	 * asks all of them at each hit, whosever it is, at entries and at returns.
	 */
	double other, other_return;
};

/*
 * Which burst is traced (from 1), or none (0): the probes that are in let everything pass. 1
 * after kernel_open.
 */
void kernel_set_burst(struct kernel *kernel, uint32_t burst);

/*
 * Turns the kernel's statistics of programs on until the descriptor is closed, which costs
 * every program of the host some 50 ns a run. -errno.
 */
int kernel_statistics(void);
int kernel_runs(struct kernel *kernel, struct kernel_runs *ret_runs);
/* Takes some tens of milliseconds; no burst must be traced. 0 or -errno. */
int kernel_trap_costs(struct kernel *kernel, struct trap_costs *ret_costs);

#endif

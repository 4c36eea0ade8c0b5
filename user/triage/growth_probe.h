/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where memory is first touched, on the whole host: page faults, and if wanted the calls mmap and
 * brk, counted in the kernel by process and stack. No probe in any program: it says which code
 * makes a process grow before anything is traced, not what is freed within the process.
 */
#ifndef SEEP_TRIAGE_GROWTH_PROBE_H
#define SEEP_TRIAGE_GROWTH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { GROWTH_FRAMES = 32 };

struct growth_probe;

struct growth_probe_options {
	double budget; /* share of one processor for all of it; 0: 0.01 */
	/*
	 * mmap, munmap and brk too. While these tracepoints are on every system call of the
	 * host takes longer, whoever makes it.
	 */
	bool calls;
	unsigned int every; /* one fault in so many is counted, for as many; 0: 16 */
	size_t max_stacks; /* 0: 8192 */
	size_t max_processes; /* 0: 8192 */
	/*
	 * A descriptor as long as which the kernel keeps run time statistics of programs; the
	 * probe's to close, in any case. 0: it switches them on itself, which needs CAP_SYS_ADMIN.
	 */
	int statistics;
};

struct growth_frame {
	uint64_t address;
	char *module; /* path of what is mapped there; NULL unknown. The list's own */
	uint64_t offset; /* in the file, bytes; 0 unknown */
};

struct growth_stack {
	uint64_t faults; /* pages first written to; with huge pages it may be 512 at a time */
	uint64_t bytes; /* asked for by mmap and brk */
	size_t nr_frames; /* innermost first; 0: the stack is not known */
	struct growth_frame frames[GROWTH_FRAMES];
};

struct growth_counts {
	uint64_t faults;
	int64_t mapped, broken; /* bytes asked for less bytes given back, by mmap and by brk */
	struct growth_stack *stacks; /* most faults first, then most bytes */
	size_t nr_stacks;
};

struct growth_state {
	bool attached; /* false: detached, since it cost more than its budget */
	double cost; /* share of one processor, since the check before */
	double hits_per_second; /* likewise, counted or not */
	uint64_t stacks_lost, processes_lost; /* hits that had no room in a table */
};

/* 0; -EPERM without the privilege, -EOPNOTSUPP where there is no way to see faults. */
int growth_probe_open(const struct growth_probe_options *options, struct growth_probe **ret_probe);
void growth_probe_close(struct growth_probe *probe);

/*
 * Measures what it costs, and detaches when that is above the budget: what was counted stays.
 * To be called every second or so.
 */
int growth_probe_check(struct growth_probe *probe, struct growth_state *ret_state);

/*
 * What a process did since the probe was opened, with at most `max_stacks` stacks. -ENOENT:
 * nothing was counted. Modules are told while the process lives. Free with growth_counts_release.
 */
int growth_probe_read(struct growth_probe *probe, pid_t pid, size_t max_stacks,
		      struct growth_counts *ret_counts);
void growth_counts_release(struct growth_counts *counts);

#endif

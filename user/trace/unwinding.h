/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps the kernel side's unwind tables: the table of each module that a traced process has
 * mapped comes, in the background where it is large, and the kernel is told which mapping of
 * an address space is described by which.
 */
#ifndef SEEP_TRACE_UNWINDING_H
#define SEEP_TRACE_UNWINDING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/kernel.h"
#include "stack/symbols.h"

struct unwinding;

struct unwinding_options {
	size_t max_bytes; /* of the unwind memory: tables and mappings. 0: 64 MiB */
};

/* `kernel` (opened with unwind_tables) and `modules` must outlive it. NULL: no memory. */
struct unwinding *unwinding_new(struct kernel *kernel, struct modules *modules,
				const struct unwinding_options *options);
void unwinding_free(struct unwinding *unwinding);

enum unwinding_wait {
	UNWINDING_SMALL, /* for what takes a moment only */
	UNWINDING_ALL, /* the process waits for us anyway */
};

/* To be called before the space's maps are read into the modules table. */
void unwinding_before_refresh(struct unwinding *unwinding, uint32_t space);
/*
 * Makes the kernel's view of the space that of the modules table. Tables that are new are
 * built: some of them now, the others later. Nothing is sent when nothing has changed. 0 or
 * -errno; a module that has no table costs itself only: its frames are found by frame pointer.
 */
int unwinding_refresh(struct unwinding *unwinding, uint32_t space, enum unwinding_wait wait);
/* A forked space, which the kernel side has given its parent's mappings. As refresh. */
int unwinding_fork(struct unwinding *unwinding, uint32_t space);
void unwinding_forget(struct unwinding *unwinding, uint32_t space);

/* Puts in what has been built since, and sees to what was asked for. Often, and cheap. */
void unwinding_collect(struct unwinding *unwinding);
/* Once a second: time goes by for what is not used, and what was given up becomes free. */
void unwinding_tick(struct unwinding *unwinding);

/*
 * The module that a seep_unwind_mapping's `table` stands for: for good, whatever becomes
 * of the module's mappings. PLACE_NONE for a number never given out, 0 among them.
 */
uint32_t unwinding_table_module(const struct unwinding *unwinding, uint16_t table);

/*
 * Calls `fn` for each file whose call frame information could not be used, or not all of it,
 * until one call returns other than 0; returns that.
 */
typedef int (*unwinding_fault_fn)(void *context, const char *path, const char *fault);
int unwinding_each_fault(const struct unwinding *unwinding, unwinding_fault_fn fn, void *context);

struct unwinding_stats {
	size_t tables, tables_failed; /* there now; of files that have none */
	size_t tables_left_out; /* at the bound of the kernel's memory, or of numbers */
	size_t tables_waiting; /* to be built */
	size_t tables_evicted; /* made room for others, as often as that was */
	size_t rows, pages, rules;
	size_t rules_left_out; /* of tables that are there */
	size_t spaces, mappings;
	size_t mappings_left_out; /* for want of room */
	size_t missed; /* look-ups of code whose table was not there, or not yet */
	size_t bytes, used_bytes; /* of the unwind memory; of them in use */
	double build_seconds; /* in which the trace waited */
};
struct unwinding_stats unwinding_stats(const struct unwinding *unwinding);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps the kernel side's unwind tables: compiles the table of each module that a traced
 * process has mapped, puts it among the others, and tells the kernel which mapping of an
 * address space is described by which.
 */
#ifndef SEEP_TRACE_UNWINDING_H
#define SEEP_TRACE_UNWINDING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/kernel.h"
#include "stack/symbols.h"

struct unwinding;

/* `kernel` (opened with unwind_tables) and `modules` must outlive it. NULL: no memory. */
struct unwinding *unwinding_new(struct kernel *kernel, struct modules *modules);
void unwinding_free(struct unwinding *unwinding);

/*
 * Makes the kernel's view of the space that of the modules table, compiling what is new.
 * Nothing is sent when nothing has changed. 0 or -errno; a module that has no table costs
 * itself only: its frames are found by frame pointer.
 */
int unwinding_refresh(struct unwinding *unwinding, uint32_t space);
void unwinding_forget(struct unwinding *unwinding, uint32_t space);

/*
 * The module that a seep_unwind_mapping's `table` stands for: for good, whatever becomes
 * of the module's mappings. PLACE_NONE for a number never given out, 0 among them.
 */
uint32_t unwinding_table_module(const struct unwinding *unwinding, uint16_t table);

struct unwinding_stats {
	size_t tables, tables_failed;
	size_t tables_left_out; /* at the bound of the kernel's memory */
	size_t rows, pages, rules;
	size_t mappings_left_out; /* of spaces with more than SEEP_UNWIND_MAPPINGS */
	double build_seconds;
};
struct unwinding_stats unwinding_stats(const struct unwinding *unwinding);

#endif

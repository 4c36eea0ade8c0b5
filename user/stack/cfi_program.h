/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Running call frame programs (DWARF 5, section 6.4.2 and on). */
#ifndef SEEP_STACK_CFI_PROGRAM_H
#define SEEP_STACK_CFI_PROGRAM_H

#include "stack/cfi_entries.h"
#include "stack/cfi_rules.h"

/* From this address to that of the next row (the last: to the end of the FDE). */
struct cfi_row {
	uint64_t pc;
	uint16_t rule;
};

struct cfi_rows {
	struct cfi_row *items; /* freed by the owner */
	size_t nr, cap;
	struct cfi_rules *rules;
	size_t unsupported[CFI_OBSTACLES]; /* rows, by reason */
	size_t rules_full; /* rows that got no rule of their own */
};

/* Runs the CIE's program and sets cie->initial. 0 or -EINVAL. */
int cfi_program_begin(const struct cfi_entries *entries, struct cfi_cie *cie);
/*
 * Replaces the rows by those of the FDE. 0; -EINVAL when the program is damaged: the rows
 * are then worthless; -ENOMEM.
 */
int cfi_program_run(const struct cfi_entries *entries, const struct cfi_fde *fde,
		    struct cfi_rows *rows);

#endif

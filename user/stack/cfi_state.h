/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What call frame information says at one address, of the registers that unwinding goes
 * by, and the rule that says the same to the kernel side.
 */
#ifndef SEEP_STACK_CFI_STATE_H
#define SEEP_STACK_CFI_STATE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"

/* DWARF's numbers of the registers: System V ABI supplements of both architectures. */
struct cfi_architecture {
	uint16_t machine;
	uint8_t sp, fp, ra;
};

/* NULL for other machines. */
const struct cfi_architecture *cfi_architecture(uint16_t machine);

enum cfi_place_kind {
	CFI_PLACE_DEFAULT = 0, /* nothing was said */
	CFI_PLACE_SAME,
	CFI_PLACE_UNDEFINED,
	CFI_PLACE_OFFSET, /* at CFA + offset */
	CFI_PLACE_EXPRESSION, /* at the address that the expression gives */
	CFI_PLACE_OTHER, /* a computed value, or another register's */
};

/* A DWARF expression inside its section. */
struct cfi_expression {
	const uint8_t *bytes;
	size_t size;
};

struct cfi_place {
	enum cfi_place_kind kind;
	int64_t offset;
	struct cfi_expression expression;
};

struct cfi_state {
	bool cfa_by_expression;
	uint64_t cfa_register;
	int64_t cfa_offset;
	struct cfi_expression cfa_expression;
	struct cfi_place fp, ra, sp;
};

/* Why a rule cannot say it. */
enum cfi_obstacle {
	CFI_OK = 0,
	CFI_CFA_REGISTER, /* the CFA starts from another register */
	CFI_CFA_EXPRESSION,
	CFI_SP_RULE, /* the caller's sp is not the CFA */
	CFI_RA_RULE,
	CFI_SIGNAL_LAYOUT, /* a signal frame that is none of the kernel's */
	CFI_TOO_FAR, /* an offset of more than 31 bits */
	CFI_OBSTACLES,
};

/* The rule; SEEP_CFA_UNSUPPORTED with the reason returned when there is none. */
enum cfi_obstacle cfi_state_rule(const struct cfi_architecture *architecture,
				 const struct cfi_state *state, bool signal_frame,
				 struct seep_unwind_rule *ret_rule);

#endif

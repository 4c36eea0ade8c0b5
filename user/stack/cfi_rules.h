/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Unwind rules, each kept once and numbered: those of one table, or of all loaded ones. */
#ifndef SEEP_STACK_CFI_RULES_H
#define SEEP_STACK_CFI_RULES_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"

struct cfi_rules;

/* The two that are always there: SEEP_CFA_NONE is 0, SEEP_CFA_UNSUPPORTED is 1. */
#define CFI_RULE_UNSUPPORTED 1

struct cfi_rules *cfi_rules_new(void);
void cfi_rules_free(struct cfi_rules *rules);

/* The rule's number. 0, -ENOSPC when there are SEEP_UNWIND_RULES_MAX, -ENOMEM. */
int cfi_rules_add(struct cfi_rules *rules, const struct seep_unwind_rule *rule, uint16_t *ret_id);
/* All of them, by number; ends with the next cfi_rules_add. */
const struct seep_unwind_rule *cfi_rules_all(const struct cfi_rules *rules, size_t *ret_nr);

#endif

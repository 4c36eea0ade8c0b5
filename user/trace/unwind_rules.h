/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rules of all unwind tables, each once, numbered and counted by the tables that use it.
 */
#ifndef SEEP_TRACE_UNWIND_RULES_H
#define SEEP_TRACE_UNWIND_RULES_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"

struct unwind_rules;

/* `rules` is an array of `max`, shared with the kernel side; rule 0 is "nothing known". */
struct unwind_rules *unwind_rules_new(struct seep_unwind_rule *rules, size_t max);
void unwind_rules_free(struct unwind_rules *rules);

/* The rule's number, in use once more. 0 or -errno; -ENOSPC when all numbers are in use. */
int unwind_rules_take(struct unwind_rules *rules, const struct seep_unwind_rule *rule,
		      uint16_t *ret_number);
/* In use once less. */
void unwind_rules_give(struct unwind_rules *rules, uint16_t number);
/* Programs that ran have ended: the numbers that were in no use before may get new rules. */
void unwind_rules_settle(struct unwind_rules *rules);

/* Numbers in use, rule 0 among them. */
size_t unwind_rules_used(const struct unwind_rules *rules);

#endif

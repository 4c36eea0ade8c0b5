/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two stacks of one allocation, that of libdw and that of seep, and what they are to each
 * other. Pure: nothing is read and nothing printed.
 */
#ifndef SEEP_TRUTH_VERDICTS_H
#define SEEP_TRUTH_VERDICTS_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "oracle.h"

/* As in the table's columns; words in verdicts.c. */
enum verdict {
	VERDICT_IDENTICAL = 0,
	VERDICT_DEPTH, /* identical as far as SEEP_STACK_MAX goes; flagged so */
	VERDICT_JIT, /* they part above code that is of no file: nobody describes it */
	VERDICT_TRUTH_CUT, /* libdw gave up; seep has all it has, and goes on */
	VERDICT_BOTH_CUT, /* both end early, and agree until the shorter one ends */
	VERDICT_NO_CODE, /* seep ends where code was not known to it yet: mappings raced */
	VERDICT_NO_RULE, /* seep ends where its table says nothing */
	VERDICT_GUESSED, /* they part where seep says that it had to guess */
	VERDICT_FAULT, /* seep could not read the stack */
	VERDICT_MISSING, /* the record names a stack that was never sent */
	VERDICT_WRONG, /* a frame differs, or seep ends or goes on without saying so */
	VERDICTS,
};

/* What seep's stack is, kept from its record. */
struct walked {
	uint32_t nr;
	uint8_t reason; /* enum seep_stack_end */
	uint16_t flags;
	uint64_t id;
	uint64_t guessed[2];
	uint64_t frames[SEEP_STACK_MAX];
};

const char *verdict_word(enum verdict verdict);

/* How many frames agree from the leaf on. */
uint32_t frames_in_common(const struct truth *truth, const struct walked *walked);
/* `walked` NULL: missing. */
enum verdict verdict_of(const struct truth *truth, const struct walked *walked);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The perf maps and jitdump files of the processes whose JIT code was met. */
#ifndef SEEP_STACK_JIT_NAMES_H
#define SEEP_STACK_JIT_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "stack/jit_code.h"

struct jit_names;

struct jit_names *jit_names_new(void);
void jit_names_free(struct jit_names *names);

/*
 * The JIT code at the address in the process; false: none is known. Reads what was added to
 * the process's files when it is not known, and otherwise once a second. Strings live
 * until the next call. Negative: of the process that had this pid and has ended; false where
 * another has the pid by now.
 */
bool jit_names_find(struct jit_names *names, pid_t pid, uint64_t address,
		    struct jit_code *ret_code);

#endif

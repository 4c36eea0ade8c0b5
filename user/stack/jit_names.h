/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The perf maps of the processes whose JIT code was met. */
#ifndef SEEP_STACK_JIT_NAMES_H
#define SEEP_STACK_JIT_NAMES_H

#include <stdint.h>
#include <sys/types.h>

struct jit_names;

struct jit_names *jit_names_new(void);
void jit_names_free(struct jit_names *names);

/*
 * The name of the JIT code at the address in the process; NULL none. Reads what was
 * added to the perf map when the name is not known, and otherwise once a second. Lives
 * until the next call.
 */
const char *jit_names_find(struct jit_names *names, pid_t pid, uint64_t address);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What seep doctor says of a process with a JIT compiler. */
#ifndef SEEP_DOCTOR_JIT_H
#define SEEP_DOCTOR_JIT_H

#include <sys/types.h>

/* Prints whether its stacks are whole and named, and what would make them so; else nothing. */
void doctor_show_jit(pid_t pid);

#endif

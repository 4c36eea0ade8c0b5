/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The root directories of traced processes, held so that a container's files can be read
 * after its last process has ended.
 */
#ifndef SEEP_STACK_ROOTS_H
#define SEEP_STACK_ROOTS_H

#include <sys/types.h>

struct roots;

/* At most `max` of them are held; a root beyond that is none. */
struct roots *roots_new(size_t max);
void roots_free(struct roots *roots);

/*
 * The root of the process, as a descriptor (O_PATH) that stays the roots' own and open as
 * long as they live. -1: it is the same as ours, or cannot be had.
 */
int roots_of(struct roots *roots, pid_t pid);

#endif

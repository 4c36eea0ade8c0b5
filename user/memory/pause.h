/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All threads of a process held still for a moment, by ptrace: invisible to its parent,
 * and ended by the kernel whenever the thread that began it ends, however it ends.
 */
#ifndef SEEP_MEMORY_PAUSE_H
#define SEEP_MEMORY_PAUSE_H

#include <sys/types.h>

struct pause;

/*
 * 0 with every thread stopped, -ESRCH, -EACCES (no privilege), -EBUSY (another tracer has
 * it), -ETIMEDOUT (a thread did not stop: it sleeps in the kernel), -ENOMEM. On failure
 * nothing is held.
 */
int pause_begin(pid_t pid, struct pause **ret_pause);
/* Lets go, and frees; the seconds it was held. Accepts NULL. By the thread that began it. */
double pause_end(struct pause *pause);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program that is stopped, and all that it starts, under ptrace from its first
 * instruction on. The tracing thread must be the one that has started it.
 */
#ifndef SEEP_TRUTH_TARGET_H
#define SEEP_TRUTH_TARGET_H

#include <sys/types.h>
#include <linux/types.h>

#include "witness.h"

struct target_ops {
	/* A thread stands at an allocation that the witness chose; it goes on after. */
	void (*allocation)(void *context, const struct witness_hit *hit);
	/* A process has ended or become another program: what was known of it is no more. */
	void (*forget)(void *context, pid_t pid);
};

/*
 * Starts the command, without input and output, which waits before its exec until
 * target_run. 0 or -errno.
 */
int target_start(char **command, pid_t *ret_pid);
/* Until all its processes have ended, or `seconds` are over: then they are killed. */
int target_run(const struct target_ops *ops, void *context, unsigned seconds, int *ret_status);

/* Ends its processes while target_run waits for them. */
void target_kill(void);

#endif

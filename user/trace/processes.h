/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of the processes behind the address spaces: read at first sight, kept
 * after their end.
 */
#ifndef SEEP_TRACE_PROCESSES_H
#define SEEP_TRACE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "heap/profile.h"

struct processes;

struct traced_process {
	uint32_t space;
	pid_t pid;
	char *comm, *exe, *cgroup, *container; /* NULL unknown, but comm */
	double started; /* wall clock; 0 unknown */
	uint64_t rss_start, rss_last;
	bool ended;
	int exit_status; /* -1 unknown */
};

struct processes *processes_new(void);
void processes_free(struct processes *processes);

/*
 * Looks at a process that is to be traced: it may have ended when its first record is read.
 * 0 or -ENOMEM.
 */
int processes_meet(struct processes *processes, pid_t pid);
/* Takes note of a SEEP_SPACE_BEGIN or _END record. 0 or -ENOMEM. */
int processes_note(struct processes *processes, const struct seep_space *space);
/* NULL for a space never announced. */
const struct traced_process *processes_find(const struct processes *processes, uint32_t space);
/* The living space of a process; 0 none. */
uint32_t processes_space_of(const struct processes *processes, pid_t pid);
/* Its latest space, though it may have ended; 0 none. */
uint32_t processes_last_space_of(const struct processes *processes, pid_t pid);
/* Whether the process has, or had, a space here. */
bool processes_seen(const struct processes *processes, pid_t pid);
size_t processes_living(const struct processes *processes);
/* Its resident bytes now, or as last seen when it has ended. */
uint64_t processes_rss(struct processes *processes, uint32_t space);
void processes_set_exit_status(struct processes *processes, pid_t pid, int status);
/* Calls `fn` for the living ones. */
void processes_each(const struct processes *processes,
		    void (*fn)(void *context, const struct traced_process *process), void *context);
/* Fills what /proc told into the row. */
void processes_describe(struct processes *processes, uint32_t space, struct profile *profile,
			struct profile_process *row);

#endif

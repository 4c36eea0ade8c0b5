/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at the host again and again, and makes overviews of it. */
#ifndef SEEP_TOP_LOOKER_H
#define SEEP_TOP_LOOKER_H

#include <stddef.h>
#include <sys/types.h>

#include "proc/process.h"
#include "top/overview.h"

struct looker;

struct looker_options {
	const char *root; /* what stands before "/proc"; NULL nothing */
	double window; /* seconds that growth is told from; 0: 60 */
	/* Only these processes; none: all. Both must last. */
	const pid_t *pids;
	size_t nr_pids;
	struct process_filter filter;
};

/* 0 or -errno. Kills that cannot be listened for are no error: the overviews say so. */
int looker_open(const struct looker_options *options, struct looker **ret_looker);
void looker_close(struct looker *looker);
/* Readable when a process was killed for want of memory; -1: that cannot be heard. */
int looker_fd(const struct looker *looker);
/* Notes the kills that wait; how many. */
int looker_hear(struct looker *looker);
/* Looks. 0 or -errno. */
int looker_look(struct looker *looker, struct overview **ret_overview);

#endif

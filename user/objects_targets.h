/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes whose objects are looked at, and what was seen of each. */
#ifndef SEEP_OBJECTS_TARGETS_H
#define SEEP_OBJECTS_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proc/process.h"
#include "runtime/growth.h"
#include "runtime/runtime.h"

/* A process that was asked for. */
struct target {
	pid_t pid;
	char comm[64];
	struct runtime *runtime; /* NULL: it cannot be read, or has ended */
	char *runtime_name, *version;
	/* Of the censuses of it, and the latest: */
	struct growth_log *log;
	struct census *census;
	struct growth *growth;
	struct runtime_gc gc;
	bool has_gc;
	/* Of the looks for who holds its objects, and the latest: */
	struct why_log *why_log;
	struct why *why;
	char *error;
	int status; /* exit code of that error */
};

struct targets {
	struct target *items;
	size_t nr, cap;
	struct growth_log *log; /* of all together */
	struct census *together;
	struct growth *growth;
};

/* One process, whether it can be read or not: then it is kept with the reason. 0, -ENOMEM. */
int targets_add(struct targets *targets, pid_t pid);
/* Those of a known runtime among the processes that match. 0 or -errno. */
int targets_add_matching(struct targets *targets, const struct process_filter *filter);
/*
 * Counts the objects of all of them once, and of all together. How many can still be read, or
 * -ENOMEM. What was seen of one that cannot be read any more stays.
 */
int targets_count(struct targets *targets, const struct census_options *options);
/* The same for who holds the objects of each. */
int targets_why(struct targets *targets, const struct why_options *options);
/* Accepts zeroed ones. */
void targets_free(struct targets *targets);

#endif

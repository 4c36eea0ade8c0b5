/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes whose objects are counted, and what was seen of each. */
#ifndef SEEP_TYPES_TARGETS_H
#define SEEP_TYPES_TARGETS_H

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
	struct growth_log *log;
	/* Of the latest look at it: */
	struct census *census;
	struct growth *growth;
	struct runtime_gc gc;
	bool has_gc;
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
/* Looks at all of them once. How many can still be read, or -ENOMEM. */
int targets_count(struct targets *targets, const struct census_options *options);
/* Why it cannot be read any more, from an error of its runtime; what was seen stays. */
void targets_fail(struct target *target, int err);
/* Accepts zeroed ones. */
void targets_free(struct targets *targets);

#endif

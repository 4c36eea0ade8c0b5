/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the commands have in common that look at the objects of processes: which processes, how
 * often, and what is done when one cannot be read.
 */
#ifndef SEEP_OBJECTS_COMMAND_H
#define SEEP_OBJECTS_COMMAND_H

#include <argp.h>
#include <stdbool.h>

#include "objects_targets.h"
#include "trace_options.h"

struct objects_options {
	struct pid_list pids;
	struct process_filter filter;
	bool has_filter, json;
	unsigned long count; /* looks; 0: until Ctrl-C */
	double every; /* seconds from one to the next; 0: one look */
};

/* For the `children` of a command's argp; its input is a struct objects_options. */
extern const struct argp objects_argp;

/* What a command does with the processes; `arguments` are its own. */
struct objects_command {
	/* Looks at all of them once. How many can still be read, or -ENOMEM. */
	int (*look)(struct targets *targets, const void *arguments);
	/* 0 or -errno of the output or of memory. */
	int (*show)(const struct targets *targets, const void *arguments);
	bool (*was_seen)(const struct target *target);
	bool (*has_finding)(const struct target *target);
	bool shows_each; /* look, in text, also if it was said how many there are */
};

/*
 * Finds the processes, looks at them as often as asked for, and shows what was seen: as text
 * after each look, as JSON after the last. Ctrl-C ends it. Prints what is wrong; an exit code.
 */
int objects_run(const struct objects_command *command, const struct objects_options *options,
		const void *arguments);
void objects_options_release(struct objects_options *options);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the sentences; it must not know where the figures come from. */
#include "trace/left_out.h"

#include <stdio.h>

#define TABLES "stacks by unwind tables"
#define PYTHON "Python frames"

int left_out_of_stacks(const struct unwinding_stats *stats, size_t pythons_without_evaluator,
		       left_out_fn fn, void *context)
{
	char reason[160];
	int err = 0;

	if (stats->tables_left_out || stats->mappings_left_out) {
		snprintf(reason, sizeof(reason),
			 "no room for the tables of %zu files and %zu mappings",
			 stats->tables_left_out, stats->mappings_left_out);
		err = fn(context, TABLES, reason);
	}
	if (!err && stats->rules_left_out) {
		snprintf(reason, sizeof(reason),
			 "no number was left for %zu rules: stacks end in the code that has them",
			 stats->rules_left_out);
		err = fn(context, TABLES, reason);
	}
	if (!err && stats->missed) {
		snprintf(reason, sizeof(reason),
			 "a table was asked for %zu times while it was still being built",
			 stats->missed);
		err = fn(context, TABLES, reason);
	}
	if (!err && pythons_without_evaluator) {
		snprintf(reason, sizeof(reason),
			 "in %zu builds of CPython the function that runs code was not found: "
			 "native frames alone",
			 pythons_without_evaluator);
		err = fn(context, PYTHON, reason);
	}
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside python_why: one look at a process, and what of it is shown. */
#ifndef SEEP_PYTHON_LOOK_H
#define SEEP_PYTHON_LOOK_H

#include "python/graph.h"
#include "python/why.h"

struct look {
	struct python_process *process;
	const struct why_options *options;
	struct why_log *log;
	struct why *why;
	struct python_reader reader;
	struct python_graph graph;
};

/* Chooses the containers to show, and keeps the lengths of all in the log. 0 or -ENOMEM. */
int python_look_containers(struct look *look);
/* Counts what no root reaches, by type. 0, -ENOMEM, -ESRCH, -EACCES. */
int python_look_unreached(struct look *look);
/* The paths to objects of the type that was asked for, evenly spread over all. 0 or -ENOMEM. */
int python_look_paths(struct look *look);

#endif

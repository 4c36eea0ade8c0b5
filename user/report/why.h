/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who holds objects, as text and as JSON. */
#ifndef SEEP_REPORT_WHY_H
#define SEEP_REPORT_WHY_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "runtime/why.h"

/* What is known of one process. Nothing in it is owned. */
struct why_process {
	pid_t pid;
	const char *comm; /* foreign */
	const char *runtime, *version; /* NULL unknown */
	const struct why *why; /* the last look; NULL none */
	const struct why_log *log; /* NULL as well */
	const char *error; /* why there is none, or no newer one; NULL: there is */
};

struct why_report {
	const struct why_process *processes;
	size_t nr;
	const char *type; /* whose paths were asked for; NULL none */
	size_t limit; /* rows of types and paths; 0 all */
};

/* 0 or -errno. */
int why_write_text(const struct why_report *report, FILE *out);
int why_write_json(const struct why_report *report, FILE *out);

#endif

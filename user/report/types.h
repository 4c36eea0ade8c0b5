/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Censuses of living objects as text and as JSON. */
#ifndef SEEP_REPORT_TYPES_H
#define SEEP_REPORT_TYPES_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "runtime/census.h"
#include "runtime/growth.h"
#include "runtime/runtime.h"

/* What is known of one process, or of several as one. Nothing in it is owned. */
struct types_process {
	pid_t pid; /* 0: all together */
	const char *comm; /* foreign */
	const char *runtime, *version; /* NULL unknown */
	const struct runtime_gc *gc; /* NULL unknown */
	const struct census *census; /* the last one; NULL none */
	const struct growth *growth; /* NULL with a single census */
	const char *error; /* why there is none, or no newer one; NULL: there is */
};

struct types_report {
	const struct types_process *processes;
	size_t nr;
	const struct types_process *together; /* NULL with one process */
	size_t limit; /* rows of types; 0 all */
};

/* 0 or -errno. The text says what changed where there is a growth, else what there is. */
int types_write_text(const struct types_report *report, FILE *out);
int types_write_json(const struct types_report *report, FILE *out);

#endif

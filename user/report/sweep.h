/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shows what a pass of a sweep has found, as text or as JSON: one document a line. */
#ifndef SEEP_REPORT_SWEEP_H
#define SEEP_REPORT_SWEEP_H

#include <stdint.h>
#include <stdio.h>

#include "report/report.h"
#include "sweep/pass.h"

struct sweep_report {
	const struct pass *pass;
	const char *outcome; /* of pass_outcome */
	const char *host, *host_id, *command; /* NULL unknown */
	const char *store; /* its path; NULL: none was wanted */
	const char *store_problem; /* NULL: all was stored */
	uint64_t missed; /* passes that were due while another one still ran */
};

/* Both: 0 or -errno. */
int sweep_write_text(const struct sweep_report *report, const struct report_options *options,
		     FILE *out);
int sweep_write_json(const struct sweep_report *report, const struct report_options *options,
		     FILE *out);

#endif

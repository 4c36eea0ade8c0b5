/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The formats, for the table in report.c, and what they share. */
#ifndef SEEP_REPORT_FORMATS_H
#define SEEP_REPORT_FORMATS_H

#include <stdio.h>

#include "report/report.h"

extern const struct report_format report_text, report_json, report_collapsed, report_pprof,
	report_speedscope, report_html;

/* Flushes: 0, or -errno of whatever went wrong with the stream so far. */
int report_finish(FILE *out);

#endif

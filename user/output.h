/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A report to where the user wants it; prints its own errors and returns an exit code. */
#ifndef SEEP_OUTPUT_H
#define SEEP_OUTPUT_H

#include <stdbool.h>

#include "report/report.h"

/* Colour and width, where stdout is a terminal that has them. */
void output_look_at_terminal(struct report_options *options, bool no_colour);

/* EXIT_FINDINGS or EXIT_CLEAN by what the profile says; EXIT_USAGE, EXIT_PARTIAL on failure. */
int output_to_stdout(const struct profile *profile, const struct report_format *format,
		     const struct report_options *options);
/* As a whole or not at all. */
int output_to_file(const struct profile *profile, const struct report_format *format,
		   const struct report_options *options, const char *path);

#endif

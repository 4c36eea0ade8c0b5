/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seep diff: compares two captures. */
#include "command.h"
#include "output.h"
#include "trace_options.h"
#include "base/log.h"
#include "report/report.h"
#include "store/capture.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP_SITES 20

struct diff_arguments {
	const char *captures[2];
	struct report_options options;
	bool json;
	bool no_colour;
};

enum { KEY_FORMAT = 256, KEY_NO_COLOUR };

static const struct argp_option diff_argp_options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0, "text (the default) or json", 0 },
	{ "top", 'T', "N", 0, "text: sites shown; 0 all (default 20)", 0 },
	{ "no-color", KEY_NO_COLOUR, NULL, 0, "No colours, as with NO_COLOR set", 0 },
	{ "verbose", 'v', NULL, 0, "text: whole names and paths", 0 },
	{ 0 },
};

static error_t parse_diff(int key, char *value, struct argp_state *state)
{
	struct diff_arguments *arguments = state->input;

	switch (key) {
	case KEY_FORMAT:
		arguments->json = !strcmp(value, "json");
		if (!arguments->json && strcmp(value, "text"))
			argp_error(state, "a comparison is text or json, not '%s'", value);
		break;
	case 'T':
		arguments->options.top = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_NO_COLOUR:
		arguments->no_colour = true;
		break;
	case 'v':
		arguments->options.verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num >= 2)
			argp_error(state, "two captures are compared, not more");
		arguments->captures[state->arg_num] = value;
		break;
	case ARGP_KEY_END:
		if (state->arg_num != 2)
			argp_error(state, "which captures? (two files written with -o)");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int compare(const struct diff_arguments *arguments, const struct profile *before,
		   const struct profile *after)
{
	int found = report_diff(before, after, &arguments->options, arguments->json, stdout);

	if (found < 0) {
		log_error("cannot write the standard output: %s", strerror(-found));
		return EXIT_PARTIAL;
	}
	return found ? EXIT_FINDINGS : EXIT_CLEAN;
}

static int run_diff(int argc, char **argv)
{
	static const struct argp argp = {
		.options = diff_argp_options,
		.parser = parse_diff,
		.args_doc = "BEFORE AFTER",
		.doc = "Compares two captures site by site.\v"
		       "Exit status: 0 nothing got worse, 10 a site that leaks is new or has "
		       "grown, "
		       "2 wrong usage or no capture, 5 the report could not be written.",
	};
	struct diff_arguments arguments = { .options = { .top = TOP_SITES } };
	struct profile *profiles[2] = { NULL, NULL };
	int status = EXIT_CLEAN;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	output_look_at_terminal(&arguments.options, arguments.no_colour);
	for (size_t i = 0; i < 2 && !status; i++) {
		char *message;

		if (capture_read(arguments.captures[i], &profiles[i], &message) == 0)
			continue;
		log_error("%s", message ? message : "out of memory");
		free(message);
		status = EXIT_USAGE;
	}
	if (!status)
		status = compare(&arguments, profiles[0], profiles[1]);
	profile_free(profiles[0]);
	profile_free(profiles[1]);
	return status;
}

const struct command command_diff = {
	.name = "diff",
	.summary = "compare two saved captures: sites new, grown, shrunk, gone",
	.run = run_diff,
};

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seep report: renders a capture again, in any format, without privilege. */
#include "command.h"
#include "output.h"
#include "trace_options.h"
#include "base/log.h"
#include "report/report.h"
#include "report/select.h"
#include "store/capture.h"

#include <argp.h>
#include <stdlib.h>

#define TOP_SITES 10

struct report_arguments {
	const char *capture;
	const char *output;
	const struct report_format *format;
	struct report_options options;
	uint32_t pid; /* 0: all processes */
	bool no_colour;
	bool no_inline;
};

enum { KEY_FORMAT = 256, KEY_SORT, KEY_NO_COLOUR, KEY_NO_INLINE };

static const struct argp_option report_argp_options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "text (the default), json, collapsed, pprof, speedscope or html", 0 },
	{ "output", 'o', "OUT", 0, "Write to this file, as a whole or not at all", 0 },
	{ "top", 'T', "N", 0, "text: sites shown of each process; 0 all (default 10)", 0 },
	{ "sort", KEY_SORT, "WORD", 0,
	  "bytes (the default), count, growth, age, total-bytes or total-count", 0 },
	{ "pid", 'p', "PID", 0, "Only this process", 0 },
	{ "no-inline", KEY_NO_INLINE, NULL, 0, "Leave out inlined functions", 0 },
	{ "no-color", KEY_NO_COLOUR, NULL, 0, "No colours, as with NO_COLOR set", 0 },
	{ "verbose", 'v', NULL, 0, "text: whole names and paths, cohorts, build ids", 0 },
	{ 0 },
};

static error_t parse_report(int key, char *value, struct argp_state *state)
{
	struct report_arguments *arguments = state->input;

	switch (key) {
	case KEY_FORMAT:
		arguments->format = report_format_find(value);
		if (!arguments->format)
			argp_error(state, "there is no format '%s'", value);
		break;
	case 'o':
		arguments->output = value;
		break;
	case 'T':
		arguments->options.top = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_SORT:
		if (report_sort_parse(value, &arguments->options.sort) < 0)
			argp_error(state, "cannot sort by '%s'", value);
		break;
	case 'p':
		arguments->pid = parse_count(state, value, INT32_MAX);
		break;
	case KEY_NO_INLINE:
		arguments->no_inline = true;
		break;
	case KEY_NO_COLOUR:
		arguments->no_colour = true;
		break;
	case 'v':
		arguments->options.verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "one capture at a time; 'seep diff' compares two");
		arguments->capture = value;
		break;
	case ARGP_KEY_END:
		if (!arguments->capture)
			argp_error(state, "which capture? (a file written with -o)");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int write_report(const struct report_arguments *arguments, const struct profile *profile)
{
	if (arguments->output)
		return output_to_file(profile, arguments->format, &arguments->options,
				      arguments->output);
	return output_to_stdout(profile, arguments->format, &arguments->options);
}

static int run_report(int argc, char **argv)
{
	static const struct argp argp = {
		.options = report_argp_options,
		.parser = parse_report,
		.args_doc = "CAPTURE",
		.doc = "Renders a capture that was saved with -o.\v"
		       "Exit status: 0 nothing found, 10 a leak or an overflow was found, 2 wrong "
		       "usage or no capture, 4 no such process in it, 5 the report could not be "
		       "written, or records were lost and nothing was found in the rest.",
	};
	struct report_arguments arguments = { .format = report_format_find("text"),
					      .options = { .top = TOP_SITES } };
	struct profile *profile;
	char *message;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!arguments.output)
		output_look_at_terminal(&arguments.options, arguments.no_colour);
	if (capture_read(arguments.capture, &profile, &message) < 0) {
		log_error("%s", message ? message : "out of memory");
		free(message);
		return EXIT_USAGE;
	}
	if (arguments.no_inline)
		report_select_physical(profile);
	if (arguments.pid && !report_select_pid(profile, arguments.pid)) {
		log_error("no process %u in %s; without --pid all are shown", arguments.pid,
			  arguments.capture);
		status = EXIT_TARGET_GONE;
	} else {
		status = write_report(&arguments, profile);
	}
	profile_free(profile);
	return status;
}

const struct command command_report = {
	.name = "report",
	.summary = "render a saved capture: text, json, collapsed, pprof, speedscope, html",
	.run = run_report,
};

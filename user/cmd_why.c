// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep why: who holds the objects of running processes, and which container grows. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>

#include "command.h"
#include "objects_command.h"
#include "report/why.h"

enum {
	DEFAULT_LIMIT = 10,
	DEFAULT_SAMPLES = 1000,
	DEFAULT_SECONDS = 60,
};

struct why_arguments {
	struct objects_options objects;
	struct why_options why;
};

enum { KEY_LIMIT = 512, KEY_SHOW_KEYS, KEY_SAMPLES, KEY_AT_MOST };

static const struct argp_option option_table[] = {
	{ "samples", KEY_SAMPLES, "N", 0, "Objects of TYPE whose paths are told (1000; 0: all)",
	  2 },
	{ "at-most", KEY_AT_MOST, "TIME", 0, "Seconds that a look may take (60)", 2 },
	{ "limit", KEY_LIMIT, "N", 0, "Show so many of each kind (10; 0: all)", 3 },
	{ "show-keys", KEY_SHOW_KEYS, NULL, 0, "Show keys of dicts in paths: they may be secrets",
	  3 },
	{ 0 },
};

static void parse_at_most(struct argp_state *state, struct why_arguments *a, const char *text)
{
	a->why.seconds = parse_seconds(state, text);
	if (!a->why.seconds)
		argp_error(state, "--at-most needs some time");
}

static void parse_type(struct argp_state *state, struct why_arguments *a, const char *type)
{
	if (a->why.type)
		argp_error(state, "one type at a time");
	a->why.type = type;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct why_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->objects;
		break;
	case KEY_LIMIT:
		a->why.limit = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_SHOW_KEYS:
		a->why.show_keys = true;
		break;
	case KEY_SAMPLES:
		a->why.samples = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_AT_MOST:
		parse_at_most(state, a, value);
		break;
	case ARGP_KEY_ARG:
		parse_type(state, a, value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int look(struct targets *targets, const void *arguments)
{
	const struct why_arguments *a = arguments;

	return targets_why(targets, &a->why);
}

static int show(const struct targets *targets, const void *arguments)
{
	const struct why_arguments *a = arguments;
	struct why_process *rows = calloc(targets->nr, sizeof(*rows));
	struct why_report report = {
		.processes = rows,
		.nr = targets->nr,
		.type = a->why.type,
		.limit = a->why.limit,
	};
	int err;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < targets->nr; i++) {
		const struct target *t = &targets->items[i];

		rows[i] = (struct why_process){
			.pid = t->pid,
			.comm = t->comm,
			.runtime = t->runtime_name,
			.version = t->version,
			.why = t->why,
			.log = t->why_log,
			.error = t->error,
		};
	}
	err = a->objects.json ? why_write_json(&report, stdout) : why_write_text(&report, stdout);
	free(rows);
	return err;
}

static bool was_seen(const struct target *t)
{
	return t->why;
}

static bool has_finding(const struct target *t)
{
	return t->why && t->why->cause.kind != CAUSE_NONE &&
	       t->why->cause.kind != CAUSE_TOO_LITTLE && t->why->cause.kind != CAUSE_FILLING;
}

static int run_why(int argc, char **argv)
{
	static const struct argp_child children[] = { { &objects_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[TYPE]",
		.doc = "Tells who holds the objects of running Python processes, from outside: "
		       "nothing is stopped, loaded or changed.\v"
		       "Without TYPE the biggest containers, with --every those that grow, each "
		       "with its path from a module, a thread or a variable of C; with TYPE the "
		       "paths to objects of it. Exit status: 0 done, 10 a cause of growth was "
		       "found, 2 wrong usage or no Python process, 3 no privilege, 4 no such "
		       "process, 5 not all could be read.",
		.children = children,
	};
	static const struct objects_command command = {
		.look = look,
		.show = show,
		.was_seen = was_seen,
		.has_finding = has_finding,
	};
	struct why_arguments a = { .why = {
					   .limit = DEFAULT_LIMIT,
					   .samples = DEFAULT_SAMPLES,
					   .seconds = DEFAULT_SECONDS,
				   } };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	status = objects_run(&command, &a.objects, &a);
	objects_options_release(&a.objects);
	return status;
}

const struct command command_why = {
	.name = "why",
	.summary = "who holds the objects of Python processes, and which container grows",
	.run = run_why,
};

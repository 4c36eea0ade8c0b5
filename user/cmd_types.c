// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep types: the living objects of running processes, by type, and what grows. */
#include <argp.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "command.h"
#include "objects_command.h"
#include "report/types.h"

enum { DEFAULT_LIMIT = 50 };

struct types_arguments {
	struct objects_options objects;
	unsigned long limit;
	struct census_options census;
};

enum { KEY_LIMIT = 512, KEY_PAUSE };

static const struct argp_option option_table[] = {
	{ "pause", KEY_PAUSE, NULL, 0, "Hold the process meanwhile: an exact snapshot", 2 },
	{ "limit", KEY_LIMIT, "N", 0, "Show so many types (50; 0: all)", 3 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct types_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->objects;
		break;
	case KEY_LIMIT:
		a->limit = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_PAUSE:
		a->census.pause = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments: -p PID names a process");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int look(struct targets *targets, const void *arguments)
{
	const struct types_arguments *a = arguments;

	return targets_count(targets, &a->census);
}

static int show(const struct targets *targets, const void *arguments)
{
	const struct types_arguments *a = arguments;
	struct types_process together = { .census = targets->together, .growth = targets->growth };
	struct types_process *rows = calloc(targets->nr, sizeof(*rows));
	struct types_report report = { .processes = rows, .nr = targets->nr, .limit = a->limit };
	int err;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < targets->nr; i++) {
		const struct target *t = &targets->items[i];

		rows[i] = (struct types_process){
			.pid = t->pid,
			.comm = t->comm,
			.runtime = t->runtime_name,
			.version = t->version,
			.gc = t->has_gc ? &t->gc : NULL,
			.census = t->census,
			.growth = t->growth,
			.error = t->error,
		};
	}
	if (targets->together)
		report.together = &together;
	err = a->objects.json ? types_write_json(&report, stdout)
			      : types_write_text(&report, stdout);
	free(rows);
	return err;
}

static bool was_seen(const struct target *t)
{
	return t->census;
}

static bool has_finding(const struct target *t)
{
	return t->growth && t->growth->verdict == GROWTH_STEADY;
}

/* That this process may run on. */
static unsigned processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static int run_types(int argc, char **argv)
{
	static const struct argp_child children[] = { { &objects_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Counts the living objects of running Python processes by type, from "
		       "outside: "
		       "nothing is stopped, loaded or changed.\v"
		       "With --every the types that grew, and whether they keep growing. Exit "
		       "status: 0 "
		       "done, 10 some type keeps growing, 2 wrong usage or no Python process, 3 no "
		       "privilege, 4 no such process, 5 not all could be read.",
		.children = children,
	};
	static const struct objects_command command = {
		.look = look,
		.show = show,
		.was_seen = was_seen,
		.has_finding = has_finding,
		.shows_each = true,
	};
	struct types_arguments a = { .limit = DEFAULT_LIMIT,
				     .census = { .threads = processors() } };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	status = objects_run(&command, &a.objects, &a);
	objects_options_release(&a.objects);
	return status;
}

const struct command command_types = {
	.name = "types",
	.summary = "count the living objects of Python processes by type, and what grows",
	.run = run_types,
};

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep types: the living objects of running processes, by type, and what grows. */
#include <argp.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/vec.h"
#include "command.h"
#include "proc/process.h"
#include "report/types.h"
#include "trace_options.h"
#include "types_targets.h"

enum { DEFAULT_LIMIT = 50 };

struct types_arguments {
	struct pid_list pids;
	struct process_filter filter;
	bool has_filter, json;
	unsigned long limit, count;
	double every; /* 0: one census */
	struct census_options census;
};

enum {
	KEY_COMM = 512,
	KEY_CGROUP,
	KEY_CONTAINER,
	KEY_LIMIT,
	KEY_EVERY,
	KEY_COUNT,
	KEY_PAUSE,
	KEY_FORMAT
};

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Which processes:", 0 },
	{ "pid", 'p', "PID", 0, "This process (several: -p A -p B or -p A,B)", 0 },
	{ "comm", KEY_COMM, "GLOB", 0, "Processes of this name", 0 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "Processes in this cgroup", 0 },
	{ "container", KEY_CONTAINER, "ID", 0, "Processes in this container", 0 },
	{ NULL, 0, NULL, 0, "What to look at:", 1 },
	{ "every", KEY_EVERY, "TIME", 0, "Count again every so often, and say what grew: 10, 5m",
	  1 },
	{ "count", KEY_COUNT, "N", 0, "So many times; without it until Ctrl-C", 1 },
	{ "pause", KEY_PAUSE, NULL, 0, "Hold the process meanwhile: an exact snapshot", 1 },
	{ NULL, 0, NULL, 0, "The report:", 2 },
	{ "limit", KEY_LIMIT, "N", 0, "Show so many types (50; 0: all)", 2 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "text or json (one document, at the end)", 2 },
	{ "verbose", 'v', NULL, 0, "Debug messages", 2 },
	{ 0 },
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
}

static void set_filter(struct types_arguments *a, const char **condition, const char *value)
{
	*condition = value;
	a->has_filter = true;
}

static void check(struct argp_state *state, const struct types_arguments *a)
{
	if (!a->pids.nr && !a->has_filter)
		argp_error(state, "which processes? -p PID, --comm, --cgroup or --container");
	if (a->pids.nr && a->has_filter)
		argp_error(state, "-p and --comm/--cgroup/--container exclude each other");
	if (a->count > 1 && !a->every)
		argp_error(state, "--count needs --every");
}

static void parse_format(struct argp_state *state, struct types_arguments *a, const char *name)
{
	a->json = !strcmp(name, "json");
	if (!a->json && strcmp(name, "text") != 0)
		argp_error(state, "'%s' is no format here: text or json", name);
}

static void parse_every(struct argp_state *state, struct types_arguments *a, const char *text)
{
	a->every = parse_seconds(state, text);
	if (!a->every)
		argp_error(state, "--every needs some time between two counts");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct types_arguments *a = state->input;

	switch (key) {
	case 'p':
		parse_pids(state, value, &a->pids);
		break;
	case KEY_COMM:
		set_filter(a, &a->filter.comm, value);
		break;
	case KEY_CGROUP:
		set_filter(a, &a->filter.cgroup, value);
		break;
	case KEY_CONTAINER:
		set_filter(a, &a->filter.container, value);
		break;
	case KEY_LIMIT:
		a->limit = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_EVERY:
		parse_every(state, a, value);
		break;
	case KEY_COUNT:
		a->count = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_PAUSE:
		a->census.pause = true;
		break;
	case KEY_FORMAT:
		parse_format(state, a, value);
		break;
	case 'v':
		log_verbosity = 1;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments: -p PID names a process");
		break;
	case ARGP_KEY_END:
		check(state, a);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int find(struct targets *targets, const struct types_arguments *a)
{
	int err = 0;

	if (a->has_filter)
		return targets_add_matching(targets, &a->filter);
	for (size_t i = 0; !err && i < a->pids.nr; i++)
		err = targets_add(targets, a->pids.items[i]);
	return err;
}

static int show(const struct targets *targets, const struct types_arguments *a)
{
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
	err = a->json ? types_write_json(&report, stdout) : types_write_text(&report, stdout);
	free(rows);
	return err;
}

static void put_separator(void)
{
	time_t now = time(NULL);
	struct tm calendar;
	char when[64] = "?";

	if (gmtime_r(&now, &calendar))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &calendar);
	printf("======== %s ========\n", when);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void wait_until(double when)
{
	double left;

	while (!stop && (left = when - now()) > 0) {
		struct timespec pause = { .tv_sec = left < 3600 ? (time_t)left : 3600 };

		pause.tv_nsec = (long)((left < 3600 ? left - pause.tv_sec : 0) * 1e9);
		nanosleep(&pause, NULL);
	}
}

/* The counts, as often as asked for. 0 or -errno of the output or of memory. */
static int count_and_show(struct targets *targets, const struct types_arguments *a)
{
	unsigned long rounds = a->every ? a->count : 1;
	double next = now();
	int left = 0, err = 0;

	for (unsigned long i = 1; !err; i++) {
		bool last;

		left = targets_count(targets, &a->census);
		if (left < 0)
			return left;
		next += a->every;
		last = i == rounds || !left;
		if (!last && !a->json) {
			put_separator();
			err = show(targets, a);
			putchar('\n');
			wait_until(next);
		} else if (!last) {
			wait_until(next);
		}
		/* Ctrl-C ends it with what is known: in text that has been shown. */
		if (last || (stop && a->json)) {
			if (a->every && !a->json)
				put_separator();
			return err ? err : show(targets, a);
		}
		if (stop)
			break;
	}
	return err;
}

static int status_of(const struct targets *targets)
{
	int status = EXIT_CLEAN;
	bool any = false;

	for (size_t i = 0; i < targets->nr; i++) {
		const struct target *t = &targets->items[i];

		if (t->growth && t->growth->verdict == GROWTH_STEADY)
			status = EXIT_FINDINGS;
		any = any || t->census;
	}
	for (size_t i = 0; i < targets->nr; i++) {
		const struct target *t = &targets->items[i];

		if (t->error)
			status = any ? EXIT_PARTIAL : t->status;
	}
	return status;
}

static int types(struct targets *targets, const struct types_arguments *a)
{
	bool any = false;
	int err;

	for (size_t i = 0; i < targets->nr; i++) {
		any = any || targets->items[i].runtime;
		if (targets->items[i].error)
			log_error("%s", targets->items[i].error);
	}
	if (!targets->nr) {
		log_error("no process matches that runs CPython");
		return EXIT_TARGET_GONE;
	}
	if (!any)
		return status_of(targets);
	err = count_and_show(targets, a);
	if (err) {
		log_error("no report: %s", strerror(-err));
		return EXIT_PARTIAL;
	}
	return status_of(targets);
}

/* That this process may run on. */
static unsigned processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static int run_types(int argc, char **argv)
{
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
	};
	struct sigaction action = { .sa_handler = on_signal };
	struct types_arguments a = { .limit = DEFAULT_LIMIT,
				     .census = { .threads = processors() } };
	struct targets targets = { 0 };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (find(&targets, &a)) {
		log_error("the processes cannot be listed: no memory, or no /proc");
		status = EXIT_PARTIAL;
	} else {
		status = types(&targets, &a);
	}
	targets_free(&targets);
	free(a.pids.items);
	return status;
}

const struct command command_types = {
	.name = "types",
	.summary = "count the living objects of Python processes by type, and what grows",
	.run = run_types,
};

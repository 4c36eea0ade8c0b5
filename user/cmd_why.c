// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep why: who holds the objects of running processes, and which container grows. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/vec.h"
#include "command.h"
#include "report/why.h"
#include "trace_options.h"
#include "types_targets.h"

enum {
	DEFAULT_LIMIT = 10,
	DEFAULT_SAMPLES = 1000,
	DEFAULT_SECONDS = 60,
};

struct why_arguments {
	struct pid_list pids;
	bool json;
	unsigned long count;
	double every; /* 0: one look */
	struct why_options options;
};

/* A process and what was seen of it. */
struct held {
	struct why_log *log;
	struct why *why; /* the latest */
};

enum { KEY_LIMIT = 512, KEY_EVERY, KEY_COUNT, KEY_SHOW_KEYS, KEY_SAMPLES, KEY_AT_MOST, KEY_FORMAT };

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Which processes:", 0 },
	{ "pid", 'p', "PID", 0, "This process (several: -p A -p B or -p A,B)", 0 },
	{ NULL, 0, NULL, 0, "What to look at:", 1 },
	{ "every", KEY_EVERY, "TIME", 0, "Look again every so often, and say what grew: 10, 5m",
	  1 },
	{ "count", KEY_COUNT, "N", 0, "So many times; without it until Ctrl-C", 1 },
	{ "samples", KEY_SAMPLES, "N", 0, "Objects of TYPE whose paths are told (1000; 0: all)",
	  1 },
	{ "at-most", KEY_AT_MOST, "TIME", 0, "Seconds that a look may take (60)", 1 },
	{ NULL, 0, NULL, 0, "The report:", 2 },
	{ "limit", KEY_LIMIT, "N", 0, "Show so many of each kind (10; 0: all)", 2 },
	{ "show-keys", KEY_SHOW_KEYS, NULL, 0, "Show keys of dicts in paths: they may be secrets",
	  2 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "text or json (one document, at the end)", 2 },
	{ "verbose", 'v', NULL, 0, "Debug messages", 2 },
	{ 0 },
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
}

static double parse_time(struct argp_state *state, const char *option, const char *text)
{
	double seconds = parse_seconds(state, text);

	if (!seconds)
		argp_error(state, "%s needs some time", option);
	return seconds;
}

static void parse_format(struct argp_state *state, struct why_arguments *a, const char *name)
{
	a->json = !strcmp(name, "json");
	if (!a->json && strcmp(name, "text") != 0)
		argp_error(state, "'%s' is no format here: text or json", name);
}

static void parse_type(struct argp_state *state, struct why_arguments *a, const char *type)
{
	if (a->options.type)
		argp_error(state, "one type at a time");
	a->options.type = type;
}

static void check(struct argp_state *state, const struct why_arguments *a)
{
	if (!a->pids.nr)
		argp_error(state, "which process? -p PID");
	if (a->count > 1 && !a->every)
		argp_error(state, "--count needs --every");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct why_arguments *a = state->input;

	switch (key) {
	case 'p':
		parse_pids(state, value, &a->pids);
		break;
	case KEY_LIMIT:
		a->options.limit = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_EVERY:
		a->every = parse_time(state, "--every", value);
		break;
	case KEY_COUNT:
		a->count = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_SHOW_KEYS:
		a->options.show_keys = true;
		break;
	case KEY_SAMPLES:
		a->options.samples = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_AT_MOST:
		a->options.seconds = parse_time(state, "--at-most", value);
		break;
	case KEY_FORMAT:
		parse_format(state, a, value);
		break;
	case 'v':
		log_verbosity = 1;
		break;
	case ARGP_KEY_ARG:
		parse_type(state, a, value);
		break;
	case ARGP_KEY_END:
		check(state, a);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Looks at all that can still be read; how many those are, or -ENOMEM. */
static int look(struct targets *targets, struct held *held, const struct why_options *options)
{
	int left = 0;

	for (size_t i = 0; i < targets->nr; i++) {
		struct target *t = &targets->items[i];
		struct why *why;
		int err;

		if (!t->runtime)
			continue;
		err = runtime_why(t->runtime, options, held[i].log, &why);
		if (err == -ENOMEM)
			return err;
		if (err) {
			targets_fail(t, err);
			continue;
		}
		why_free(held[i].why);
		held[i].why = why;
		left++;
	}
	return left;
}

static int show(const struct targets *targets, const struct held *held,
		const struct why_arguments *a)
{
	struct why_process *rows = calloc(targets->nr, sizeof(*rows));
	struct why_report report = {
		.processes = rows,
		.nr = targets->nr,
		.type = a->options.type,
		.limit = a->options.limit,
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
			.why = held[i].why,
			.log = held[i].log,
			.error = t->error,
		};
	}
	err = a->json ? why_write_json(&report, stdout) : why_write_text(&report, stdout);
	free(rows);
	return err;
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

/* As often as asked for; the report is of the last look, that of each in text without a count. */
static int look_and_show(struct targets *targets, struct held *held, const struct why_arguments *a)
{
	unsigned long rounds = a->every ? a->count : 1;
	double next = now();

	for (unsigned long i = 1;; i++) {
		int left = look(targets, held, &a->options), err;

		if (left < 0)
			return left;
		if (i == rounds || !left || stop)
			return show(targets, held, a);
		if (!rounds && !a->json) {
			err = show(targets, held, a);
			if (err)
				return err;
			putchar('\n');
		}
		next += a->every;
		wait_until(next);
		if (stop)
			return rounds || a->json ? show(targets, held, a) : 0;
	}
}

static bool is_finding(const struct why *why)
{
	return why->cause.kind != CAUSE_NONE && why->cause.kind != CAUSE_TOO_LITTLE &&
	       why->cause.kind != CAUSE_FILLING;
}

static int status_of(const struct targets *targets, const struct held *held)
{
	int status = EXIT_CLEAN;
	bool any = false;

	for (size_t i = 0; i < targets->nr; i++) {
		if (held[i].why && is_finding(held[i].why))
			status = EXIT_FINDINGS;
		any = any || held[i].why;
	}
	for (size_t i = 0; i < targets->nr; i++)
		if (targets->items[i].error)
			status = any ? EXIT_PARTIAL : targets->items[i].status;
	return status;
}

static int why(struct targets *targets, struct held *held, const struct why_arguments *a)
{
	bool any = false;
	int err;

	for (size_t i = 0; i < targets->nr; i++) {
		any = any || targets->items[i].runtime;
		if (targets->items[i].error)
			log_error("%s", targets->items[i].error);
	}
	if (!any)
		return status_of(targets, held);
	err = look_and_show(targets, held, a);
	if (err) {
		log_error("no report: %s", strerror(-err));
		return EXIT_PARTIAL;
	}
	return status_of(targets, held);
}

static int open_targets(const struct why_arguments *a, struct targets *targets, struct held *held)
{
	for (size_t i = 0; i < a->pids.nr; i++) {
		held[i].log = why_log_new();
		if (!held[i].log || targets_add(targets, a->pids.items[i]))
			return -ENOMEM;
	}
	return 0;
}

static int run(const struct why_arguments *a)
{
	struct held *held = calloc(a->pids.nr, sizeof(*held));
	struct targets targets = { 0 };
	int status = EXIT_PARTIAL;

	if (!held || open_targets(a, &targets, held))
		log_error("no memory");
	else
		status = why(&targets, held, a);
	for (size_t i = 0; held && i < a->pids.nr; i++) {
		why_free(held[i].why);
		why_log_free(held[i].log);
	}
	free(held);
	targets_free(&targets);
	return status;
}

static int run_why(int argc, char **argv)
{
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
	};
	struct sigaction action = { .sa_handler = on_signal };
	struct why_arguments a = { .options = {
					   .limit = DEFAULT_LIMIT,
					   .samples = DEFAULT_SAMPLES,
					   .seconds = DEFAULT_SECONDS,
				   } };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	status = run(&a);
	free(a.pids.items);
	return status;
}

const struct command command_why = {
	.name = "why",
	.summary = "who holds the objects of Python processes, and which container grows",
	.run = run_why,
};

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the loop of looks, and the options that it follows. Knows nothing of what a look sees,
 * nor of how it is shown.
 */
#include "objects_command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "command.h"

enum { KEY_COMM = 600, KEY_CGROUP, KEY_CONTAINER, KEY_EVERY, KEY_COUNT, KEY_FORMAT };

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Which processes:", 1 },
	{ "pid", 'p', "PID", 0, "This process (several: -p A -p B or -p A,B)", 1 },
	{ "comm", KEY_COMM, "GLOB", 0, "Processes of this name", 1 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "Processes in this cgroup", 1 },
	{ "container", KEY_CONTAINER, "ID", 0, "Processes in this container", 1 },
	{ NULL, 0, NULL, 0, "What to look at:", 2 },
	{ "every", KEY_EVERY, "TIME", 0, "Look again every so often, and say what grew: 10, 5m",
	  2 },
	{ "count", KEY_COUNT, "N", 0, "So many times; without it until Ctrl-C", 2 },
	{ NULL, 0, NULL, 0, "The report:", 3 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "text or json (one document, at the end)", 3 },
	{ "verbose", 'v', NULL, 0, "Debug messages", 3 },
	{ 0 },
};

static void set_filter(struct objects_options *o, const char **condition, const char *value)
{
	*condition = value;
	o->has_filter = true;
}

static void parse_every(struct argp_state *state, struct objects_options *o, const char *text)
{
	o->every = parse_seconds(state, text);
	if (!o->every)
		argp_error(state, "--every needs some time between two looks");
}

static void parse_format(struct argp_state *state, struct objects_options *o, const char *name)
{
	o->json = !strcmp(name, "json");
	if (!o->json && strcmp(name, "text") != 0)
		argp_error(state, "'%s' is no format here: text or json", name);
}

static void check(struct argp_state *state, const struct objects_options *o)
{
	if (!o->pids.nr && !o->has_filter)
		argp_error(state, "which processes? -p PID, --comm, --cgroup or --container");
	if (o->pids.nr && o->has_filter)
		argp_error(state, "-p and --comm/--cgroup/--container exclude each other");
	if (o->count > 1 && !o->every)
		argp_error(state, "--count needs --every");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct objects_options *o = state->input;

	switch (key) {
	case 'p':
		parse_pids(state, value, &o->pids);
		break;
	case KEY_COMM:
		set_filter(o, &o->filter.comm, value);
		break;
	case KEY_CGROUP:
		set_filter(o, &o->filter.cgroup, value);
		break;
	case KEY_CONTAINER:
		set_filter(o, &o->filter.container, value);
		break;
	case KEY_EVERY:
		parse_every(state, o, value);
		break;
	case KEY_COUNT:
		o->count = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_FORMAT:
		parse_format(state, o, value);
		break;
	case 'v':
		log_verbosity = 1;
		break;
	case ARGP_KEY_END:
		check(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp objects_argp = { .options = option_table, .parser = parse };

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
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

static void put_separator(void)
{
	time_t now = time(NULL);
	struct tm calendar;
	char when[64] = "?";

	if (gmtime_r(&now, &calendar))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &calendar);
	printf("======== %s ========\n", when);
}

/* 0 or -errno of the output or of memory. */
static int look_and_show(struct targets *targets, const struct objects_command *c,
			 const struct objects_options *o, const void *arguments)
{
	unsigned long rounds = o->every ? o->count : 1;
	bool each = !o->json && o->every && (c->shows_each || !rounds);
	double next = now();

	for (unsigned long i = 1;; i++) {
		int left = c->look(targets, arguments), err = 0;
		bool last = i == rounds || !left || stop;

		if (left < 0)
			return left;
		if (each)
			put_separator();
		if (each || last)
			err = c->show(targets, arguments);
		if (err || last)
			return err;
		if (each)
			putchar('\n');
		next += o->every;
		wait_until(next);
		/* It ends with what is known, unless that was shown. */
		if (stop)
			return each ? 0 : c->show(targets, arguments);
	}
}

static int status_of(const struct targets *targets, const struct objects_command *c)
{
	int status = EXIT_CLEAN;
	bool any = false;

	for (size_t i = 0; i < targets->nr; i++) {
		if (c->has_finding(&targets->items[i]))
			status = EXIT_FINDINGS;
		any = any || c->was_seen(&targets->items[i]);
	}
	for (size_t i = 0; i < targets->nr; i++)
		if (targets->items[i].error)
			status = any ? EXIT_PARTIAL : targets->items[i].status;
	return status;
}

static int run(struct targets *targets, const struct objects_command *c,
	       const struct objects_options *o, const void *arguments)
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
		return status_of(targets, c);
	err = look_and_show(targets, c, o, arguments);
	if (err) {
		log_error("no report: %s", strerror(-err));
		return EXIT_PARTIAL;
	}
	return status_of(targets, c);
}

static int find(struct targets *targets, const struct objects_options *o)
{
	int err = 0;

	if (o->has_filter)
		return targets_add_matching(targets, &o->filter);
	for (size_t i = 0; !err && i < o->pids.nr; i++)
		err = targets_add(targets, o->pids.items[i]);
	return err;
}

int objects_run(const struct objects_command *command, const struct objects_options *options,
		const void *arguments)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct targets targets = { 0 };
	int status = EXIT_PARTIAL;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (find(&targets, options))
		log_error("the processes cannot be listed: no memory, or no /proc");
	else
		status = run(&targets, command, options, arguments);
	targets_free(&targets);
	return status;
}

void objects_options_release(struct objects_options *options)
{
	free(options->pids.items);
}

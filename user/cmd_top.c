// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep top: who grows on this host, how fast, and where in the code; live, or for scripts. */
#include <argp.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "command.h"
#include "top/batch.h"
#include "top/session.h"
#include "trace_options.h"
#include "triage/ranking.h"

struct top_arguments {
	struct session_options session;
	struct pid_list pids;
	bool batch, json, has_format;
	unsigned long limit;
	bool has_limit;
};

enum {
	KEY_COMM = 512,
	KEY_CGROUP,
	KEY_CONTAINER,
	KEY_SORT,
	KEY_BUDGET,
	KEY_FORMAT,
	KEY_LIMIT,
	KEY_NO_COLOUR,
};

enum { DEFAULT_LIMIT = 20 };

static const double DEFAULT_DELAY = 2, DEFAULT_BUDGET = 2, LEAST_DELAY = 0.1;
/*
 * Growth is told from the last minute; from longer where looks are rare, since a trend needs a
 * dozen, and from shorter where they are frequent, since so many are kept.
 */
static const double WINDOW = 60, LOOKS_NEEDED = 20, LOOKS_KEPT = RANKING_POINTS * 0.7;

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Which processes (default: all):", 0 },
	{ "pid", 'p', "PID", 0, "This process (several: -p A -p B or -p A,B)", 0 },
	{ "comm", KEY_COMM, "GLOB", 0, "Processes of this name", 0 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "Processes in this cgroup", 0 },
	{ "container", KEY_CONTAINER, "ID", 0, "Processes in this container", 0 },
	{ NULL, 0, NULL, 0, "How they are looked at:", 1 },
	{ "delay", 'd', "SECONDS", 0, "Between two looks (2)", 1 },
	{ "count", 'n', "COUNT", 0, "End after so many", 1 },
	{ "sort", KEY_SORT, "WORD", 0, "growth (default), memory, time (to the limit), cpu, pid",
	  1 },
	{ "reverse", 'r', NULL, 0, "The other way round", 1 },
	{ "budget", KEY_BUDGET, "PERCENT", 0,
	  "What tracing the chosen process may cost of its CPU time (2); off: no bound", 1 },
	{ "no-color", KEY_NO_COLOUR, NULL, 0, "No colours, as with NO_COLOR set", 1 },
	{ NULL, 0, NULL, 0, "For scripts:", 2 },
	{ "batch", 'b', NULL, 0, "Print a table a look, and use no terminal", 2 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "text, or json: one document a line (means --batch)",
	  2 },
	{ "limit", KEY_LIMIT, "N", 0, "Processes in each table (20; 0: all)", 2 },
	{ 0 },
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
}

static void parse_format(struct argp_state *state, struct top_arguments *a, const char *name)
{
	a->json = !strcmp(name, "json");
	a->has_format = true;
	if (!a->json && strcmp(name, "text") != 0)
		argp_error(state, "'%s' is no format here: text or json", name);
}

static void parse_delay(struct argp_state *state, struct top_arguments *a, const char *text)
{
	a->session.interval = parse_seconds(state, text);
	if (a->session.interval < LEAST_DELAY || a->session.interval > 86400)
		argp_error(state, "--delay is from 0.1 seconds to a day");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct top_arguments *a = state->input;
	struct process_filter *filter = &a->session.looker.filter;

	switch (key) {
	case 'p':
		parse_pids(state, value, &a->pids);
		break;
	case KEY_COMM:
		filter->comm = value;
		break;
	case KEY_CGROUP:
		filter->cgroup = value;
		break;
	case KEY_CONTAINER:
		filter->container = value;
		break;
	case 'd':
		parse_delay(state, a, value);
		break;
	case 'n':
		a->session.count = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_SORT:
		a->session.order = overview_order_parse(value);
		if (a->session.order == ORDERS)
			argp_error(state, "cannot sort by '%s'", value);
		break;
	case 'r':
		a->session.reverse = true;
		break;
	case KEY_BUDGET:
		a->session.budget = parse_budget(state, value);
		break;
	case KEY_NO_COLOUR:
		a->session.colour = false;
		break;
	case 'b':
		a->batch = true;
		break;
	case KEY_FORMAT:
		parse_format(state, a, value);
		break;
	case KEY_LIMIT:
		a->limit = parse_count(state, value, UINT32_MAX);
		a->has_limit = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments: -p PID names a process");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static double monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A signal ends the waiting at once. */
static void wait_until(double when)
{
	double left = when - monotonic();

	while (!stop && left > 0) {
		double part = fmin(left, 1);
		struct timespec pause = { .tv_sec = (time_t)part,
					  .tv_nsec = (long)((part - floor(part)) * 1e9) };

		nanosleep(&pause, NULL);
		left = when - monotonic();
	}
}

static int look_and_write(struct looker *looker, const struct top_arguments *a,
			  const struct batch_options *options)
{
	struct overview *overview;
	int err = looker_look(looker, &overview);

	if (err)
		return err;
	err = a->json ? batch_write_json(overview, options, stdout)
		      : batch_write_text(overview, options, stdout);
	overview_free(overview);
	return err;
}

static int run_batch(const struct top_arguments *a)
{
	struct batch_options options = { .order = a->session.order,
					 .reverse = a->session.reverse,
					 .limit = a->limit };
	struct looker *looker;
	double next = monotonic();
	int err = looker_open(&a->session.looker, &looker);

	setlocale(LC_CTYPE, "");
	options.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	for (unsigned long i = 1; !err && !stop; i++) {
		err = look_and_write(looker, a, &options);
		if (err || i == a->session.count)
			break;
		next = fmax(next + a->session.interval, monotonic());
		wait_until(next);
	}
	if (err == -EPIPE)
		err = 0; /* who reads has seen enough */
	if (err)
		log_error("no further look at the host: %s", strerror(-err));
	looker_close(looker);
	return err ? EXIT_PARTIAL : EXIT_CLEAN;
}

static int explain(int err)
{
	const char *terminal = getenv("TERM");

	switch (err) {
	case -ENOTTY:
		log_error("seep top needs a terminal for its screen; --batch prints tables");
		return EXIT_USAGE;
	case -ENXIO:
		log_error("the terminal's kind ($TERM is '%s') is not known here: set TERM to one "
			  "that is (TERM=xterm seep top), or use --batch",
			  terminal ? terminal : "");
		return EXIT_USAGE;
	case -EOPNOTSUPP:
		log_error("a terminal of the kind '%s' cannot show a screen: use --batch",
			  terminal ? terminal : "");
		return EXIT_USAGE;
	default:
		log_error("seep top ended: %s", strerror(-err));
		return EXIT_PARTIAL;
	}
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run_top(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Shows who grows on this host: how fast, how near its limit, and, once "
		       "traced, where in the code.\v"
		       "The key h lists the keys. Exit status: 0 ended as asked for, 2 wrong usage "
		       "or no terminal, 5 ended early.",
	};
	const char *wish = getenv("NO_COLOR");
	struct top_arguments a = { .session = { .interval = DEFAULT_DELAY,
						.budget = DEFAULT_BUDGET,
						.colour = !(wish && *wish) },
				   .limit = DEFAULT_LIMIT };
	char *line = command_line(argc, argv);
	int status, err;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	a.session.command = line;
	a.session.looker.pids = a.pids.items;
	a.session.looker.nr_pids = a.pids.nr;
	a.session.looker.window = fmin(fmax(WINDOW, a.session.interval * LOOKS_NEEDED),
				       a.session.interval * LOOKS_KEPT);
	catch_signals();
	if (a.batch || a.has_format) {
		status = run_batch(&a);
	} else {
		err = session_run(&a.session, &stop);
		status = err ? explain(err) : EXIT_CLEAN;
	}
	free(a.pids.items);
	free(line);
	return status;
}

const struct command command_top = {
	.name = "top",
	.summary = "who grows on this host, live: rates, limits, and sites of who is traced",
	.run = run_top,
};

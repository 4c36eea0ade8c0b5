// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep trace: attaches to running processes, and reports. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/vec.h"
#include "command.h"
#include "proc/process.h"
#include "report/report.h"
#include "trace_options.h"

struct trace_arguments {
	struct trace_options options; /* first: the child parsers' input */
	struct pid_list pids;
	size_t matched; /* processes that the filter matched at the start */
};

enum { KEY_COMM = 512, KEY_CGROUP, KEY_CONTAINER, KEY_DURATION, KEY_BUDGET };

#define DEFAULT_BUDGET 2 /* percent */

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Which processes:", 0 },
	{ "pid", 'p', "PID", 0, "This process (several: -p A -p B or -p A,B)", 0 },
	{ "comm", KEY_COMM, "GLOB", 0, "Processes of this name, later ones too", 0 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "Processes in this cgroup, later ones too", 0 },
	{ "container", KEY_CONTAINER, "ID", 0, "Processes in this container, later ones too", 0 },
	{ "all", 'a', NULL, 0, "Every process of the host", 0 },
	{ "budget", KEY_BUDGET, "PERCENT", 0,
	  "What tracing may cost, of the processes' CPU time (with -a of one core; default 2): "
	  "what "
	  "costs more is traced in bursts; off: no bound, all is exact",
	  0 },
	{ "duration", KEY_DURATION, "TIME", 0, "Trace so long, then report once: 30, 5m", 0 },
	{ 0 },
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
}

static void check_targets(struct argp_state *state, const struct trace_arguments *a)
{
	const struct tracer_options *t = &a->options.tracer;
	int ways = !!a->pids.nr + t->has_filter + t->everything;

	if (!ways)
		argp_error(state, "which processes? -p PID, --comm, --cgroup, --container or -a");
	if (ways > 1)
		argp_error(state, "-p, -a and --comm/--cgroup/--container exclude each other");
	if (a->options.duration >= 0 && a->options.interval)
		argp_error(state, "INTERVAL and --duration exclude each other");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct trace_arguments *a = state->input;
	struct process_filter *filter = &a->options.tracer.filter;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->options;
		break;
	case 'p':
		parse_pids(state, value, &a->pids);
		break;
	case 'a':
		a->options.tracer.everything = true;
		break;
	case KEY_COMM:
		filter->comm = value;
		a->options.tracer.has_filter = true;
		break;
	case KEY_CGROUP:
		filter->cgroup = value;
		a->options.tracer.has_filter = true;
		break;
	case KEY_CONTAINER:
		filter->container = value;
		a->options.tracer.has_filter = true;
		break;
	case KEY_BUDGET:
		a->options.tracer.budget = parse_budget(state, value);
		a->options.budget_given = true;
		break;
	case KEY_DURATION:
		a->options.duration = parse_seconds(state, value);
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			a->options.interval = parse_seconds(state, value);
		else if (state->arg_num == 1)
			a->options.count = parse_count(state, value, UINT32_MAX);
		else
			argp_error(state, "at most INTERVAL and COUNT");
		break;
	case ARGP_KEY_END:
		check_targets(state, a);
		/* Who samples has chosen what it costs. */
		if (a->options.tracer.sample_bytes && !a->options.budget_given)
			a->options.tracer.budget = 0;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Why the process cannot be traced, and what helps. An exit code. */
static int explain(pid_t pid, int err)
{
	switch (err) {
	case -ESRCH:
		log_error("there is no process %d (ended, or another pid namespace)", pid);
		return EXIT_TARGET_GONE;
	case -EPERM:
		log_error("process %d has a seccomp filter, and this kernel's return probes would "
			  "kill "
			  "it: a kernel with the fix (6.14, or 6.12.12 and later) is needed",
			  pid);
		return EXIT_PRIVILEGE;
	case -EACCES:
		log_error("process %d cannot be read: CAP_SYS_PTRACE is needed (run as root)", pid);
		return EXIT_PRIVILEGE;
	case -ENOEXEC:
		log_error("process %d is of another architecture (a 32-bit program?): only "
			  "programs of "
			  "the machine's own can be traced",
			  pid);
		return EXIT_PRIVILEGE;
	case -ENOTSUP:
		log_error("process %d is a kernel thread: it has no user memory", pid);
		return EXIT_PRIVILEGE;
	default:
		log_error("process %d cannot be traced: %s ('seep doctor -p %d' says more)", pid,
			  strerror(-err), pid);
		return EXIT_PRIVILEGE;
	}
}

/* One of the -p processes. 0 or an exit code. */
static int add_pid(struct tracer *tracer, pid_t pid)
{
	int err = tracer_add(tracer, pid);

	if (err && err != -ENOENT)
		return explain(pid, err);
	if (err)
		log_warn("process %d maps no allocator with symbols that could be probed; 'seep "
			 "doctor "
			 "-p %d' says why. Its mmaps are traced, and libraries it opens later",
			 pid, pid);
	return 0;
}

/*
 * Those that it has forked already, as a server its workers. What they fork from now on is
 * followed by itself; what runs another program is another matter.
 */
static void add_forks(struct tracer *tracer, pid_t pid)
{
	pid_t *pids = NULL;
	size_t nr = 0;

	if (process_list(&pids, &nr))
		return;
	for (size_t i = 0; i < nr; i++)
		if (process_is_fork_of(pids[i], pid))
			tracer_add(tracer, pids[i]);
	free(pids);
}

static int add_targets(struct tracer *tracer, struct trace_arguments *a)
{
	int status = 0;
	size_t nr = 0;

	for (size_t i = 0; !status && i < a->pids.nr; i++) {
		status = add_pid(tracer, a->pids.items[i]);
		if (!status && a->options.tracer.follow)
			add_forks(tracer, a->pids.items[i]);
	}
	if (status || a->pids.nr)
		return status;
	if (tracer_add_matching(tracer, &nr)) {
		log_error("the processes cannot be listed: is /proc mounted?");
		return EXIT_PRIVILEGE;
	}
	if (!nr && !a->options.quiet)
		log_warn("no process matches yet; waiting for one");
	a->matched = nr;
	return 0;
}

/* Nothing found is another thing than nothing looked at. */
static bool saw_nothing(const struct trace_arguments *a, const struct profile *profile)
{
	return a->options.tracer.has_filter && !a->matched && !profile->nr_processes;
}

static int report(struct tracer *tracer, const struct trace_arguments *a, bool last)
{
	struct profile *profile;
	int status, err = tracer_profile(tracer, &a->options.report, &profile);

	if (err) {
		log_error("no report: %s", strerror(-err));
		return EXIT_PARTIAL;
	}
	if (a->options.interval && a->options.format == report_format_find("text"))
		report_text_separator(profile, stdout);
	status = trace_deliver(&a->options, profile, last);
	if (last && saw_nothing(a, profile)) {
		log_error("no matching process was seen");
		status = EXIT_TARGET_GONE;
	}
	profile_free(profile);
	return status;
}

/* Reports every interval; the last one after the probes are out. */
static int trace(struct tracer *tracer, const struct trace_arguments *a)
{
	double each = a->options.interval ? a->options.interval : a->options.duration;
	unsigned long rounds = a->options.interval ? a->options.count : 1;
	int err = 0;

	for (unsigned long i = 1; !err; i++) {
		err = tracer_run(tracer, each, &stop);
		if (stop || i == rounds || tracer_gave_up(tracer) || tracer_targets_ended(tracer))
			break;
		if (!err)
			report(tracer, a, false);
	}
	if (err)
		log_warn("tracing ended early: %s; this is what was seen", strerror(-err));
	if (tracer_targets_ended(tracer) && !a->options.quiet)
		log_warn("the target has ended");
	tracer_stop(tracer);
	return report(tracer, a, true);
}

static int run_trace(int argc, char **argv)
{
	static const struct argp_child children[] = { { &trace_options_argp, 0, NULL, 1 }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[INTERVAL [COUNT]]",
		.doc = "Traces memory of running processes and reports what is outstanding.\v"
		       "With INTERVAL a report every so many seconds, COUNT times; else one at the "
		       "end: "
		       "after --duration, on Ctrl-C, or when the process ends. Exit status: 0 "
		       "nothing "
		       "found, 10 a leak or an overflow was found, 2 wrong usage, 3 no privilege "
		       "or the "
		       "kernel cannot, 4 no such process or none that matched, 5 the report is "
		       "incomplete.",
		.children = children,
	};
	struct sigaction action = { .sa_handler = on_signal };
	struct trace_arguments a = { .pids = { 0 } };
	char *line = command_line(argc, argv);
	struct tracer *tracer = NULL;
	struct features features;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	trace_options_init(&a.options);
	a.options.tracer.budget = DEFAULT_BUDGET;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	a.options.tracer.command = line;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	status = trace_begin(&a.options, &features, &tracer);
	status = status ? status : add_targets(tracer, &a);
	if (!status) {
		/* Scripts wait for it as well: from here on nothing is missed. */
		if (!a.options.quiet)
			fprintf(stderr, "tracing (%s); Ctrl-C for the report\n",
				attach_mode_name(features.best));
		status = trace(tracer, &a);
	}
	tracer_free(tracer);
	trace_options_release(&a.options);
	free(a.pids.items);
	free(line);
	return status;
}

const struct command command_trace = {
	.name = "trace",
	.summary = "attach to running processes and report what is outstanding",
	.run = run_trace,
};

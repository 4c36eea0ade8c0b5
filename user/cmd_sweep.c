// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep sweep: who on this host grows, and why; once, or again and again. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "output.h"
#include "proc/proc_file.h"
#include "report/sweep.h"
#include "sweep/schedule.h"
#include "sweep/sweeper.h"
#include "sweep_options.h"
#include "sweep_record.h"
#include "trace_options.h"

struct sweep {
	struct sweep_options options;
	struct suppressions suppressions;
	struct sweep_identity identity;
	struct utsname system;
	uint64_t host_hash;
	char host_id[17];
	struct features features;
	struct sweep_record *record;
	struct sweeper *sweeper;
	struct sweep_schedule schedule;
	struct report_options report;
	bool found, partial, failed;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
}

static int refuse(char *message)
{
	log_error("%s", message ? message : "out of memory");
	free(message);
	return EXIT_USAGE;
}

static int read_files(struct sweep *s)
{
	struct sweep_settings *settings = &s->options.settings;
	char *message = NULL;
	int err = 0;

	if (s->options.config)
		err = sweep_settings_read(settings, s->options.config, &message);
	err = err ?: sweep_settings_check(settings, &message);
	if (!err && settings->suppressions)
		err = suppressions_read(&s->suppressions, settings->suppressions, &message);
	return err ? refuse(message) : 0;
}

/* The host's own number, hashed: it is meant to stay on the host. */
static void identify(struct sweep *s)
{
	char *id = NULL;
	size_t length = 0;

	uname(&s->system);
	if (proc_file_read_under("", "/etc/machine-id", 64, &id, &length) || !length) {
		free(id);
		id = strdup(s->system.nodename);
	}
	s->host_hash = sweep_host_hash(id ? id : "");
	free(id);
	snprintf(s->host_id, sizeof(s->host_id), "%016" PRIx64, s->host_hash);
	s->identity.host = s->system.nodename;
	s->identity.host_id = s->host_id;
}

static void on_picked(void *context, struct pass *pass)
{
	struct sweep *s = context;

	sweep_record_begin(s->record, pass);
	if (!s->options.settings.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "%" PRIu64 " grow; tracing the worst\n", pass->nr_growing);
}

static void on_traced(void *context, struct pass *pass, struct pass_suspect *suspect)
{
	struct sweep *s = context;

	sweep_record_suspect(s->record, pass, suspect);
}

static int begin(struct sweep *s)
{
	struct sweeper_options options = {
		.settings = &s->options.settings,
		.features = &s->features,
		.suppressions = &s->suppressions,
		.command = s->identity.command,
		.stop = &stop,
		.picked = on_picked,
		.traced = on_traced,
		.context = s,
	};
	struct trace_options trace;
	int status = 0, err;

	trace_options_init(&trace);
	if (s->options.settings.top)
		status = trace_find_features(&trace, &s->features);
	trace_options_release(&trace);
	status = status ?: sweep_record_open(&s->options.settings, &s->identity, &s->record);
	if (status)
		return status;
	err = sweeper_new(&options, &s->sweeper);
	if (!err)
		return 0;
	log_error("the host cannot be looked at: %s", strerror(-err));
	return err == -ENOMEM ? EXIT_PARTIAL : EXIT_PRIVILEGE;
}

static int show(struct sweep *s, const struct pass *pass, const char *outcome)
{
	struct sweep_report report = {
		.pass = pass,
		.outcome = outcome,
		.host = s->identity.host,
		.host_id = s->identity.host_id,
		.command = s->identity.command,
		.store = sweep_record_path(s->record),
		.store_problem = sweep_record_problem(s->record),
		.missed = s->schedule.missed,
	};
	int err;

	if (s->options.settings.json)
		err = sweep_write_json(&report, &s->report, stdout);
	else
		err = sweep_write_text(&report, &s->report, stdout);
	if (err)
		log_error("cannot write the standard output: %s", strerror(-err));
	return err;
}

static bool takes_part(double probability)
{
	uint64_t chance = 0;

	/* Without chance every pass takes place: too much is better than nothing. */
	if (probability >= 1 || getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return true;
	return sweep_takes_part(chance, probability);
}

/* A pass that chance leaves out. */
static int skip(struct sweep *s)
{
	struct pass *pass = pass_new();
	int err;

	if (!pass)
		return -ENOMEM;
	pass->started = (double)time(NULL);
	pass->probability = s->options.settings.probability;
	err = show(s, pass, "left out by chance");
	pass_free(pass);
	return err;
}

/* 0; -errno: it makes no sense to go on. */
static int one_pass(struct sweep *s)
{
	struct pass *pass;
	const char *outcome;
	int err;

	if (!takes_part(s->options.settings.probability))
		return skip(s);
	err = sweeper_pass(s->sweeper, &pass);
	if (err) {
		log_error("the pass failed: %s", strerror(-err));
		s->failed = true;
		return 0;
	}
	/* Being stopped is how sweeping without end ends. */
	if (s->options.settings.every > 0 && !pass->nr_suspects)
		pass->stopped = false;
	outcome = pass_outcome(pass);
	sweep_record_finish(s->record, pass, outcome);
	err = show(s, pass, outcome);
	s->found |= pass_findings(pass) != 0;
	s->partial |= pass_is_partial(pass);
	s->failed |= sweep_record_problem(s->record) != NULL;
	pass_free(pass);
	return err;
}

static int sweep(struct sweep *s)
{
	const struct sweep_settings *settings = &s->options.settings;
	double delay = sweep_jitter(s->host_hash, settings->jitter), rested;
	int err = 0;

	sweep_schedule_init(&s->schedule, sweeper_now(), delay, settings->every);
	if (delay >= 1 && !settings->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "the first pass begins in %.0f s (--jitter)\n", delay);
	for (uint64_t i = 1; !err; i++) {
		sweeper_wait(s->sweeper, s->schedule.due);
		if (stop) {
			/* without a single pass nothing can be said */
			s->partial |= i == 1;
			break;
		}
		err = one_pass(s);
		rested = fmax(sweeper_now(), sweeper_rested(s->sweeper));
		if (stop || i == settings->passes || !sweep_schedule_next(&s->schedule, rested))
			break;
	}
	if (err || s->failed)
		return EXIT_PARTIAL;
	if (s->found)
		return EXIT_FINDINGS;
	return s->partial ? EXIT_PARTIAL : EXIT_CLEAN;
}

static int run_sweep(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sweep s = { 0 };
	char *line = command_line(argc, argv);
	int status;

	argp_err_exit_status = EXIT_USAGE;
	if (sweep_settings_init(&s.options.settings)) {
		free(line);
		return refuse(NULL);
	}
	argp_parse(&sweep_options_argp, argc, argv, 0, NULL, &s.options);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	s.identity.command = line;
	identify(&s);
	s.report.top = 10;
	s.report.verbose = s.options.verbose;
	output_look_at_terminal(&s.report, s.options.no_colour);
	status = read_files(&s);
	status = status ?: begin(&s);
	status = status ?: sweep(&s);
	sweeper_free(s.sweeper);
	sweep_record_close(s.record);
	suppressions_release(&s.suppressions);
	sweep_settings_release(&s.options.settings);
	free(line);
	return status;
}

const struct command command_sweep = {
	.name = "sweep",
	.summary = "look who grows on this host, trace the worst, keep what was found",
	.run = run_sweep,
};

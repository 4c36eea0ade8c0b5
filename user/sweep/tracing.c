// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the tracing of one suspect: a tracer of its own, made and freed for it, so that nothing
 * of one is left when the next begins. A suspect may be gone at each step, and its pid another
 * process: it is known by pid and start time together.
 */
#include "sweep/sweeper_internal.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "proc/process.h"
#include "trace/tracer.h"

/* Kills must be looked at before the victim is gone. */
static const double SLICE = 0.25;
enum {
	SITES_MOST = 200,
	PARTS_MOST = 3,
};

static bool is_there(const struct pass_suspect *suspect)
{
	struct process_info info;

	return !process_read(suspect->pid, &info) && info.start_ticks == suspect->start_ticks;
}

static const char *reason(int err)
{
	switch (err) {
	case -ESRCH:
		return "it has ended";
	case -EPERM:
		return "it has a seccomp filter, and this kernel's return probes would kill it";
	case -EACCES:
		return "it cannot be read: CAP_SYS_PTRACE is needed";
	case -ENOEXEC:
		return "it is of another architecture than the machine";
	case -ENOTSUP:
		return "it is a kernel thread";
	case -ENOMEM:
		return "out of memory";
	default:
		return strerror(-err);
	}
}

static void give_up(struct pass *pass, struct pass_suspect *suspect, int err, const char *why)
{
	suspect->not_traced = pass_string(pass, why);
	suspect->failed = err != -ESRCH;
}

/* Why there is no tracer, whoever the suspect is. */
static const char *no_tracer(const struct sweep_settings *settings, int err)
{
	if (err == -EPERM && settings->budget > 0)
		return "a budget needs the kernel's statistics of programs: CAP_SYS_ADMIN, or "
		       "kernel.bpf_stats_enabled = 1 (sysctl)";
	return err == -EPERM || err == -EACCES ? "the kernel refused the tracing programs"
					       : strerror(-err);
}

/* 0 once it is being traced, also where it maps no allocator: its mappings are seen then. */
static int begin(struct sweeper *s, const struct pass_suspect *suspect, struct tracer **ret_tracer,
		 const char **ret_why)
{
	const struct sweep_settings *settings = s->options.settings;
	struct tracer_options options = {
		.budget = settings->budget,
		.max_memory = settings->max_memory,
		.no_objects = settings->no_objects,
		.command = s->options.command,
	};
	struct tracer *tracer;
	int err = is_there(suspect) ? 0 : -ESRCH;

	if (err) {
		*ret_why = reason(err);
		return err;
	}
	err = tracer_new(&options, s->options.features, &tracer);
	if (err) {
		*ret_why = no_tracer(settings, err);
		return err;
	}
	err = tracer_add(tracer, suspect->pid);
	err = err == -ENOENT ? 0 : err;
	if (!err && !is_there(suspect))
		err = -ESRCH;
	if (err) {
		*ret_why = reason(err);
		tracer_free(tracer);
		return err;
	}
	*ret_tracer = tracer;
	return 0;
}

static bool is_over(const struct sweeper *s, const struct tracer *tracer)
{
	return *s->options.stop || tracer_targets_ended(tracer) || tracer_gave_up(tracer);
}

/* Until the time of a part is over, it ends, or all does. 0 or -errno. */
static int run_part(struct sweeper *s, struct tracer *tracer)
{
	double end = sweeper_now() + s->options.settings->trace, left;
	int err = 0;

	tracer_plan(tracer, s->options.settings->trace);
	while (!err && !*s->options.stop && (left = end - sweeper_now()) > 0) {
		err = tracer_run(tracer, fmin(left, SLICE), s->options.stop);
		kills_poll(s->kills, 0);
		if (is_over(s, tracer))
			break;
	}
	return err;
}

/* Where a look at its objects takes long, one part has too few of them: then there are more. */
static int run(struct sweeper *s, struct tracer *tracer)
{
	int err = run_part(s, tracer);

	for (int i = 1; !err && i < PARTS_MOST; i++) {
		if (is_over(s, tracer) || !tracer_is_short(tracer))
			break;
		log_debug("it is not told yet what grows: tracing on");
		err = run_part(s, tracer);
	}
	return err;
}

static const char *cut_short(struct sweeper *s, const struct tracer *tracer, int err)
{
	if (err)
		return reason(err);
	if (tracer_targets_ended(tracer))
		return "it ended while it was traced";
	if (tracer_gave_up(tracer))
		return "the budget could not be kept";
	return *s->options.stop ? "the sweep was stopped" : NULL;
}

static int take_profile(struct sweeper *s, struct tracer *tracer, struct pass_suspect *suspect)
{
	struct tracer_report report = { .live_only = true, .max_sites = SITES_MOST };
	struct profile *profile;
	int err = tracer_profile(tracer, &report, &profile);

	if (err)
		return err;
	err = history_weigh(s->history, suspect->pid, suspect->start_ticks, sweeper_now(), profile);
	err = err ?: findings_judge(s->options.suppressions, profile, &suspect->findings);
	if (err) {
		profile_free(profile);
		return err;
	}
	suspect->profile = profile;
	suspect->traced = true;
	return 0;
}

void sweeper_trace(struct sweeper *s, struct pass *pass, struct pass_suspect *suspect)
{
	double began, cpu = sweeper_own_cpu();
	struct tracer *tracer = NULL;
	const char *cut, *why = NULL;
	int err = begin(s, suspect, &tracer, &why), traced;

	if (err) {
		give_up(pass, suspect, err, why);
		suspect->cpu_seconds = sweeper_own_cpu() - cpu;
		return;
	}
	log_debug("tracing process %d", suspect->pid);
	began = sweeper_now();
	traced = run(s, tracer);
	suspect->trace_seconds = sweeper_now() - began;
	cut = cut_short(s, tracer, traced);
	tracer_stop(tracer);
	err = take_profile(s, tracer, suspect);
	if (err)
		give_up(pass, suspect, err, reason(err));
	else if (cut)
		suspect->not_traced = pass_string(pass, cut);
	suspect->failed |= traced != 0;
	tracer_free(tracer);
	/* what tables and names of this one took is not to be held through the next one */
	malloc_trim(0);
	suspect->cpu_seconds = sweeper_own_cpu() - cpu;
}

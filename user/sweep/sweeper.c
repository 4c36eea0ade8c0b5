// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the order of a pass: look, pick, trace one after another, rest. What seep itself uses is
 * measured, and while it is above its own budget nothing more is traced: the next suspect waits.
 * It knows nothing of reports and stores; who calls is told as soon as something is known.
 */
#include "sweep/sweeper_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/vec.h"
#include "proc/process.h"
#include "sweep/places.h"

enum { WAIT_MS = 200 };
/* At most, before one suspect: a pass must come to its end. */
static const double LONGEST_REST = 600;

double sweeper_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double sweeper_own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int sweeper_new(const struct sweeper_options *options, struct sweeper **ret_sweeper)
{
	struct sweeper *s = calloc(1, sizeof(*s));
	int err = s ? looks_open(options->settings, &s->looks) : -ENOMEM;

	if (!err) {
		s->kills = kills_open();
		s->history = history_new();
		err = s->kills && s->history ? 0 : -ENOMEM;
	}
	if (err) {
		sweeper_free(s);
		return err;
	}
	s->options = *options;
	s->account.percent = options->settings->own_budget;
	s->account.cpu = sweeper_own_cpu();
	*ret_sweeper = s;
	return 0;
}

void sweeper_free(struct sweeper *s)
{
	if (!s)
		return;
	kills_close(s->kills);
	history_free(s->history);
	looks_close(s->looks);
	free(s);
}

/* Without looks: within a pass. */
static void pause_until(struct sweeper *s, double when)
{
	double left;

	while (!*s->options.stop && (left = when - sweeper_now()) > 0)
		kills_poll(s->kills, left * 1000 < WAIT_MS ? (int)ceil(left * 1000) : WAIT_MS);
}

void sweeper_wait(struct sweeper *s, double when)
{
	double pause = looks_idle_pause(s->looks);

	while (!*s->options.stop && sweeper_now() < when) {
		double next = pause > 0 ? s->looked + pause : when;

		if (next < when && next <= sweeper_now()) {
			int err = looks_take(s->looks);

			if (err)
				log_debug("a look at the host failed: %s", strerror(-err));
			s->looked = sweeper_now();
			continue;
		}
		pause_until(s, fmin(next, when));
	}
}

static int look(struct sweeper *s, struct pass *pass, struct places *places)
{
	double began = sweeper_now(), pause = looks_pause(s->looks);
	int err = looks_begin_pass(s->looks);

	log_debug("looking at the host for %g s", s->options.settings->triage);
	for (int i = 0; i < LOOKS_OF_A_PASS && !err && !*s->options.stop; i++) {
		pause_until(s, began + i * pause);
		err = *s->options.stop ? 0 : looks_take(s->looks);
		pass->looks += !err;
		places_check(places, pass);
	}
	s->looked = sweeper_now();
	pass->look_seconds = s->looked - began;
	return err;
}

static void describe_look(struct pass *pass, const struct host_look *last)
{
	for (size_t i = 0; i < last->nr_processes; i++)
		pass->kernel_threads += last->processes[i].kernel_thread;
	pass->processes = last->nr_processes - pass->kernel_threads;
	pass->cgroups = last->nr_cgroups;
	pass->vanished = last->vanished;
	pass->unreadable = last->unreadable;
	pass->left_out = last->left_out;
}

static uint64_t bounded(uint64_t bytes)
{
	return cgroup_known(bytes) ? bytes : 0;
}

static void describe_growth(struct pass_suspect *to, const struct suspect *from, struct pass *pass)
{
	const struct growth *growth = &from->growth;

	to->bytes = growth->bytes;
	to->growth = growth->rate;
	to->growth_low = growth->rate_low;
	to->growth_high = growth->rate_high;
	to->rise = growth->rise;
	to->seconds = growth->seconds;
	to->limit = bounded(growth->limit);
	to->room = bounded(growth->room);
	to->time_to_limit = growth->time_to_limit;
	to->earliest = growth->earliest;
	to->latest = growth->latest;
	to->score = from->score;
	to->why = pass_string(pass, from->reason);
}

static const char *container_of_cgroup(struct pass *pass, const char *cgroup)
{
	size_t length = 0;
	const char *id = cgroup ? cgroup_container(cgroup, &length) : NULL;
	char *copy = id ? strndup(id, length) : NULL;
	const char *string = pass_string(pass, copy);

	free(copy);
	return string;
}

static void describe_process(struct pass_suspect *to, const struct host_process *process,
			     struct pass *pass)
{
	bool deleted;
	char *exe = process_exe(process->pid, &deleted);

	to->pid = process->pid;
	to->start_ticks = process->start_ticks;
	to->uid = process->uid;
	to->comm = pass_string(pass, process->comm);
	to->exe = pass_string(pass, exe);
	free(exe);
}

static int add_suspect(struct pass *pass, const struct suspect *from)
{
	struct pass_suspect *to =
		vec_push(&pass->suspects, &pass->nr_suspects, &pass->cap_suspects);

	if (!to)
		return -ENOMEM;
	describe_growth(to, from, pass);
	to->cgroup = from->cgroup ? pass_string(pass, from->cgroup->path) : NULL;
	to->container = container_of_cgroup(pass, to->cgroup);
	to->is_cgroup = from->kind == SUSPECT_CGROUP;
	if (to->is_cgroup) {
		to->comm = to->cgroup;
		to->not_traced = pass_string(pass, "it is no process, and none in it that grows "
						   "explains it");
	} else {
		describe_process(to, from->process, pass);
	}
	return to->comm ? 0 : -ENOMEM;
}

/* `path` is that cgroup or one above it. */
static bool holds(const char *path, const char *cgroup)
{
	size_t length = strlen(path);

	if (!cgroup || strncmp(path, cgroup, length) != 0)
		return false;
	return !cgroup[length] || cgroup[length] == '/' || (length && path[length - 1] == '/');
}

/* Its growth is that of a process, or of a cgroup within it, that is among the suspects. */
static bool is_explained(const struct pass *pass, const struct suspect *cgroup)
{
	for (size_t i = 0; i < pass->nr_suspects; i++)
		if (holds(cgroup->cgroup->path, pass->suspects[i].cgroup))
			return true;
	return false;
}

/* The innermost of those that hold each other is the one to name. */
static bool holds_another(const struct looks_suspects *found, size_t which)
{
	for (size_t i = 0; i < found->nr; i++)
		if (i != which &&
		    strcmp(found->items[which].cgroup->path, found->items[i].cgroup->path) != 0 &&
		    holds(found->items[which].cgroup->path, found->items[i].cgroup->path))
			return true;
	return false;
}

static int pick_cgroups(struct sweeper *s, struct pass *pass)
{
	struct looks_suspects found = { 0 };
	int err = looks_suspects(s->looks, SUSPECT_CGROUP, s->options.settings->top, &found);

	for (size_t i = 0; i < found.nr && !err; i++)
		if (!is_explained(pass, &found.items[i]) && !holds_another(&found, i))
			err = add_suspect(pass, &found.items[i]);
	free(found.items);
	return err;
}

static int pick(struct sweeper *s, struct pass *pass)
{
	uint64_t top = s->options.settings->top;
	struct looks_suspects found = { 0 };
	int err = looks_suspects(s->looks, SUSPECT_PROCESS, 2 * top + 16, &found);

	for (size_t i = 0; i < found.nr && !err; i++) {
		err = add_suspect(pass, &found.items[i]);
		if (!err && i >= top)
			pass->suspects[pass->nr_suspects - 1].not_traced =
				pass_string(pass, top ? "others grow more (--top)"
						      : "nothing is to be traced (--top 0)");
	}
	pass->nr_growing = found.nr_growing;
	pass->excluded = found.excluded;
	free(found.items);
	return err ? err : pick_cgroups(s, pass);
}

/* What the sweep has used so far, in seconds. */
static double used(const struct sweeper *s)
{
	return sweeper_own_cpu() + s->faults_cpu;
}

double sweeper_rested(const struct sweeper *s)
{
	return sweep_account_due(&s->account, used(s));
}

/* Until what was used is within seep's own budget. */
static void rest(struct sweeper *s, struct pass *pass)
{
	double now = sweeper_now(), until;

	until = fmin(sweeper_rested(s), now + LONGEST_REST);
	if (until <= now)
		return;
	pause_until(s, until);
	pass->rested += sweeper_now() - now;
}

static void trace_suspects(struct sweeper *s, struct pass *pass)
{
	for (size_t i = 0; i < pass->nr_suspects; i++) {
		struct pass_suspect *suspect = &pass->suspects[i];

		if (suspect->not_traced)
			continue;
		rest(s, pass);
		if (*s->options.stop) {
			suspect->not_traced = pass_string(pass, "the sweep was stopped");
			continue;
		}
		suspect->tried = true;
		sweeper_trace(s, pass, suspect);
		if (s->options.traced)
			s->options.traced(s->options.context, pass, suspect);
	}
}

/* Who grows, and where. */
static int triage(struct sweeper *s, struct pass *pass)
{
	struct places *places = places_open(pass);
	int err = places ? look(s, pass, places) : -ENOMEM;

	if (!err && looks_last(s->looks)) {
		describe_look(pass, looks_last(s->looks));
		err = *s->options.stop ? 0 : pick(s, pass);
		err = err ?: places_describe(places, pass);
	}
	/* It took the time of others, and is the sweep's all the same. */
	s->faults_cpu += pass->faults_cpu;
	places_close(places);
	return err;
}

static int fill(struct sweeper *s, struct pass *pass)
{
	double began = sweeper_now(), cpu = sweeper_own_cpu(), looked;
	int err;

	sweep_account_begin(&s->account, began, used(s));
	err = triage(s, pass);
	looked = sweeper_own_cpu();
	pass->triage_cpu = looked - cpu;
	if (err && err != -ENOMEM)
		err = pass_problem(pass, "the host could not be looked at: %s", strerror(-err));
	if (err)
		return err;
	if (s->options.picked)
		s->options.picked(s->options.context, pass);
	trace_suspects(s, pass);
	pass->trace_cpu = sweeper_own_cpu() - looked;
	pass->stopped = *s->options.stop != 0;
	pass->seconds = sweeper_now() - began;
	pass->resident = process_rss(getpid());
	return kills_hand_over(s->kills, pass);
}

int sweeper_pass(struct sweeper *s, struct pass **ret_pass)
{
	const struct sweep_settings *settings = s->options.settings;
	struct pass *pass = pass_new();
	struct timespec wall;
	int err;

	if (!pass)
		return -ENOMEM;
	clock_gettime(CLOCK_REALTIME, &wall);
	pass->started = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
	pass->took_part = true;
	pass->probability = settings->probability;
	pass->budget = settings->budget;
	pass->own_budget = settings->own_budget;
	err = fill(s, pass);
	if (err) {
		pass_free(pass);
		return err;
	}
	*ret_pass = pass;
	return 0;
}

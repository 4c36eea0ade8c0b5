// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the loop: what is done while records come in, once a second, and at the end. */
#include "trace/tracer_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "attach/cost.h"
#include "base/hashmap.h"

enum {
	POLL_MS = 50, /* records below the wake-up mark wait at most so long */
	INNER_POLL_MS = 10,
};

/* A report waits at most so long for a look at objects. */
static const uint64_t INNER_WAIT_NS = 8000000000;
static const uint64_t NEARLY_NS = 100000000; /* that the last run of a plan may be short */

static uint64_t rss_of(void *context, uint32_t space)
{
	struct tracer *t = context;

	return processes_rss(t->processes, space);
}

static void note_taint(void *context, uint32_t space, uint64_t lost)
{
	struct tracer *t = context;

	heap_taint(t->heap, space, lost);
}

static void scan_living(void *context, const struct traced_process *process)
{
	struct tracer *t = context;

	objects_scan(t->objects, process->pid, NULL);
}

static void look_around(void *context, const struct traced_process *process)
{
	struct tracer *t = context;

	surroundings_look(t->surroundings, process->space, process->pid, monotonic_ns() / 1e9,
			  process->rss_last);
}

static void look_into(void *context, const struct traced_process *process)
{
	struct tracer *t = context;

	inner_add(t->inner, process->pid);
}

/* Those that have not allocated yet are no spaces yet. */
static void find_inner(struct tracer *t)
{
	if (!t->inner)
		return;
	for (size_t i = 0; i < t->nr_added; i++)
		inner_add(t->inner, t->added[i]);
	processes_each(t->processes, look_into, t);
}

/* The last look for a report; meanwhile the ring is emptied. */
static int finish_inner(struct tracer *t)
{
	uint64_t deadline = monotonic_ns() + INNER_WAIT_NS;
	int n = 0;

	if (!t->inner)
		return 0;
	inner_ask(t->inner);
	while (n >= 0 && !t->out_of_memory && inner_asked(t->inner) && monotonic_ns() < deadline) {
		n = kernel_poll(t->kernel, INNER_POLL_MS, tracer_record, t);
		n = n == -EINTR ? 0 : n;
		t->clock = monotonic_ns();
	}
	return n < 0 ? n : 0;
}

static bool is_held(const struct tracer *t, pid_t pid)
{
	for (size_t i = 0; i < t->nr_held; i++)
		if (t->held[i] == pid)
			return true;
	return false;
}

/*
 * The signal that stopped them may have come after the one that continued them. But one that
 * is stopped may have stopped itself once more, for what it has mapped since; then it has said
 * so before, and what it said is read first.
 */
static void continue_held(struct tracer *t)
{
	pid_t *pids = t->held;
	size_t nr = 0;

	for (size_t i = 0; i < t->nr_held; i++)
		if (process_is_stopped(pids[i]))
			pids[nr++] = pids[i];
	t->held = NULL;
	t->nr_held = t->cap_held = 0;
	if (nr)
		kernel_drain(t->kernel, tracer_record, t);
	for (size_t i = 0; i < nr; i++)
		if (!is_held(t, pids[i]))
			kill(pids[i], SIGCONT);
	free(pids);
}

/* Once a second. */
static void tick(struct tracer *t, uint64_t now)
{
	heap_mark(t->heap, now, rss_of, t);
	processes_each(t->processes, look_around, t);
	kernel_tainted(t->kernel, note_taint, t);
	if (t->unwinding)
		unwinding_tick(t->unwinding);
	find_inner(t);
	if (t->options.has_filter || t->options.everything)
		tracer_add_matching(t, NULL);
	/* Without the tracepoints nothing tells of libraries that are opened later. */
	if (!tracer_knows_mappings(t))
		processes_each(t->processes, scan_living, t);
	if (t->nr_held)
		continue_held(t);
}

bool tracer_targets_ended(const struct tracer *t)
{
	if (t->options.has_filter || t->options.everything)
		return false;
	for (size_t i = 0; i < t->nr_added; i++) {
		struct process_info info;

		if (!process_read(t->added[i], &info))
			return false;
	}
	return true;
}

static bool someone_lives(const struct tracer *t)
{
	return processes_living(t->processes) || !tracer_targets_ended(t);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

bool tracer_gave_up(const struct tracer *t)
{
	return t->governor && governor_gave_up(t->governor);
}

static void note_victim(void *context, const struct oom_victim *victim)
{
	struct tracer *t = context;
	uint32_t space = processes_last_space_of(t->processes, victim->pid);

	if (space)
		surroundings_killed(t->surroundings, space, victim);
}

static void collect_victims(struct tracer *t)
{
	if (t->oom_watch)
		oom_watch_poll(t->oom_watch, 0, note_victim, t);
}

void tracer_plan(struct tracer *t, double seconds)
{
	t->planned = monotonic_ns() + (uint64_t)(seconds * 1e9);
	if (t->inner)
		inner_pace(t->inner, seconds);
}

bool tracer_is_short(const struct tracer *t)
{
	return t->inner && inner_is_short(t->inner);
}

int tracer_run(struct tracer *t, double seconds, volatile sig_atomic_t *stop)
{
	uint64_t now = monotonic_ns();
	uint64_t deadline = seconds < 0 ? UINT64_MAX : now + (uint64_t)(seconds * 1e9);
	int n;

	if (t->inner && !t->planned)
		inner_pace(t->inner, seconds);
	find_inner(t);
	/* Not needed before there is something to lose; without it kills are seen by their number.
	 */
	if (!t->oom_watch && oom_watch_open(&t->oom_watch) != 0)
		t->oom_watch = NULL;
	while (!*stop && !t->out_of_memory && !tracer_gave_up(t) && now < deadline) {
		uint64_t left = (deadline - now) / 1000000;
		int wait = left < POLL_MS ? (int)left + 1 : POLL_MS;

		if (t->governor)
			wait = least(wait, governor_step(t->governor, now));
		t->clock = now;
		n = kernel_poll(t->kernel, wait, tracer_record, t);

		if (n < 0 && n != -EINTR)
			return n;
		tracer_refresh_stale(t);
		if (t->unwinding)
			unwinding_collect(t->unwinding);
		collect_victims(t);
		now = monotonic_ns();
		if (now >= t->next_tick) {
			tick(t, now);
			t->next_tick = now + TRACER_TICK_NS;
		}
		if (!n && !someone_lives(t))
			break;
	}
	n = now + NEARLY_NS >= t->planned ? finish_inner(t) : 0;
	return t->out_of_memory ? -ENOMEM : n;
}

int tracer_stop(struct tracer *t)
{
	int err;

	if (t->end)
		return 0;
	t->end = monotonic_ns();
	t->clock = t->end;
	if (t->governor)
		governor_stop(t->governor, t->end);
	/* From here on the probes let everything pass: the order they go in is of no matter. */
	kernel_set_burst(t->kernel, 0);
	objects_detach(t->objects);
	kernel_stop(t->kernel);
	err = kernel_drain(t->kernel, tracer_record, t);
	collect_victims(t);
	tick(t, t->end);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the budget. Cost is what the kernel says the programs ran for, and the traps: hits
 * times what one took on seep itself. Income is the budget's share of the CPU time that the
 * targets have used. A counting burst comes first: probes are in and let everything pass, so
 * that the rate of calls is known before anything dear is done. Where the income bears it
 * tracing then goes on for good, without a gap; if not, in bursts, drawn at random
 * (heap/burst_plan.h), after each of which the probes are really taken out, since a trap costs
 * as much whatever its program does. The first one waits until counting and itself are paid for: a
 * process that lives for seconds has earned few. The pause follows from what bursts have cost and
 * from what is owed.
 *
 * It gives up, and says so, when even short bursts do not fit, when cost runs far beyond the
 * budget whatever is done, and when the targets' CPU use leaps up while they are traced.
 */
#include "trace/governor_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/vec.h"

#define MS 1000000ULL

enum {
	CALM_MS_BEFORE = 200, /* the targets' CPU use is looked at, without a probe */
	COUNTING_MS = 20,
	MOST_MOMENTS = 10, /* of counting */
	LOOK_MS = 5, /* at the cost of a burst under way */
	CALM_MS = 500, /* and of tracing without end */
	GLANCE_MS = 100, /* whether it has become far too dear */
	MOST_SECONDS_BETWEEN = 30,
	MOST_BURSTS = 4096, /* kept for the report */
};

static const double COUNTED_CPU = 0.01; /* seconds of the targets' that tell how often they call */
static const double COUNTING_DOUBT = 3; /* times as much as counting says it may not cost */
static const double FITS = 0.8, EXCEEDS = 1.25; /* of the income */
static const double GRACE = 0.02; /* seconds of cost that no one asks after */
static const double EXPLODES = 4; /* times what bursts cost */
static const double RUNAWAY = 3; /* times the budget, over all */
static const double LEAP = 2, LEAP_CORES = 0.5; /* the targets' CPU use to what it was */
static const double LONGEST_PAUSE = 2.5; /* times the mean; what is owed makes up for it */
/* Seconds. On a starved machine counting alone may take what is earned in half a minute. */
static const double MOST_BEFORE_FIRST = 5;
static const double WATCHED = 3; /* seconds after turning to bursts */

int governor_new(const struct governor_options *options, struct governor **ret_governor)
{
	struct governor *g = calloc(1, sizeof(*g));
	struct timespec t;
	int err;

	if (!g)
		return -ENOMEM;
	g->options = *options;
	clock_gettime(CLOCK_REALTIME, &t);
	governor_plan(g, (uint64_t)t.tv_nsec ^ (uint64_t)getpid() << 32);
	kernel_set_burst(options->kernel, 0);
	options->probe(options->context, false);
	err = kernel_trap_costs(options->kernel, &g->traps);
	g->statistics = err ? err : kernel_statistics();
	if (g->statistics < 0) {
		err = g->statistics;
		free(g);
		return err;
	}
	log_debug("a trap costs %.0f ns, a step %.0f ns; %.0f and %.0f ns more for each other "
		  "process",
		  g->traps.emulated * 1e9, g->traps.stepped * 1e9, g->traps.other * 1e9,
		  g->traps.other_return * 1e9);
	*ret_governor = g;
	return 0;
}

void governor_free(struct governor *g)
{
	if (!g)
		return;
	close(g->statistics);
	free(g->bursts);
	free(g);
}

static void wait_for(struct governor *g, uint64_t now, double seconds)
{
	g->due = now + (uint64_t)(seconds * 1e9);
}

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/*
 * On a busy host seep would wait for its turn with the probes in, for many times as long as the
 * burst was to be. What it does meanwhile is little.
 */
static void take_precedence(struct governor *g, bool on)
{
	if (on == g->preceding)
		return;
	if (on)
		g->nice = getpriority(PRIO_PROCESS, 0);
	/* Without the privilege bursts may last longer, and their times say so. */
	if (setpriority(PRIO_PROCESS, 0, on ? -20 : g->nice))
		log_debug("priority: %s", strerror(errno));
	g->preceding = on;
}

static void leave_gaps(struct governor *g)
{
	if (!g->gaps)
		g->options.bursts(g->options.context);
	g->gaps = true;
}

static void give_up(struct governor *g)
{
	kernel_set_burst(g->options.kernel, 0);
	if (g->gaps)
		heap_burst_end(g->options.heap, clock_now());
	g->options.probe(g->options.context, false);
	take_precedence(g, false);
	g->state = GAVE_UP;
	g->due = UINT64_MAX;
}

static void begin(struct governor *g, uint64_t now)
{
	governor_measure(g, now, &g->origin);
	g->start = g->origin;
	g->state = CALM;
	wait_for(g, now, CALM_MS_BEFORE / 1e3);
}

/* The targets' CPU use has leapt up: they are left alone for good. */
static bool cpu_leaps(struct governor *g, const struct measure *from, const struct measure *now)
{
	double passed = measure_seconds(from, now), cpu = now->cpu - from->cpu;

	/* A moment's work is none. */
	if (cpu <= LEAP * g->calm_rate * passed + LEAP_CORES * fmax(passed, 1))
		return false;
	snprintf(g->reason, sizeof(g->reason),
		 "tracing became too dear as the targets' CPU use rose from %.2f to %.2f cores",
		 g->calm_rate, cpu / passed);
	give_up(g);
	return true;
}

static void begin_burst(struct governor *g)
{
	uint64_t now;

	governor_measure(g, clock_now(), &g->begin);
	take_precedence(g, true);
	g->options.probe(g->options.context, true);
	now = clock_now();
	log_debug("attached in %.1f ms", (double)(now - g->begin.time) / 1e6);
	leave_gaps(g);
	if (heap_burst_begin(g->options.heap, now)) {
		snprintf(g->reason, sizeof(g->reason), "there was no memory for another burst");
		give_up(g);
		return;
	}
	governor_measure(g, now, &g->armed);
	g->begin.time = now;
	kernel_set_burst(g->options.kernel, ++g->number);
	g->state = BURST;
	wait_for(g, now, burst_plan_length(&g->plan));
}

static void trace_always(struct governor *g, uint64_t now)
{
	governor_measure(g, now, &g->begin);
	g->glance = now;
	if (!g->number)
		g->number = 1;
	kernel_set_burst(g->options.kernel, g->number);
	g->state = ALWAYS;
	wait_for(g, now, CALM_MS / 1e3);
}

/* Whether bursts are near enough; `doubt` times as far where what they cost is not known well. */
static bool bursts_fit(struct governor *g, double cores, double doubt)
{
	double seconds = governor_seconds_between(g, cores);

	if (seconds <= MOST_SECONDS_BETWEEN * doubt)
		return true;
	snprintf(g->reason, sizeof(g->reason),
		 "within %.3g%% there would be a burst of %.0f ms every %.0f s: too few to say "
		 "anything; --budget allows more",
		 g->options.percent, governor_mean_length(g) * 1e3, seconds);
	give_up(g);
	return false;
}

static void pause_or_give_up(struct governor *g, const struct measure *now)
{
	double pause = governor_mean_pause(g, now);

	if (!bursts_fit(g, governor_income(g, now), 1))
		return;
	/*
	 * The longest draws would leave a short trace without a second burst; some short ones in a
	 * row, one of a process that lives for seconds far above its budget.
	 */
	pause = fmin(fmax(burst_plan_pause(&g->plan, pause), governor_least_pause(g, now)),
		     fmin(LONGEST_PAUSE * pause, MOST_SECONDS_BETWEEN));
	g->state = PAUSE;
	wait_for(g, now->time, pause);
}

/* The calls have become so many that the probes go at once; for the report. */
static void note_leap(struct governor *g, double from, double to, uint64_t now)
{
	log_debug("calls rose from %.0f to %.0f a second", from, to);
	if (g->leap.times++)
		return;
	g->leap.from = from;
	g->leap.to = to;
	g->leap.at = (double)(now - g->options.start) / 1e9;
}

/* Until the targets have run for some time: beside others they may not get to run for long. */
static void count_for_a_moment(struct governor *g, struct measure *ret)
{
	const struct timespec moment = { .tv_nsec = COUNTING_MS * MS };

	for (int i = 0; i < MOST_MOMENTS; i++) {
		nanosleep(&moment, NULL);
		governor_measure(g, clock_now(), ret);
		if (ret->cpu - g->begin.cpu >= COUNTED_CPU)
			break;
	}
}

/* What counting has cost is earned first, and what the first burst seems to cost. */
static void await_first(struct governor *g, const struct measure *before,
			const struct measure *after)
{
	struct measure now;

	g->options.probe(g->options.context, false);
	governor_measure(g, clock_now(), &now);
	/* As much as at a burst's edges: there the probes let everything pass too. */
	g->edge_cost = (now.cost - before->cost) - (after->cost - g->begin.cost);
	g->state = PAUSE;
	wait_for(g, now.time, fmin(governor_first_pause(g, &now), MOST_BEFORE_FIRST));
}

/* The probes let everything pass for a moment, then what follows is decided. */
static void count_calls(struct governor *g)
{
	double rate, hits, used;
	struct measure before, after;

	governor_measure(g, clock_now(), &before);
	take_precedence(g, true);
	g->options.probe(g->options.context, true);
	/* From here on all of them are in. */
	governor_measure(g, clock_now(), &g->begin);
	count_for_a_moment(g, &after);
	rate = (before.cpu - g->origin.cpu) / measure_seconds(&g->origin, &before);
	hits = (double)(after.hits - g->begin.hits);
	take_precedence(g, false);
	used = after.cpu - g->begin.cpu;
	/* By the CPU time that it took to make them: how much of it they get now is chance. */
	g->hit_rate = used >= COUNTED_CPU ? hits / used * rate
					  : hits / measure_seconds(&g->begin, &after);
	g->always_rate = governor_guess(g, g->hit_rate);
	log_debug("%.0f hits a second would cost %.3f cores; the targets use %.2f", g->hit_rate,
		  g->always_rate, rate);
	g->calm_rate = rate;
	rate = governor_share(g, rate);
	g->counted = after;
	if (g->always_rate <= FITS * rate)
		trace_always(g, clock_now());
	else if (bursts_fit(g, rate, COUNTING_DOUBT))
		await_first(g, &before, &after);
	else
		leave_gaps(g); /* nothing was traced */
}

static void note_burst(struct governor *g, const struct measure *now, uint64_t end)
{
	struct profile_burst *burst;

	g->traced += (double)(end - g->begin.time) / 1e9;
	if (g->nr_bursts >= MOST_BURSTS) {
		memmove(g->bursts, g->bursts + 1, (g->nr_bursts - 1) * sizeof(*g->bursts));
		g->nr_bursts--;
	}
	burst = vec_push(&g->bursts, &g->nr_bursts, &g->cap_bursts);
	if (!burst)
		return;
	burst->begin = (double)(g->begin.time - g->options.start) / 1e9;
	burst->end = (double)(end - g->options.start) / 1e9;
	burst->hits = now->hits - g->begin.hits;
	burst->cost_seconds = now->cost - g->begin.cost;
}

/* Far beyond the budget in spite of all: what was assumed does not hold here. */
static bool runs_away(struct governor *g, const struct measure *now)
{
	double spent = now->cost - g->start.cost, passed = measure_seconds(&g->start, now);
	double earned = governor_income(g, now) * passed;

	if (g->nr_bursts < 8 || passed < 5 || spent < RUNAWAY * earned)
		return false;
	snprintf(g->reason, sizeof(g->reason),
		 "tracing took %.1f%% of the targets' CPU time in spite of pauses",
		 spent / fmax(now->cpu - g->start.cpu, 0.001) * 100);
	return true;
}

static void end_burst(struct governor *g)
{
	uint64_t end = clock_now();
	struct measure off, now;

	kernel_set_burst(g->options.kernel, 0);
	heap_burst_end(g->options.heap, end);
	governor_measure(g, end, &off);
	g->options.probe(g->options.context, false);
	take_precedence(g, false);
	governor_measure(g, clock_now(), &now);
	note_burst(g, &now, end);
	governor_note_burst(g, &off, &now);
	log_debug("burst %u: %.1f ms, %.1f ms with its probes, %llu hits, cost %.2f of %.2f ms, "
		  "own %.1f ms",
		  g->number, measure_seconds(&g->armed, &off) * 1e3,
		  measure_seconds(&g->begin, &now) * 1e3,
		  (unsigned long long)(now.hits - g->begin.hits), (off.cost - g->armed.cost) * 1e3,
		  (now.cost - g->begin.cost) * 1e3, (now.own - g->begin.own) * 1e3);
	if (runs_away(g, &now))
		give_up(g);
	else
		pause_or_give_up(g, &now);
}

/* Is this burst much dearer than those before? */
static void look_at_burst(struct governor *g, uint64_t time)
{
	struct measure now;
	double hits;

	if (time >= g->due) {
		end_burst(g);
		return;
	}
	governor_measure(g, time, &now);
	if (now.cost - g->armed.cost <= EXPLODES * governor_burst_cost(g) + 0.005)
		return;
	hits = (double)(now.hits - g->armed.hits) / measure_seconds(&g->armed, &now);
	if (g->late.seconds > 0 && hits > EXPLODES * g->hit_rate)
		note_leap(g, g->hit_rate, hits, time);
	end_burst(g);
}

/* From tracing all the time to bursts. */
static void turn_to_bursts(struct governor *g, uint64_t time)
{
	/* What leaks is estimated from the bursts that follow; this was traced as well. */
	kernel_set_burst(g->options.kernel, 0);
	leave_gaps(g);
	g->options.probe(g->options.context, false);
	g->begin = g->counted;
	governor_measure(g, clock_now(), &g->start);
	note_burst(g, &g->start, time);
	g->turned = g->start;
	pause_or_give_up(g, &g->start);
}

/* Tracing all the time: does it still fit, and is the target itself still as it was? */
static void look_at_always(struct governor *g, uint64_t time)
{
	double cost, passed, allowed, spent, hits;
	struct measure now;

	governor_measure(g, time, &now);
	passed = measure_seconds(&g->begin, &now);
	cost = (now.cost - g->begin.cost) / passed;
	hits = (double)(now.hits - g->begin.hits) / passed;
	allowed = governor_share(g, (now.cpu - g->begin.cpu) / passed - cost);
	/* A moment's work that is paid for by what was saved before, or is little, is no reason. */
	spent = now.cost - g->start.cost -
		EXCEEDS * fmax(governor_income(g, &now), allowed) *
			measure_seconds(&g->start, &now);
	g->too_dear = cost > EXCEEDS * allowed && spent > GRACE ? g->too_dear + 1 : 0;
	g->always_rate = cost;
	if (g->too_dear && cost > EXPLODES * allowed && cpu_leaps(g, &g->begin, &now))
		return;
	if (g->too_dear >= 2 || (g->too_dear && cost > EXPLODES * allowed)) {
		if (hits > EXPLODES * g->hit_rate)
			note_leap(g, g->hit_rate, hits, time);
		g->hit_rate = hits;
		turn_to_bursts(g, time);
		return;
	}
	if (cost <= EXCEEDS * allowed)
		g->hit_rate = hits;
	trace_always(g, time);
}

/*
 * Between two looks: has more been spent than would be far too much for the whole time from one to
 * the next?
 */
static void glance_at_always(struct governor *g, uint64_t time)
{
	double most = EXPLODES * CALM_MS / 1e3;
	struct measure now;

	if (time < g->glance + GLANCE_MS * MS)
		return;
	governor_measure(g, time, &now);
	if (now.cost - g->begin.cost > most * governor_income(g, &now) + GRACE)
		look_at_always(g, time);
	g->glance = time;
}

/* For a while after all the time became too dear: was it the targets' CPU use that rose? */
static void watch_targets(struct governor *g, uint64_t time)
{
	struct measure now;

	if (!g->turned.time || time < g->glance + GLANCE_MS * MS)
		return;
	g->glance = time;
	governor_measure(g, time, &now);
	if (!cpu_leaps(g, &g->turned, &now) && measure_seconds(&g->turned, &now) > WATCHED)
		g->turned.time = 0;
}

int governor_step(struct governor *g, uint64_t now)
{
	if (g->state == WAITING)
		begin(g, now);
	else if (g->state == BURST)
		look_at_burst(g, now);
	else if (g->state == ALWAYS && now < g->due)
		glance_at_always(g, now);
	else if (g->state == PAUSE && now < g->due)
		watch_targets(g, now);
	else if (now < g->due)
		;
	else if (g->state == CALM)
		count_calls(g);
	else if (g->state == ALWAYS)
		look_at_always(g, now);
	else if (g->state == PAUSE)
		begin_burst(g);
	now = clock_now();
	if (g->due <= now)
		return 0;
	now = (g->due - now) / MS + 1;
	return g->state == BURST && now > LOOK_MS ? LOOK_MS
	       : now > GLANCE_MS		  ? GLANCE_MS
						  : (int)now;
}

void governor_stop(struct governor *g, uint64_t now)
{
	struct measure end;

	if (g->state == BURST) {
		kernel_set_burst(g->options.kernel, 0);
		heap_burst_end(g->options.heap, now);
		governor_measure(g, now, &end);
		note_burst(g, &end, now);
	}
	take_precedence(g, false);
	if (g->state == ALWAYS && g->gaps)
		heap_burst_end(g->options.heap, now);
	if (g->state != GAVE_UP)
		g->state = PAUSE;
	g->due = UINT64_MAX;
}

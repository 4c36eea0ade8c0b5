// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the budget. Cost is what the kernel says the programs ran for, and the traps: hits
 * times what one took on seep itself. Income is the budget's share of the CPU time that the
 * targets have used. A counting burst comes first: probes are in and let everything pass, so
 * that the rate of calls is known before anything dear is done. Where the income bears it
 * tracing then goes on for good, without a gap; if not, in bursts, drawn at random
 * (heap/burst_plan.h), after each of which the probes are really taken out, since a trap costs
 * as much whatever its program does. The pause follows from what bursts have cost and from what
 * is owed.
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
	MOST_SECONDS_BETWEEN = 30,
	MOST_BURSTS = 4096, /* kept for the report */
};

static const double SHORTEST = 0.015, LONGEST = 0.2, LEAST_PAUSE = 0.030; /* seconds */
static const double WANTED_PAUSE = 2, GROWTH = 1.5;
static const double SHRINK = 4; /* the shortest bursts to the longest, where need be */
static const double RETURN_TRAP = 0.5; /* of an entry's: see the table in the manual */
static const double GUESSED_RUN = 1.5e-6; /* seconds of a program, before any has run */
static const double LEAST_USE = 0.05; /* cores that a target is taken to use at least */
static const double COUNTED_CPU = 0.01; /* seconds of the targets' that tell how often they call */
static const double COUNTING_DOUBT = 3; /* times as much as counting says it may not cost */
static const double FITS = 0.8, EXCEEDS = 1.25; /* of the income */
static const double GRACE = 0.02; /* seconds of cost that no one asks after */
static const double EXPLODES = 4; /* times what bursts cost */
static const double RUNAWAY = 3; /* times the budget, over all */
static const double LEAP = 2, LEAP_CORES = 0.5; /* the targets' CPU use to what it was */

static double own_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double trap(const struct governor *g, bool releases)
{
	return g->options.stepped(g->options.context, releases) ? g->traps.stepped
								: g->traps.emulated;
}

void governor_measure(struct governor *g, uint64_t now, struct measure *ret)
{
	struct kernel_runs runs = { 0 };
	double cpu = g->options.cpu_seconds(g->options.context);

	kernel_runs(g->options.kernel, &runs);
	g->cpu = fmax(g->cpu, cpu);
	ret->time = now;
	ret->cpu = g->cpu;
	ret->own = own_seconds();
	ret->hits = runs.entries + runs.releases;
	ret->cost = (double)runs.run_ns / 1e9 +
		    ((double)runs.entries + RETURN_TRAP * (double)runs.returns) * trap(g, false) +
		    (double)runs.releases * trap(g, true);
}

/* What may be spent, in cores: seconds a second. */
static double income(const struct governor *g, const struct measure *now)
{
	double share = g->options.percent / 100;
	double own = (now->cpu - g->start.cpu) - (now->cost - g->start.cost);
	double rate = own / fmax(measure_seconds(&g->start, now), 0.05);

	return g->options.host ? share : share * fmax(rate, LEAST_USE);
}

static double mean_length(const struct governor *g)
{
	return (g->plan.longest - g->plan.shortest) / log(g->plan.longest / g->plan.shortest);
}

/* Of a burst as they are planned now. One that has been may have been far shorter or longer. */
static double burst_cost(const struct governor *g)
{
	return g->always_rate * mean_length(g) + g->edge_cost;
}

int governor_new(const struct governor_options *options, struct governor **ret_governor)
{
	struct governor *g = calloc(1, sizeof(*g));
	struct timespec t;
	int err;

	if (!g)
		return -ENOMEM;
	g->options = *options;
	clock_gettime(CLOCK_REALTIME, &t);
	g->plan = (struct burst_plan){ (uint64_t)t.tv_nsec ^ (uint64_t)getpid() << 32,
				       SHORTEST / SHRINK, LONGEST / SHRINK, LEAST_PAUSE };
	g->calm_rate = -1;
	kernel_set_burst(options->kernel, 0);
	options->probe(options->context, false);
	err = kernel_trap_costs(options->kernel, &g->traps);
	g->statistics = err ? err : kernel_statistics();
	if (g->statistics < 0) {
		err = g->statistics;
		free(g);
		return err;
	}
	log_debug("a trap costs %.0f ns, a step %.0f ns", g->traps.emulated * 1e9,
		  g->traps.stepped * 1e9);
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

static void begin_burst(struct governor *g)
{
	uint64_t now;

	governor_measure(g, clock_now(), &g->begin);
	take_precedence(g, true);
	g->options.probe(g->options.context, true);
	now = clock_now();
	log_debug("attached in %.1f ms", (double)(now - g->begin.time) / 1e6);
	g->gaps = true;
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
	if (!g->number)
		g->number = 1;
	kernel_set_burst(g->options.kernel, g->number);
	g->state = ALWAYS;
	wait_for(g, now, CALM_MS / 1e3);
}

/* How long to pause on average: what late bursts cost, and what is owed from before. */
static double mean_pause(const struct governor *g, const struct measure *now)
{
	double rate = income(g, now), spent = now->cost - g->start.cost;
	double earned = rate * measure_seconds(&g->start, now), pause = burst_cost(g) / rate;
	double owed = (spent + burst_cost(g) - earned) / rate;

	owed = fmin(fmax(owed, pause * 0.3), pause * 3);
	/* seep's own work is held to the same share of one core. */
	return fmax(owed, g->burst_own / (g->options.percent / 100));
}

/*
 * As long as a pause of WANTED_PAUSE pays for: what is in use for a moment at the edges of a burst
 * blurs short ones as much as long ones. Returns by what factor they were made shorter.
 */
static double fit_lengths(struct governor *g, double pause)
{
	double longest = g->plan.longest;
	double factor = fmin(fmax(pause / WANTED_PAUSE, 1 / GROWTH), SHRINK);

	g->plan.longest = fmin(fmax(longest / factor, LONGEST / SHRINK), LONGEST);
	g->plan.shortest = g->plan.longest * SHORTEST / LONGEST;
	return longest / g->plan.longest;
}

/*
 * Whether there is a burst every MOST_SECONDS_BETWEEN at least, with `doubt` times as much where
 * what it costs is not known well. If not it gives up: at once, whatever was drawn.
 */
static bool bursts_fit(struct governor *g, double cores, double doubt)
{
	double own = g->burst_own / (g->options.percent / 100), steady = burst_cost(g) / cores;

	steady = fmax(steady / fit_lengths(g, steady), own);
	if (steady <= MOST_SECONDS_BETWEEN * doubt)
		return true;
	snprintf(g->reason, sizeof(g->reason),
		 "within %.3g%% there would be a burst of %.0f ms every %.0f s: too few to say "
		 "anything; --budget allows more",
		 g->options.percent, mean_length(g) * 1e3, steady);
	give_up(g);
	return false;
}

static void pause_or_give_up(struct governor *g, const struct measure *now)
{
	double pause = mean_pause(g, now);

	if (!bursts_fit(g, income(g, now), 1))
		return;
	pause = fmin(burst_plan_pause(&g->plan, pause), MOST_SECONDS_BETWEEN);
	g->state = PAUSE;
	wait_for(g, now->time, pause);
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

/* The probes let everything pass for a moment, then what follows is decided. */
static void count_calls(struct governor *g)
{
	double share = g->options.percent / 100, rate, hits, used;
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
	/* Half of the hits or so are allocations, whose returns trap too. */
	g->always_rate = g->hit_rate * ((1 + RETURN_TRAP / 2) * trap(g, false) + GUESSED_RUN);
	log_debug("%.0f hits a second would cost %.3f cores; the targets use %.2f", g->hit_rate,
		  g->always_rate, rate);
	rate = g->options.host ? share : share * fmax(rate, LEAST_USE);
	if (g->always_rate <= FITS * rate)
		trace_always(g, clock_now());
	else if (bursts_fit(g, rate, COUNTING_DOUBT))
		begin_burst(g);
	else
		g->gaps = true; /* nothing was traced */
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

static void average(double *value, double now)
{
	*value = *value > 0 ? 0.8 * *value + 0.2 * now : now;
}

/* Rates while bursts are on, of late: long ones tell more than short ones. */
static void average_rates(struct governor *g, double seconds, double cost, double hits)
{
	g->late.seconds = 0.8 * g->late.seconds + seconds;
	g->late.cost = 0.8 * g->late.cost + cost;
	g->late.hits = 0.8 * g->late.hits + hits;
	g->always_rate = g->late.cost / g->late.seconds;
	g->hit_rate = g->late.hits / g->late.seconds;
}

/* Far beyond the budget in spite of all: what was assumed does not hold here. */
static bool runs_away(struct governor *g, const struct measure *now)
{
	double spent = now->cost - g->start.cost, passed = measure_seconds(&g->start, now);
	double earned = income(g, now) * passed;

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
	struct measure now;
	double length, cost;

	kernel_set_burst(g->options.kernel, 0);
	heap_burst_end(g->options.heap, end);
	governor_measure(g, end, &now);
	cost = now.cost - g->armed.cost;
	length = measure_seconds(&g->armed, &now);
	average_rates(g, length, cost, (double)(now.hits - g->armed.hits));
	g->options.probe(g->options.context, false);
	take_precedence(g, false);
	governor_measure(g, clock_now(), &now);
	note_burst(g, &now, end);
	average(&g->edge_cost, now.cost - g->begin.cost - cost);
	average(&g->burst_own, now.own - g->begin.own);
	log_debug("burst %u: %.1f ms, %.1f ms with its probes, %llu hits, cost %.2f and %.2f ms, "
		  "own %.1f ms",
		  g->number, length * 1e3, (double)(now.time - g->begin.time) / 1e6,
		  (unsigned long long)(now.hits - g->begin.hits), cost * 1e3,
		  (now.cost - g->begin.cost - cost) * 1e3, (now.own - g->begin.own) * 1e3);
	if (runs_away(g, &now))
		give_up(g);
	else
		pause_or_give_up(g, &now);
}

/* Is this burst much dearer than those before? */
static void look_at_burst(struct governor *g, uint64_t time)
{
	struct measure now;

	if (time >= g->due) {
		end_burst(g);
		return;
	}
	governor_measure(g, time, &now);
	if (now.cost - g->armed.cost > EXPLODES * burst_cost(g) + 0.005)
		end_burst(g);
}

/* Tracing all the time: does it still fit, and is the target itself still as it was? */
static void look_at_always(struct governor *g, uint64_t time)
{
	double cost, cpu, passed, allowed, spent;
	struct measure now;

	governor_measure(g, time, &now);
	passed = measure_seconds(&g->begin, &now);
	cost = (now.cost - g->begin.cost) / passed;
	cpu = (now.cpu - g->begin.cpu) / passed;
	allowed = g->options.percent / 100;
	allowed = g->options.host ? allowed : allowed * fmax(cpu - cost, LEAST_USE);
	g->hit_rate = (double)(now.hits - g->begin.hits) / passed;
	g->always_rate = cost;
	/* A moment's work that is paid for by what was saved before, or is little, is no reason. */
	spent = now.cost - g->start.cost -
		EXCEEDS * fmax(income(g, &now), allowed) * measure_seconds(&g->start, &now);
	g->too_dear = cost > EXCEEDS * allowed && spent > GRACE ? g->too_dear + 1 : 0;
	if (g->calm_rate < 0)
		g->calm_rate = cpu;
	if (g->too_dear && cpu > LEAP * g->calm_rate + LEAP_CORES && cost > allowed * EXPLODES) {
		snprintf(g->reason, sizeof(g->reason),
			 "the targets' CPU use rose from %.2f to %.2f cores, %.2f of them for "
			 "tracing",
			 g->calm_rate, cpu, cost);
		give_up(g);
	} else if (g->too_dear >= 2 || (g->too_dear && cost > EXPLODES * allowed)) {
		/* The bursts' own begin here: nothing before is of a burst. */
		kernel_set_burst(g->options.kernel, 0);
		g->traced += (double)(time - g->origin.time) / 1e9;
		g->gaps = true;
		g->options.probe(g->options.context, false);
		governor_measure(g, clock_now(), &g->start);
		pause_or_give_up(g, &g->start);
	} else {
		trace_always(g, time);
	}
}

int governor_step(struct governor *g, uint64_t now)
{
	if (g->state == WAITING)
		begin(g, now);
	else if (g->state == BURST)
		look_at_burst(g, now);
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
	return g->state == BURST && now > LOOK_MS ? LOOK_MS : now > 1000 ? 1000 : (int)now;
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

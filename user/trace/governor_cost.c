// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the arithmetic of the budget: what has been spent and earned, what a burst costs, how
 * long it should be and how long to pause. Must not know when any of it happens.
 */
#include "trace/governor_internal.h"

#include <math.h>
#include <sys/resource.h>

static const double SHORTEST = 0.050, LONGEST = 0.2, LEAST_PAUSE = 0.100; /* seconds */
static const double SHRINK = 4; /* the shortest bursts to the longest, where need be */
static const double WANTED_PAUSE = 2, GROWTH = 1.5;
static const double RETURN_TRAP = 0.5; /* of an entry's: see the table in the manual */
static const double LEAST_USE = 0.05; /* cores that a target is taken to use at least */
/*
 * Times what is told by the run of the programs and by traps in a loop: what both displace from the
 * caches a program has to fetch again. Servers lost 1.1 (nginx) to 1.9 times (Python) as much.
 */
static const double DISPLACED = 1.35;
static const double GUESSED_RUN = 1.5e-6; /* seconds of a program, before any has run */

static double own_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double bare_trap(const struct governor *g, bool releases)
{
	return g->options.stepped(g->options.context, releases) ? g->traps.stepped
								: g->traps.emulated;
}

static double trap(const struct governor *g, bool releases)
{
	double others = (double)g->options.others(g->options.context);

	return bare_trap(g, releases) + others * g->traps.other;
}

static double return_trap(const struct governor *g)
{
	double others = (double)g->options.others(g->options.context);

	return RETURN_TRAP * bare_trap(g, false) + others * g->traps.other_return;
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
	ret->cost = (double)runs.run_ns / 1e9 + (double)runs.entries * trap(g, false) +
		    (double)runs.returns * return_trap(g) + (double)runs.releases * trap(g, true);
	ret->cost *= DISPLACED;
}

double governor_share(const struct governor *g, double cores)
{
	double share = g->options.percent / 100;

	return g->options.host ? share : share * fmax(cores, LEAST_USE);
}

double governor_income(const struct governor *g, const struct measure *now)
{
	double own = (now->cpu - g->start.cpu) - (now->cost - g->start.cost);
	double rate = own / fmax(measure_seconds(&g->start, now), 0.05);

	return governor_share(g, rate);
}

double governor_guess(const struct governor *g, double hits)
{
	/* Half of the hits or so are allocations, whose returns trap too. */
	return DISPLACED * hits * (trap(g, false) + return_trap(g) / 2 + GUESSED_RUN);
}

double governor_mean_length(const struct governor *g)
{
	return (g->plan.longest - g->plan.shortest) / log(g->plan.longest / g->plan.shortest);
}

double governor_burst_cost(const struct governor *g)
{
	return g->always_rate * governor_mean_length(g) + g->edge_cost;
}

void governor_plan(struct governor *g, uint64_t seed)
{
	g->plan = (struct burst_plan){
		.state = seed,
		.shortest = SHORTEST / SHRINK,
		.longest = LONGEST / SHRINK,
		.least_pause = LEAST_PAUSE,
	};
}

static void average(double *value, double now)
{
	*value = *value > 0 ? 0.8 * *value + 0.2 * now : now;
}

void governor_note_burst(struct governor *g, const struct measure *off, const struct measure *now)
{
	double seconds = measure_seconds(&g->armed, off), cost = off->cost - g->armed.cost;
	double hits = (double)(off->hits - g->armed.hits);

	/* Long ones tell more than short ones. */
	g->late.seconds = 0.8 * g->late.seconds + seconds;
	g->late.cost = 0.8 * g->late.cost + cost;
	g->late.hits = 0.8 * g->late.hits + hits;
	g->always_rate = g->late.cost / g->late.seconds;
	g->hit_rate = g->late.hits / g->late.seconds;
	average(&g->edge_cost, now->cost - g->begin.cost - cost);
	average(&g->burst_own, now->own - g->begin.own);
}

/* Until what has been spent so far and `more` is earned; below 0 when it is. */
static double owed_seconds(const struct governor *g, const struct measure *now, double more)
{
	double rate = governor_income(g, now), spent = now->cost - g->start.cost;

	return (spent + more) / rate - measure_seconds(&g->start, now);
}

double governor_least_pause(const struct governor *g, const struct measure *now)
{
	return owed_seconds(g, now, -governor_burst_cost(g));
}

double governor_mean_pause(const struct governor *g, const struct measure *now)
{
	double pause = governor_burst_cost(g) / governor_income(g, now);
	double owed = owed_seconds(g, now, governor_burst_cost(g));

	owed = fmin(fmax(owed, pause * 0.3), pause * 2);
	/* seep's own work is held to the same share of one core. */
	return fmax(owed, g->burst_own / (g->options.percent / 100));
}

double governor_first_pause(const struct governor *g, const struct measure *now)
{
	return fmax(owed_seconds(g, now, governor_burst_cost(g)), g->plan.least_pause);
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

double governor_seconds_between(struct governor *g, double cores)
{
	double pause = governor_burst_cost(g) / cores;

	return fmax(pause / fit_lengths(g, pause), g->burst_own / (g->options.percent / 100));
}

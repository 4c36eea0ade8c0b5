/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shared by governor.c (what is done), governor_cost.c (what that costs) and governor_report.c
 * (what is said).
 */
#ifndef SEEP_TRACE_GOVERNOR_INTERNAL_H
#define SEEP_TRACE_GOVERNOR_INTERNAL_H

#include "attach/cost.h"
#include "heap/burst_plan.h"
#include "heap/profile.h"
#include "trace/governor.h"

enum state { WAITING, CALM, ALWAYS, BURST, PAUSE, GAVE_UP };

struct measure {
	uint64_t time;
	double cost, cpu; /* seconds so far */
	uint64_t hits;
	double own; /* CPU seconds of seep itself */
};

struct governor {
	struct governor_options options;
	struct trap_costs traps;
	struct burst_plan plan;
	enum state state;
	int statistics; /* descriptor */
	uint64_t due; /* ns */
	uint32_t number; /* of the burst */
	struct measure origin; /* when counting began */
	struct measure start; /* what income is counted from */
	struct measure begin; /* of the burst or the look under way */
	struct measure armed; /* when all probes of the burst were in */
	double cpu; /* highest seen: what ended processes used stays counted */
	struct {
		double seconds, cost, hits;
	} late; /* of bursts, the last ones count most */
	double edge_cost, burst_own; /* outside of a burst, by it, and of seep itself, on average */
	double always_rate; /* what tracing all the time would cost: cores */
	double hit_rate; /* a second, while traced */
	double calm_rate; /* the cores that the targets used before the first probe */
	unsigned int too_dear; /* looks in a row */
	struct {
		unsigned int times;
		double from, to, at; /* calls a second, and when, the first time */
	} leap; /* of calls: probes were taken out at once */
	struct measure counted; /* when calls had been counted and tracing began */
	uint64_t glance; /* at tracing all the time, the last one, ns */
	struct measure turned; /* when bursts took its place; time 0: they did not */
	double traced; /* seconds */
	bool gaps;
	bool preceding; /* a burst is on: seep is scheduled before others */
	int nice; /* as it was before */
	char reason[200]; /* for giving up */
	struct profile_burst *bursts;
	size_t nr_bursts, cap_bursts;
};

/* What has been used and spent up to now. */
void governor_measure(struct governor *governor, uint64_t now, struct measure *ret_measure);

/* The first bursts are short. */
void governor_plan(struct governor *governor, uint64_t seed);
/* What may be spent of what targets that use so many cores do, and of what they used so far. */
double governor_share(const struct governor *governor, double cores);
double governor_income(const struct governor *governor, const struct measure *now);
/* What tracing so many hits a second would take, before any was traced: cores. */
double governor_guess(const struct governor *governor, double hits);
/* A burst has been from `armed` to `off`; its probes were out `now`. */
void governor_note_burst(struct governor *governor, const struct measure *off,
			 const struct measure *now);
/* Of a burst as they are planned now, on average; one that was may have been far shorter. */
double governor_mean_length(const struct governor *governor);
double governor_burst_cost(const struct governor *governor);
/* How long to pause before the first burst. */
double governor_first_pause(const struct governor *governor, const struct measure *now);
/* How long to pause: for what bursts cost of late, and for what is owed from before. */
double governor_mean_pause(const struct governor *governor, const struct measure *now);
/* How long at least: until no more is owed than what one burst costs. */
double governor_least_pause(const struct governor *governor, const struct measure *now);
/* Fits the length of bursts to the pauses that `cores` pay for, and tells how long these are. */
double governor_seconds_between(struct governor *governor, double cores);

static inline double measure_seconds(const struct measure *from, const struct measure *to)
{
	return to->time > from->time ? (double)(to->time - from->time) / 1e9 : 1e-9;
}

#endif

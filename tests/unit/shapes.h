/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Simulated sites: blocks with a birth and a death, seen through a capture that begins at 0.
 * A process that was there before has blocks of negative birth; their deaths are what the
 * collector sees as unmatched releases.
 */
#ifndef SEEP_TESTS_SHAPES_H
#define SEEP_TESTS_SHAPES_H

#include "heap/verdict.h"

#include <math.h>
#include <string.h>

#define NEVER 1e18

struct simulation {
	struct verdict_course course;
	double seconds;
	uint64_t seed;
};

static inline double uniform(struct simulation *s)
{
	s->seed = s->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((double)(s->seed >> 11) + 0.5) / 9007199254740992.0;
}

static inline double exponential(struct simulation *s, double mean)
{
	return -mean * log(uniform(s));
}

static inline void simulation_begin(struct simulation *s, double seconds, uint64_t seed)
{
	struct verdict_course *c = &s->course;

	memset(s, 0, sizeof(*s));
	s->seconds = seconds;
	s->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (int i = 0; i < 10; i++)
		uniform(s);
	c->now = seconds;
	for (c->interval = 0.05; c->interval * PROFILE_COHORTS <= seconds;)
		c->interval *= 2;
	c->nr = (size_t)(seconds / c->interval) + 1;
}

static inline void simulate_block(struct simulation *s, double birth, double death, double size)
{
	struct verdict_course *c = &s->course;
	struct verdict_interval *born, *gone = NULL;

	if (birth > s->seconds || death < 0)
		return;
	if (death <= s->seconds)
		gone = &c->intervals[(size_t)(death / c->interval)];
	if (birth < 0) {
		if (gone)
			gone->unmatched++;
		return;
	}
	born = &c->intervals[(size_t)(birth / c->interval)];
	born->alloc_count++;
	born->alloc_bytes += size;
	c->blocks_seen++;
	if (gone) {
		gone->gone_count++;
		gone->gone_bytes += size;
	} else {
		born->live_count++;
		born->live_bytes += size;
	}
}

enum lifetime {
	LIVES_FOR_EVER,
	LIVES_FIXED, /* exactly `life` */
	LIVES_EXPONENTIAL, /* `life` on average */
	LIVES_UNIFORM, /* from life / 4 to life */
	LIVES_PARETO, /* at least `life`, tail exponent 1.5 */
	LIVES_TOOTH, /* until the next multiple of `life` */
};

static inline double death_of(struct simulation *s, enum lifetime lifetime, double birth,
			      double life)
{
	switch (lifetime) {
	case LIVES_FIXED:
		return birth + life;
	case LIVES_EXPONENTIAL:
		return birth + exponential(s, life);
	case LIVES_UNIFORM:
		return birth + life * (0.25 + 0.75 * uniform(s));
	case LIVES_PARETO:
		return birth + life * pow(uniform(s), -1 / 1.5);
	case LIVES_TOOTH:
		return (floor(birth / life) + 1) * life;
	default:
		return NEVER;
	}
}

/* A Poisson stream of `rate` a second within [from, to). */
static inline void simulate_stream(struct simulation *s, double from, double to, double rate,
				   enum lifetime lifetime, double life)
{
	for (double t = from + exponential(s, 1 / rate); t < to; t += exponential(s, 1 / rate))
		simulate_block(s, t, death_of(s, lifetime, t, life), 64 + 64 * uniform(s));
}

#endif

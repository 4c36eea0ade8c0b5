/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A simulated process that is traced in bursts: a site whose blocks live by a chosen law and
 * leak by a chosen share, beside a busy site that leaks nothing, on an allocator that gives
 * addresses out again (the last one freed first) or never. What is resident of it is looked at once
 * a second: the most it ever needed where addresses are given out again, else what is in use, and a
 * little that comes and goes.
 */
#ifndef SEEP_TESTS_BURST_WORLD_H
#define SEEP_TESTS_BURST_WORLD_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/series.h"
#include "heap/burst_plan.h"
#include "heap/burst_resident.h"
#include "heap/burst_verdict.h"
#include "heap/bursts.h"

enum { WORLD_SITE = 1, WORLD_BUSY = 2, WORLD_SPACE = 1 };

struct world_law {
	const char *name;
	double (*lifetime)(double now); /* seconds, of a block allocated now */
	double longest; /* seconds after which the process is what it goes on to be; 0: 10 */
};

struct world {
	double rate, busy_rate; /* allocations a second */
	double busy_life; /* seconds, on average; 0: 3 ms */
	double least_pause; /* seconds; 0: 0.06 */
	const struct world_law *law;
	double leak; /* share of the site's blocks that are never freed */
	bool reuses;
	double shortest, longest, duty;
	uint64_t seed;
};

enum { WORLD_SIZE = 64, WORLD_LOOKS = 2048 };

static uint64_t world_state;

static inline double world_draw(void)
{
	uint64_t x = world_state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return ((double)((x ^ x >> 31) >> 11) + 0.5) * 0x1p-53;
}

static inline double world_exponential(double mean)
{
	return -log(world_draw()) * mean;
}

static inline double law_short(double now)
{
	return world_exponential(0.001);
}

static inline double law_middling(double now)
{
	return world_exponential(0.2);
}

static inline double law_long(double now)
{
	return world_exponential(2);
}

static inline double law_alike(double now)
{
	return 0.2 * (0.9 + 0.2 * world_draw());
}

static inline double law_pareto(double now)
{
	return 0.002 / world_draw();
}

static inline double law_weibull(double now)
{
	return 0.1 * pow(-log(world_draw()), 2);
}

static inline double law_two(double now)
{
	return world_draw() < 0.95 ? world_exponential(0.001) : world_exponential(3);
}

/* All at once, when a batch ends. */
static inline double law_batch(double now)
{
	return ceil(now / 1.3) * 1.3 + 0.0005 - now;
}

/* All at once too, a batch of so many at 300 a second. */
static inline double world_clear(double now, double period)
{
	return (floor(now / period) + 1) * period - now;
}

static inline double law_10(double now)
{
	return world_clear(now, 10 / 300.0);
}

static inline double law_100(double now)
{
	return world_clear(now, 100 / 300.0);
}

static inline double law_1000(double now)
{
	return world_clear(now, 1000 / 300.0);
}

static inline double law_10000(double now)
{
	return world_clear(now, 10000 / 300.0);
}

static inline double law_second(double now)
{
	return world_clear(now, 1);
}

static inline double law_ten_seconds(double now)
{
	return world_clear(now, 10);
}

static inline double law_minute(double now)
{
	return world_clear(now, 60);
}

/* A cache of two generations, the older of which is dropped every five seconds. */
static inline double law_generations(double now)
{
	return world_clear(now, 5) + 5;
}

/* A cache that gives up the oldest of its blocks for each new one. */
static inline double law_lru(double now)
{
	return 8 * (0.98 + 0.04 * world_draw());
}

static const struct world_law world_lumps[] = {
	{ "1 ms", law_short, 0 },	  { "2 s", law_long, 0 },
	{ "batches 10", law_10, 0 },	  { "batches 100", law_100, 0 },
	{ "batches 1000", law_1000, 0 },  { "batches 10k", law_10000, 70 },
	{ "each 1 s", law_second, 0 },	  { "each 10 s", law_ten_seconds, 21 },
	{ "each 60 s", law_minute, 120 }, { "generations", law_generations, 21 },
	{ "LRU", law_lru, 17 },
};
enum { WORLD_LUMPS = sizeof(world_lumps) / sizeof(*world_lumps) };

static const struct world_law world_laws[] = {
	{ "1 ms", law_short, 0 },      { "0.2 s", law_middling, 0 },
	{ "2 s", law_long, 0 },	       { "0.2 s +-10%", law_alike, 0 },
	{ "Pareto", law_pareto, 0 },   { "Weibull 1/2", law_weibull, 0 },
	{ "1 ms or 3 s", law_two, 0 }, { "batches", law_batch, 0 },
};
enum { WORLD_LAWS = sizeof(world_laws) / sizeof(*world_laws) };

struct world_event {
	double time;
	uint32_t address; /* of a release; 0: an allocation */
	uint32_t site;
};

struct world_run {
	const struct world *world;
	struct bursts *bursts;
	struct burst_plan plan;
	double now, next; /* next: the burst's begin or end */
	bool on;
	struct world_event *queue; /* a binary heap by time */
	size_t nr_queue, cap_queue;
	uint32_t *free_list;
	size_t nr_free, cap_free;
	struct world_known {
		uint32_t site, born;
	} * known; /* by address; site 0: nothing */
	size_t addresses, cap_known;
	size_t live; /* blocks */
	double begin; /* of tracing */
	struct series_point resident[WORLD_LOOKS];
	size_t nr_resident;
};

static inline void world_push(struct world_run *r, struct world_event event)
{
	size_t i;

	if (r->nr_queue == r->cap_queue) {
		r->cap_queue = r->cap_queue ? 2 * r->cap_queue : 256;
		r->queue = reallocarray(r->queue, r->cap_queue, sizeof(*r->queue));
	}
	for (i = r->nr_queue++; i && r->queue[(i - 1) / 2].time > event.time; i = (i - 1) / 2)
		r->queue[i] = r->queue[(i - 1) / 2];
	r->queue[i] = event;
}

static inline struct world_event world_pop(struct world_run *r)
{
	struct world_event first = r->queue[0], last = r->queue[--r->nr_queue];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < r->nr_queue) {
		if (child + 1 < r->nr_queue && r->queue[child + 1].time < r->queue[child].time)
			child++;
		if (r->queue[child].time >= last.time)
			break;
		r->queue[i] = r->queue[child];
		i = child;
	}
	r->queue[i] = last;
	return first;
}

static inline uint32_t world_address(struct world_run *r)
{
	if (r->world->reuses && r->nr_free)
		return r->free_list[--r->nr_free];
	if (++r->addresses >= r->cap_known) {
		size_t more = r->cap_known ? 2 * r->cap_known : 1024;

		r->known = reallocarray(r->known, more, sizeof(*r->known));
		memset(r->known + r->cap_known, 0, (more - r->cap_known) * sizeof(*r->known));
		r->cap_known = more;
	}
	return (uint32_t)r->addresses;
}

static inline void world_allocate(struct world_run *r, uint32_t site)
{
	const struct world *w = r->world;
	uint32_t address = world_address(r), ms = (uint32_t)(r->now * 1000);
	double rate = site == WORLD_SITE ? w->rate : w->busy_rate;
	bool leaks = site == WORLD_SITE && world_draw() < w->leak;

	r->live++;
	if (r->on) {
		struct world_known *known = &r->known[address];

		if (known->site)
			bursts_reuse(r->bursts, known->site, known->born);
		ms = bursts_clamp(r->bursts, ms);
		*known = (struct world_known){ site, ms };
		bursts_birth(r->bursts, site, WORLD_SPACE, address);
	}
	if (!leaks) {
		double life = site == WORLD_SITE ? w->law->lifetime(r->now)
						 : world_exponential(r->world->busy_life > 0
									     ? r->world->busy_life
									     : 0.003);

		world_push(r, (struct world_event){ r->now + life, address, site });
	}
	world_push(r, (struct world_event){ r->now + world_exponential(1 / rate), 0, site });
}

static inline void world_release(struct world_run *r, uint32_t address)
{
	uint32_t ms = (uint32_t)(r->now * 1000);
	struct world_known *known = &r->known[address];

	r->live--;
	if (r->on) {
		bursts_release(r->bursts, WORLD_SPACE);
		if (known->site)
			bursts_death(r->bursts, known->site, WORLD_SPACE, address, known->born,
				     bursts_clamp(r->bursts, ms));
		else
			bursts_unmatched(r->bursts, WORLD_SPACE, address);
		known->site = 0;
	}
	if (!r->world->reuses)
		return;
	if (r->nr_free == r->cap_free) {
		r->cap_free = r->cap_free ? 2 * r->cap_free : 256;
		r->free_list = reallocarray(r->free_list, r->cap_free, sizeof(*r->free_list));
	}
	r->free_list[r->nr_free++] = address;
}

static inline void world_turn(struct world_run *r)
{
	const struct world *w = r->world;
	double mean = (w->longest - w->shortest) / log(w->longest / w->shortest);

	if (r->on)
		bursts_end(r->bursts, (uint32_t)(r->next * 1000));
	else
		bursts_begin(r->bursts, (uint32_t)(r->next * 1000));
	r->on = !r->on;
	r->next += r->on	  ? burst_plan_length(&r->plan)
		   : w->duty >= 1 ? 1e9
				  : burst_plan_pause(&r->plan, mean * (1 / w->duty - 1));
	if (r->on && w->duty >= 1)
		r->next += 1e9;
}

static inline struct world_run *world_begin(const struct world *w)
{
	struct world_run *r = calloc(1, sizeof(*r));

	world_state = w->seed * 7919 + 12345;
	r->world = w;
	r->bursts = bursts_new();
	r->plan = (struct burst_plan){
		.state = w->seed,
		.shortest = w->shortest,
		.longest = w->longest,
		.least_pause = w->least_pause > 0 ? w->least_pause : 0.06,
	};
	/* It has run for a while when tracing begins. */
	r->next = r->begin = w->law->longest > 10 ? w->law->longest : 10;
	world_push(r, (struct world_event){ 0, 0, WORLD_SITE });
	if (w->busy_rate > 0)
		world_push(r, (struct world_event){ 0, 0, WORLD_BUSY });
	return r;
}

static inline void world_look(struct world_run *r, double time)
{
	size_t blocks = r->world->reuses ? r->addresses : r->live;

	while (r->nr_resident < WORLD_LOOKS && r->begin + (double)r->nr_resident <= time) {
		r->resident[r->nr_resident].time = (double)r->nr_resident;
		r->resident[r->nr_resident++].value =
			(double)(blocks * WORLD_SIZE / 4096 * 4096) + world_draw() * (64 << 10);
	}
}

/* Runs on until so many seconds after tracing began. */
static inline void world_run(struct world_run *r, double seconds)
{
	while (r->queue[0].time < seconds + r->begin) {
		struct world_event event = world_pop(r);

		world_look(r, event.time);
		while (r->next <= event.time)
			world_turn(r);
		r->now = event.time;
		if (event.address)
			world_release(r, event.address);
		else
			world_allocate(r, event.site);
	}
	while (r->next <= seconds + r->begin)
		world_turn(r);
	r->now = seconds + r->begin;
}

static inline int world_share_of(struct world_run *r, uint32_t site, struct burst_share *ret)
{
	struct burst_view *view = burst_view_new(r->bursts, (uint32_t)(r->now * 1000));
	const uint32_t sites[] = { WORLD_SITE, WORLD_BUSY };
	int err = view ? burst_view_space(view, WORLD_SPACE, sites, 2) : -1;

	if (!err)
		err = burst_view_share(view, site, ret);

	burst_view_free(view);
	return err;
}

/* Settled by what is resident. */
static inline int world_settle(struct world_run *r, uint32_t site, struct burst_share *ret_share,
			       struct burst_growth *ret_growth)
{
	static const uint32_t sites[] = { WORLD_SITE, WORLD_BUSY };
	double seconds = fmax((double)bursts_traced(r->bursts) / 1000, 0.001);
	struct burst_resident *resident = burst_resident_new(r->resident, r->nr_resident);
	struct burst_growth growth = { 0 };
	int err = resident ? 0 : -1;

	for (size_t i = 0; i < 2 && !err; i++) {
		err = world_share_of(r, sites[i], ret_share);
		if (!err && burst_leaks(ret_share))
			err = burst_resident_claim(resident,
						   ret_share->share * (double)ret_share->born *
							   WORLD_SIZE / seconds,
						   WORLD_SIZE);
	}
	if (!err)
		err = world_share_of(r, site, ret_share);
	if (!err) {
		growth.bytes = (double)ret_share->born * WORLD_SIZE / seconds;
		growth.borne_out =
			burst_resident_bears_out(resident, ret_share->share * growth.bytes);
		burst_settle(ret_share, &growth);
		*ret_growth = growth;
	}
	burst_resident_free(resident);
	return err;
}

static inline int world_share(struct world_run *r, struct burst_share *ret)
{
	return world_share_of(r, WORLD_SITE, ret);
}

/* The share of the site's blocks that live for longer than `age`. */
static inline double world_truth(const struct world *w, double age)
{
	uint64_t saved = world_state;
	int over = 0, draws = 20000;

	world_state = 99;
	for (int i = 0; i < draws; i++)
		over += w->law->lifetime(1000 + i * 0.0137) > age;
	world_state = saved;
	return w->leak + (1 - w->leak) * over / draws;
}

static inline void world_end(struct world_run *r)
{
	bursts_free(r->bursts);
	free(r->queue);
	free(r->free_list);
	free(r->known);
	free(r);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the verdict of a process. Sites come first: what a tracer knows of births and deaths is
 * better than any course of a sum. What else is known of the process, of its limits, of what its
 * allocator holds free, of its own runtime, decides where sites do not, in this order:
 *
 *   leak                 a site grows; or several rise, each by no more than what is freed of
 *                        older blocks may offset, but together by more; or the runtime's own
 *                        figures say that its old generation grows after each collection
 *   limit too small      the runtime collects all the time and has no room; or the cgroup reaches
 *                        its limit, or waits for memory, while nothing grows
 *   overflow             most was allocated in bursts and kept; or what is freed is freed later
 *                        and later, as where a producer is faster than its consumer
 *   allocator retention  resident grows, outstanding does not, and the allocator holds it free
 *   filling              a cache fills or a program warms up: most of what is live is at such sites
 *   none, too little data
 *
 * Whoever is killed for want of memory has met the limit: then what was loaded, or piled up,
 * comes before a limit that is too small.
 *
 * A limit is only reached by what does not come back: there is a time to it for a leak alone, from
 * the course of what is outstanding (of what is resident where that does not rise), by the rule and
 * with the interval of base/series.h. Bytes of blocks count as bytes of the limit, though their
 * allocator adds some: the time is rather too long than too short by that.
 */
#include "heap/verdict.h"

#include "base/series.h"
#include "heap/verdict_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MIN_SECONDS = 1.0;

/* What has become resident and is not outstanding: 0 when that is little. */
static double unexplained(const struct verdict_process *p)
{
	static const double LEAST = 4 << 20, SHARE = 0.25, GROWN = 0.1;
	double rss = (double)p->rss_bytes - (double)p->rss_start_bytes;
	double live = p->live_bytes - p->live_start_bytes;

	/* What is outstanding is not known where most of it goes unseen. */
	if (p->bursts)
		return 0;
	if (!p->rss_start_bytes || rss < LEAST || rss < GROWN * (double)p->rss_start_bytes ||
	    live > SHARE * rss)
		return 0;
	return rss - fmax(live, 0);
}

/* An allocator that could be looked into, and holds nothing like it, is not the one to blame. */
static bool retains(const struct verdict_process *p, struct verdict *v)
{
	static const double HELD = 0.25;
	double rest = unexplained(p);
	double rss = (double)p->rss_bytes - (double)p->rss_start_bytes;
	char rss_text[16], live_text[16], free_text[16], held_text[16];

	if (rest <= 0)
		return false;
	verdict_bytes(rss, rss_text);
	verdict_bytes(p->live_bytes - p->live_start_bytes, live_text);
	verdict_bytes(p->allocator.free_bytes, free_text);
	verdict_bytes(p->allocator.held_bytes, held_text);
	if (!p->allocator.name)
		verdict_set(v, VERDICT_RETENTION,
			    "Resident memory grew by %s, outstanding blocks by %s", rss_text,
			    live_text);
	else if (p->allocator.free_bytes < HELD * rest)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA,
			    "Resident memory grew by %s, outstanding blocks by %s, but %s %s of "
			    "%s is free: it is memory of another kind",
			    rss_text, live_text, p->allocator.at_most ? "at most" : "only",
			    free_text, p->allocator.name);
	else if (p->allocator.at_most)
		verdict_set(
			v, VERDICT_RETENTION,
			"Resident memory grew by %s, outstanding blocks by %s; %s holds at most "
			"%s free (resident, and in no outstanding block)",
			rss_text, live_text, p->allocator.name, free_text);
	else
		verdict_set(v, VERDICT_RETENTION,
			    "Resident memory grew by %s, outstanding blocks by %s; %s of the %s "
			    "that %s got from the kernel are free",
			    rss_text, live_text, free_text, held_text, p->allocator.name);
	return true;
}

/* What is resident beside the blocks counts against an overflow, but is no part of it. */
static bool overflows(const struct verdict_process *p, struct verdict *v)
{
	static const double LEAST = 16 << 20, SHARE = 0.5;
	double burst = p->by_verdict[VERDICT_BURST].bytes;
	size_t sites = p->by_verdict[VERDICT_BURST].sites;
	char bytes[16], all[16];

	if (burst < LEAST || burst < SHARE * fmax(p->live_bytes, (double)p->rss_bytes))
		return false;
	verdict_bytes(burst, bytes);
	verdict_bytes(p->live_bytes, all);
	verdict_set(
		v, VERDICT_OVERFLOW,
		"%s of the %s outstanding were allocated in short bursts and kept, at %zu site%s",
		bytes, all, sites, sites == 1 ? "" : "s");
	return true;
}

static const char *plural(size_t nr)
{
	return nr == 1 ? "" : "s";
}

/* Each layer in its own measure: they do not add up. */
static void judge_leak(const struct verdict_process *p, struct verdict *v)
{
	size_t blocks = p->by_verdict[VERDICT_GROWING].sites;
	size_t mappings = p->growing_mappings.sites, handles = p->growing_handles.sites;
	char rate[16], text[3][96] = { "", "", "" };

	if (blocks) {
		verdict_bytes(p->by_verdict[VERDICT_GROWING].rate, rate);
		snprintf(text[0], sizeof(text[0]), "%zu growing site%s, %s/s%s", blocks,
			 plural(blocks), rate, blocks > 1 ? " together" : "");
	}
	if (mappings) {
		verdict_bytes(p->growing_mappings.rate, rate);
		snprintf(text[1], sizeof(text[1]), "%s%zu growing site%s of mappings, %s/s",
			 blocks ? "; " : "", mappings, plural(mappings), rate);
	}
	if (handles)
		snprintf(text[2], sizeof(text[2]), "%s%zu growing site%s of handles, %.3g/s",
			 blocks || mappings ? "; " : "", handles, plural(handles),
			 p->growing_handles.rate);
	verdict_set(v, VERDICT_LEAK, "%s%s%s%s", text[0], text[1], text[2],
		    p->lost_frees ? "; releases were lost: it may be less" : "");
}

/* Each of them may be in balance, but not all. */
static bool rises_in_sum(const struct verdict_process *p)
{
	return p->waiting.sites > 1 && p->waiting.offset < VERDICT_OFFSET * p->waiting.rise;
}

static void judge_sum(const struct verdict_process *p, struct verdict *v)
{
	char rate[16];

	verdict_bytes(p->waiting.rate, rate);
	v->growth_rate = p->waiting.rate;
	verdict_set(v, VERDICT_LEAK,
		    "%zu sites rise by %.3g blocks/s together (%s/s), and only %.3g/s of older "
		    "blocks are freed: at least one of them grows",
		    p->waiting.sites, p->waiting.rise, rate, p->waiting.offset);
}

static bool runtime_leaks(const struct verdict_process *p, struct verdict *v)
{
	if (p->runtime.state != VERDICT_RUNTIME_GROWS)
		return false;
	verdict_set(v, VERDICT_LEAK, "%s", p->runtime.evidence);
	return true;
}

static bool runtime_native_leaks(const struct verdict_process *p, struct verdict *v)
{
	if (p->runtime.state != VERDICT_RUNTIME_NATIVE)
		return false;
	verdict_set(v, VERDICT_LEAK, "%s", p->runtime.evidence);
	return true;
}

/* A cgroup full to the brim is in no need while it only holds what it needs. */
static bool limit_is_small(const struct verdict_process *p, struct verdict *v)
{
	static const double NEAR = 0.1, WAITING = 5;
	const struct verdict_limit *limit = &p->limit;
	char room[16], bytes[16], hits[32];

	if (p->runtime.state == VERDICT_RUNTIME_TIGHT) {
		verdict_set(v, VERDICT_LIMIT, "%s", p->runtime.evidence);
		return true;
	}
	if (!limit->name || limit->room_bytes > NEAR * limit->bytes ||
	    (limit->hits < 0.5 && limit->oom_kills < 0.5 && limit->pressure < WAITING))
		return false;
	verdict_bytes(limit->room_bytes, room);
	verdict_bytes(limit->bytes, bytes);
	if (p->killed)
		verdict_set(v, VERDICT_LIMIT, "No site grows, but %s (%s) was reached", limit->name,
			    bytes);
	else if (limit->oom_kills >= 0.5)
		verdict_set(v, VERDICT_LIMIT,
			    "No site grows, but %s (%s) has %s left, and %.0f process%s killed for "
			    "it meanwhile",
			    limit->name, bytes, room, limit->oom_kills,
			    verdict_is_one(limit->oom_kills) ? " was" : "es were");
	else
		verdict_set(v, VERDICT_LIMIT,
			    "No site grows, but %s (%s) has %s left, was reached %s time%s "
			    "meanwhile, and kept tasks waiting for %.0f%% of the last seconds",
			    limit->name, bytes, room, verdict_count(limit->hits, hits),
			    verdict_is_one(limit->hits) ? "" : "s", limit->pressure);
	return true;
}

static void judge_course(const struct verdict_process *p, bool resident, struct series_trend *trend)
{
	static const double LEAST = 64 << 10;
	struct series_point *points = calloc(p->nr_course + 1, sizeof(*points));

	*trend = (struct series_trend){ 0 };
	for (size_t i = 0; points && i < p->nr_course; i++)
		points[i] = (struct series_point){ p->course[i].seconds,
						   resident ? p->course[i].rss_bytes
							    : p->course[i].live_bytes };
	if (points)
		series_judge(points, p->nr_course, LEAST, trend);
	free(points);
}

/* Freed in the end, but more slowly than it comes. */
static bool piles_up(const struct verdict_process *p, struct verdict *v)
{
	static const double LEAST = 1 << 20, SHARE = 0.5;
	struct series_trend trend;
	char bytes[16], rate[16];

	if (!p->backlog.sites || p->backlog.bytes < LEAST ||
	    p->backlog.bytes < SHARE * p->live_bytes)
		return false;
	judge_course(p, false, &trend);
	if (trend.shape != SERIES_RISING || p->backlog.rate < SHARE * trend.slope)
		return false;
	verdict_bytes(p->backlog.bytes, bytes);
	verdict_bytes(trend.slope, rate);
	v->growth_rate = p->backlog.rate;
	verdict_set(v, VERDICT_OVERFLOW,
		    "%s at %zu site%s wait to be freed, and all are in the end, but more come than "
		    "go: %s/s",
		    bytes, p->backlog.sites, plural(p->backlog.sites), rate);
	return true;
}

/* Small things are loaded by every program. */
static bool fills(const struct verdict_process *p, struct verdict *v)
{
	static const double LEAST = 4 << 20, SHARE = 0.5;
	double bytes = p->by_verdict[VERDICT_FILLING].bytes;
	size_t sites = p->by_verdict[VERDICT_FILLING].sites;
	char filled[16], all[16];

	if (bytes < LEAST || bytes < SHARE * p->live_bytes)
		return false;
	verdict_bytes(bytes, filled);
	verdict_bytes(p->live_bytes, all);
	verdict_set(v, VERDICT_FILLING,
		    "%s of the %s outstanding are at %zu site%s that took less and less, or "
		    "nothing more: a cache that fills, or a warm-up",
		    filled, all, sites, plural(sites));
	return true;
}

/* Only memory that does not come back reaches a limit. */
static void time_to_limit(const struct verdict_process *p, struct verdict *v)
{
	struct series_trend trend;
	double latest;

	if (v->verdict != VERDICT_LEAK || !p->limit.name || p->killed)
		return;
	judge_course(p, false, &trend);
	if (trend.shape != SERIES_RISING)
		judge_course(p, true, &trend);
	if (!series_time_to(&trend, p->limit.room_bytes, &v->limit_seconds, &v->limit_seconds_low,
			    &latest))
		return;
	v->limit_seconds_high = isfinite(latest) ? latest : 0;
}

static void judge_ended(const struct verdict_process *p, struct verdict *v)
{
	char bytes[16], handles[32];

	verdict_bytes(p->live_bytes, bytes);
	verdict_count(p->live_handles, handles);
	if (p->live_bytes > 0)
		verdict_set(v, VERDICT_LIVE_AT_EXIT, "%s were not freed when the process ended",
			    bytes);
	else if (p->live_handles > 0)
		verdict_set(v, VERDICT_LIVE_AT_EXIT,
			    "%s handle%s %s not released when the process ended", handles,
			    verdict_is_one(p->live_handles) ? "" : "s",
			    verdict_is_one(p->live_handles) ? "was" : "were");
	else
		verdict_set(v, VERDICT_NONE,
			    "All that was allocated had been freed when the process ended");
}

static void judge_rest(const struct verdict_process *p, struct verdict *v)
{
	static const double FEW = 1 << 20; /* beside a runtime's own heap */
	size_t unclear = p->by_verdict[VERDICT_TOO_LITTLE_DATA].sites;
	char bytes[16];

	verdict_bytes(p->live_bytes, bytes);
	if (p->seconds < MIN_SECONDS)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA, "Traced for %.1f s only", p->seconds);
	else if (!p->alloc_count)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA, "It allocated nothing in %.1f s",
			    p->seconds);
	else if (p->runtime.state == VERDICT_RUNTIME_STEADY && p->live_bytes < FEW)
		verdict_set(v, VERDICT_NONE, "%s", p->runtime.evidence);
	else if (unclear && p->by_verdict[VERDICT_TOO_LITTLE_DATA].bytes > p->live_bytes / 2)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA,
			    "%zu site%s with most of the %s live %s unclear", unclear,
			    plural(unclear), bytes, unclear == 1 ? "is" : "are");
	else
		verdict_set(v, VERDICT_NONE, "No site grows; %s live after %.1f s", bytes,
			    p->seconds);
}

static bool finds(const struct verdict_process *p, struct verdict *v)
{
	if (runtime_leaks(p, v))
		return true;
	if (p->killed && (overflows(p, v) || piles_up(p, v)))
		return true;
	return limit_is_small(p, v) || overflows(p, v) || piles_up(p, v) || retains(p, v) ||
	       runtime_native_leaks(p, v) || fills(p, v);
}

void verdict_process(const struct verdict_process *p, struct verdict *v)
{
	/* A runtime maps its heap as it fills: what its own figures say of that is better. */
	bool mappings = p->growing_mappings.sites && p->runtime.state == VERDICT_RUNTIME_UNKNOWN;
	bool growing = p->by_verdict[VERDICT_GROWING].sites || mappings || p->growing_handles.sites;

	*v = (struct verdict){ .growth_rate = p->by_verdict[VERDICT_GROWING].rate };
	if (p->ended)
		judge_ended(p, v);
	else if (growing)
		judge_leak(p, v);
	else if (rises_in_sum(p))
		judge_sum(p, v);
	else if (!finds(p, v))
		judge_rest(p, v);
	time_to_limit(p, v);
}

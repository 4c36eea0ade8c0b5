// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The statistics of a leak.
 *
 * Outstanding memory that rises is no leak yet: every process that has just started, or has
 * just been attached to, shows a rise, since the blocks from before are not known and each
 * site begins at nothing. What a tracer knows beyond the rise is which blocks are still there,
 * by their time of birth. For a site with the arrival rate r and the survival function S(age)
 * the cohort born at t holds r S(T - t) live blocks at the time T:
 *
 *   given back      S falls to 0 within the capture: the old cohorts are empty   steady
 *   a leak          S levels off above 0: old cohorts keep a share, and later
 *                   ones keep the same                                           growing
 *   a cache         S = 1, but r falls to 0                                      filling
 *   loaded at once  S = 1, r is one pulse                                        burst
 *
 * Cohorts alone cannot tell two cases from a leak, and both are common:
 *
 * 1. Lifetimes longer than the capture (sessions of 30 s, traced for 20 s). Nothing born in
 *    the capture has died, S = 1 as far as it can be seen. But a site in balance releases as
 *    many blocks as it allocates, and those are blocks from before the capture: releases
 *    that match nothing. In balance the expectation of such releases equals that of the
 *    site's net growth in every stretch of time, whatever the law of lifetimes. So a site is
 *    called growing only if the process' unmatched releases are fewer than half of the site's
 *    net growth. They carry no site, thus they are held against every one: a leak in a
 *    process with many of them is named later, when they have run dry, rather than wrongly.
 *    Lifetimes only a little shorter than the capture show in the last stretch: the rise ends.
 *
 *    No cohort helps here: the blocks that end are older than all of them, and the site's own
 *    have not begun to end. What their fellows at other sites tell (a site whose cohorts die
 *    must have had older blocks that died) is true only as far as the load is constant, by
 *    less than the leak that it is to reveal. Two things are certain, and used. A release of
 *    an address that was released in the capture before is of nothing older than it, but an
 *    allocator's own, and counts for nothing (released.c; an ending thread's cache, which
 *    glibc frees through free(), is not even told). And one release offsets one block, not
 *    one at every site: if all sites that only wait for them rise together by more than twice
 *    as much, the process leaks, at one of these sites (verdict_process.c).
 *
 * 2. A saw-tooth (arenas, garbage collection, batches). Its mean rises in each tooth, its
 *    troughs do not: the minima over quarters are compared, never the values, and each interval
 *    knows how far it dipped, since a tooth may be as long as an interval. A tooth longer
 *    than the capture is a leak as far as anyone can tell, and the evidence states how long
 *    nothing was freed, which is all that is known.
 *
 * The rule for growing, on counts of blocks (bytes are too few large draws), with the capture
 * since the site's first allocation cut into quarters:
 *   - at least MIN_SURVIVORS blocks live, at least two born in each quarter: no verdict from
 *     a handful of blocks, and none from one pulse;
 *   - the minima of the outstanding count rise from the second quarter to the fourth, by more
 *     than three standard deviations of a Poisson count that merely fluctuates, two of them in
 *     the last quarter (only where there are releases: a count that never falls does not
 *     fluctuate);
 *   - the last quarter's survivors are at least SLOWING of the second quarter's;
 *   - of what is live no more than 60% was born in a single interval, and the last eighth still
 *     rises (the rise within an interval would tell of a saw-tooth's tooth, which may be larger
 *     than all that leaks);
 *   - old cohorts do not shrink: the share of survivors among the blocks of the first quarter
 *     is at least nine tenths of that of the second quarter, and among those of the first half
 *     eight tenths of that of the third quarter, less one standard error;
 *   - unmatched releases are fewer than half of the rise (1. above).
 * Buffers that get larger in the same number are growing too: bytes, and bytes per block, must
 * then rise over each of eight windows, by half in all.
 *
 * A rise that fails one of these is "too little data", with the reason in the evidence, or
 * filling when the new survivors have fallen to a quarter and less. Without a rise in the
 * second half a site is steady if it gave back most of what it allocated, or if most of what
 * is live is young; else what is live is old: a burst when four fifths of the bytes were born
 * in 15% of the time, filling when not. That is of the time that the process was seen: how long
 * a site was quiet before its first allocation tells a pulse as well as how long it is after it.
 *
 * Tests of trend (Mann-Kendall and the like) were tried beside these, and decided nothing that
 * the above had not: a warm-up has a significant trend, too.
 *
 * The thresholds were chosen on simulated shapes, and tested on others (tests/unit/
 * test_verdict.c lists both).
 */
#include "heap/verdict.h"

#include "heap/course.h"
#include "heap/verdict_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MIN_SURVIVORS = 16, MIN_INTERVALS = 8 };

static const double MIN_SECONDS = 1.0;
static const double SLOWING = 0.4, FILLED = 0.25; /* last quarter's survivors to earlier */
static const double STEP = 0.6; /* of the live blocks, born in one interval */
/* Share of survivors: of the first quarter to the second, of the first half to the third. */
static const double NOT_SHRUNK[] = { 0.9, 0.8 };
static const double GIVEN_BACK = 0.95;
static const double OLD = 0.7, BURST_SHARE = 0.8, BURST_TIME = 0.15;
static const double EVICTED = 0.05;

/* "1 block", "5,000 blocks", "3 handles" */
static const char *units_text(const struct verdict_course *site, double count, char text[32])
{
	char digits[32];

	snprintf(text, 32, "%.20s %.8s%s", verdict_count(count, digits),
		 site->unit ? site->unit : "block", verdict_is_one(count) ? "" : "s");
	return text;
}

static bool has_bytes(const struct verdict_course *site)
{
	return !site->unit || strcmp(site->unit, "handle");
}

/* What a second brings: "625 KiB", of handles their number. */
static const char *rate_text(const struct verdict_course *site, double rate, char text[32])
{
	if (has_bytes(site))
		verdict_bytes(rate, text);
	else
		snprintf(text, 32, "%.3g", rate);
	return text;
}

/* "625 KiB", "5 handles" */
static const char *live_text(const struct course *c, char text[32])
{
	if (!has_bytes(c->site))
		return units_text(c->site, c->live, text);
	verdict_bytes(c->live_bytes, text);
	return text;
}

/* Why a rise is not called growing, or NULL when it is. */
static const char *doubt(const struct course *c)
{

	if (c->nr < MIN_INTERVALS)
		return "it began too late in the capture to tell";
	if (c->live < MIN_SURVIVORS || c->blocks_seen < MIN_SURVIVORS)
		return "too few blocks to tell";
	for (int q = 0; q < 4; q++)
		if (c->survivors[q] < 2)
			return "the survivors were born in a part of the time only";
	if (c->largest_step > STEP)
		return "most of the rise came in one step";
	if (!c->still_rises || c->survivors[3] < SLOWING * c->survivors[1])
		return "the rise is slowing down";
	if (c->last_eighth < SLOWING * 0.75 && c->rise >= 8 * MIN_SURVIVORS)
		return "the rise has ended just now";
	for (int q = 1; q <= 2; q++) {
		double error, ratio = course_shrinking(c, q, &error);

		if (ratio < NOT_SHRUNK[q - 1] - error)
			return "the oldest blocks are being freed";
	}
	return NULL;
}

static void judge_growing(const struct course *c, struct verdict *v)
{
	double half = c->seconds / 2, freed = c->allocated_first_half - c->live_first_half;
	char rate[32], all[32], live[32];

	rate_text(c->site, v->growth_rate, rate);
	units_text(c->site, c->allocated_first_half, all);
	if (c->unmatched >= VERDICT_OFFSET * c->rise && c->unmatched > 0) {
		char unmatched[32];

		v->waiting_rise = c->rise / half;
		v->waiting_offset = c->unmatched / half;

		verdict_set(
			v, VERDICT_TOO_LITTLE_DATA,
			"rises by %s/s, but %s block%s from before the capture %s freed meanwhile: "
			"trace for longer than such blocks live",
			rate, verdict_count(c->unmatched, unmatched),
			verdict_is_one(c->unmatched) ? "" : "s",
			verdict_is_one(c->unmatched) ? "was" : "were");
	} else if (freed < 0.5) {
		verdict_set(v, VERDICT_GROWING,
			    "none of %s allocated in the first %.1f s was freed; %s/s", all, half,
			    rate);
	} else {
		verdict_set(
			v, VERDICT_GROWING,
			"of %s allocated in the first %.1f s %s %s still live after %.1f s more, "
			"the oldest no fewer; %s/s",
			all, half, verdict_count(c->live_first_half, live),
			verdict_is_one(c->live_first_half) ? "is" : "are", half, rate);
	}
}

static void judge_rising(const struct course *c, struct verdict *v)
{
	const char *reason = doubt(c);
	double early = fmax(c->survivors[0], c->survivors[1]);
	char rate[32];

	rate_text(c->site, v->growth_rate, rate);
	if (!reason)
		judge_growing(c, v);
	else if (c->live >= MIN_SURVIVORS && c->nr >= MIN_INTERVALS &&
		 c->survivors[3] < FILLED * early && c->survivors[2] < early &&
		 course_shrinking(c, 1, NULL) >= NOT_SHRUNK[0])
		verdict_set(
			v, VERDICT_FILLING,
			"new survivors fell from %.0f to %.0f in a quarter of the time (%.1f s)",
			early, c->survivors[3], c->seconds / 4);
	else
		verdict_set(v, VERDICT_TOO_LITTLE_DATA, "rises by %s/s, but %s", rate, reason);
}

static void judge_flat(const struct course *c, struct verdict *v)
{
	char amount[32], all[32], live[32];
	double given_back = 1 - c->live_bytes / fmax(c->allocated_bytes, 1);

	live_text(c, amount);
	units_text(c->site, c->allocated, all);
	verdict_count(c->live, live);
	if (given_back >= GIVEN_BACK || c->old_share < OLD)
		verdict_set(v, VERDICT_STEADY,
			    "%.1f%% of %s%s were freed; %s live, %.0f%% of it older than %.1f s",
			    given_back * 100, has_bytes(c->site) ? "the bytes of " : "", all,
			    amount, c->old_share * 100, c->seconds / 2);
	else if (c->burst_seconds <= BURST_TIME * (c->now - c->site->begin))
		verdict_set(
			v, VERDICT_BURST,
			"%.0f%% of %s live were allocated within %.2g s, %.1f s ago, and are still "
			"there",
			BURST_SHARE * 100, amount, c->burst_seconds, c->now - c->burst_begin);
	else if (c->live < MIN_SURVIVORS || c->live_first_half < OLD * c->live)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA,
			    "%s of %s %s live, too few of them old ones", live, all,
			    verdict_is_one(c->live) ? "is" : "are");
	else
		verdict_set(v, VERDICT_FILLING,
			    "%.0f%% of %s live were allocated in the first %.1f s, and hardly any "
			    "since",
			    c->old_share * 100, amount, c->seconds / 2);
}

/*
 * Survivors fall to zero when a cache has filled, and also when the process' load has ended,
 * with a leak as with a cache.
 */
static void doubt_idle(const struct course *c, struct verdict *v)
{
	if (v->verdict == VERDICT_FILLING && c->idle)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA,
			    "the process did next to nothing in the last %.1f s: trace it while it "
			    "works",
			    c->seconds / 4);
}

void verdict_site(const struct verdict_course *site, struct verdict *v)
{
	struct course c;
	char amount[32], count[32], all[32];

	*v = (struct verdict){ .verdict = VERDICT_TOO_LITTLE_DATA };
	course_read(site, &c);
	v->growth_rate = c.growth;
	live_text(&c, amount);
	verdict_count(c.live, count);
	units_text(site, c.allocated, all);
	if (c.allocated < 0.5)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA, "nothing was allocated");
	else if (c.live < 0.5 && site->evicted_count < 0.5)
		verdict_set(v, VERDICT_STEADY, "%s%s allocated %s freed",
			    verdict_is_one(c.allocated) ? "the " : "all ", all,
			    verdict_is_one(c.allocated) ? "was" : "were");
	else if (site->ended && has_bytes(site))
		verdict_set(v, VERDICT_LIVE_AT_EXIT, "%s of %s (%s) %s live when the process ended",
			    count, all, amount, verdict_is_one(c.live) ? "was" : "were");
	else if (site->ended)
		verdict_set(v, VERDICT_LIVE_AT_EXIT, "%s of %s %s live when the process ended",
			    count, all, verdict_is_one(c.live) ? "was" : "were");
	else if (site->evicted_count > EVICTED * c.allocated)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA,
			    "%.0f%% of what was allocated could not be followed: give more memory "
			    "(--max-memory)",
			    site->evicted_count / c.allocated * 100);
	else if (c.seconds < MIN_SECONDS)
		verdict_set(v, VERDICT_TOO_LITTLE_DATA, "seen for %.1f s only", c.seconds);
	else if (course_rises(&c))
		judge_rising(&c, v);
	else if (course_swells(&c))
		verdict_set(
			v, VERDICT_GROWING,
			"blocks get larger, on average by %.0f%% over %.1f s, and were never fewer "
			"bytes; %s live",
			c.swelling * 100, c.seconds * 0.75, amount);
	else
		judge_flat(&c, v);
	doubt_idle(&c, v);
}

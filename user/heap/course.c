// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads a site's intervals as functions of time. Within an interval everything is taken to
 * have happened evenly, so that windows need not begin where intervals do, and a last
 * interval that has just begun does no harm.
 */
#include "heap/course.h"

#include <math.h>
#include <string.h>

enum { SWELL_WINDOWS = 8 };
static const double MORE_BLOCKS = 1.25;
/* Where less of what is live is old, a rise that has ended is the warm-up of a steady site. */
static const double SOME_OLD = 0.2;

static double interval_end(const struct verdict_course *s, size_t i)
{
	return fmin((double)(i + 1) * s->interval, fmax(s->now, (double)i * s->interval));
}

/* What happened from the capture's begin to `time`. */
static double until(const struct course *c, enum course_sum what, double time)
{
	const struct verdict_course *s = c->site;
	size_t i = time > 0 ? (size_t)(time / s->interval) : 0;
	double begin, end, before, after;

	if (i >= s->nr)
		return c->sums[what][s->nr];
	begin = i ? (double)i * s->interval : fmin(s->begin, s->interval);
	end = interval_end(s, i);
	before = c->sums[what][i];
	after = c->sums[what][i + 1];
	if (time >= end)
		return after;
	return time > begin ? before + (after - before) * (time - begin) / (end - begin) : before;
}

static double outstanding(const struct course *c, double time)
{
	return until(c, SUM_ALLOC, time) - until(c, SUM_GONE, time);
}

static double outstanding_bytes(const struct course *c, double time)
{
	return until(c, SUM_ALLOC_BYTES, time) - until(c, SUM_GONE_BYTES, time);
}

static double growth(const struct course *c)
{
	double begin = c->site->begin, now = c->site->now, middle = (begin + now) / 2;

	if (now <= begin)
		return 0;
	return (outstanding_bytes(c, now) - outstanding_bytes(c, middle)) / (now - middle);
}

static double at(const struct course *c, double share)
{
	return c->begin + c->seconds * share;
}

static double between(const struct course *c, enum course_sum what, double from, double to)
{
	return until(c, what, at(c, to)) - until(c, what, at(c, from));
}

/* The least outstanding count of the intervals that lie within [from, to] of the time. */
static double lowest_dip(const struct course *c, double from, double to)
{
	const struct verdict_course *s = c->site;
	double minimum = INFINITY;

	for (size_t i = 0; i < s->nr; i++)
		if ((double)i * s->interval >= at(c, from) && interval_end(s, i) <= at(c, to))
			minimum = fmin(minimum, c->sums[SUM_ALLOC][i] - c->sums[SUM_GONE][i] -
							s->intervals[i].dip);
	return minimum;
}

/*
 * The least of 16 values within [from, to] of the time; of counts, also of what was less in
 * between: a saw-tooth may be as long as an interval.
 */
static double least(const struct course *c, bool bytes, double from, double to)
{
	double minimum = bytes ? INFINITY : lowest_dip(c, from, to);

	for (int i = 1; i <= 16; i++) {
		double time = at(c, from + (to - from) * i / 16);

		minimum = fmin(minimum, bytes ? outstanding_bytes(c, time) : outstanding(c, time));
	}
	return minimum;
}

static void read_sums(const struct verdict_course *s, struct course *c)
{
	for (size_t i = 0; i < s->nr; i++) {
		const struct verdict_interval *v = &s->intervals[i];
		const double values[COURSE_SUMS] = {
			[SUM_ALLOC] = v->alloc_count,	[SUM_ALLOC_BYTES] = v->alloc_bytes,
			[SUM_LIVE] = v->live_count,	[SUM_LIVE_BYTES] = v->live_bytes,
			[SUM_GONE] = v->gone_count,	[SUM_GONE_BYTES] = v->gone_bytes,
			[SUM_UNMATCHED] = v->unmatched, [SUM_ACTIVE] = v->active,
		};

		for (int k = 0; k < COURSE_SUMS; k++)
			c->sums[k][i + 1] = c->sums[k][i] + values[k];
	}
	c->allocated = c->sums[SUM_ALLOC][s->nr];
	c->allocated_bytes = c->sums[SUM_ALLOC_BYTES][s->nr];
	c->gone = c->sums[SUM_GONE][s->nr];
	c->live = c->sums[SUM_LIVE][s->nr];
	c->live_bytes = c->sums[SUM_LIVE_BYTES][s->nr];
	c->growth = growth(c);
}

/* By what is left of each: a batch that is freed later is no step. */
static void read_steps(const struct verdict_course *s, size_t first, struct course *c)
{
	double sum = 0, largest = 0;

	for (size_t i = first; i < s->nr; i++) {
		sum += s->intervals[i].live_count;
		largest = fmax(largest, s->intervals[i].live_count);
	}
	c->largest_step = sum > 0 ? largest / sum : 1;
}

/* Of what a quarter of the time saw before: less than this is no work. */
static const double IDLE = 0.2;

static void read_quarters(struct course *c)
{
	for (int q = 0; q < 4; q++) {
		double from = q / 4.0, to = (q + 1) / 4.0;

		c->born[q] = between(c, SUM_ALLOC, from, to);
		c->survivors[q] = between(c, SUM_LIVE, from, to);
		c->minimum[q] = least(c, false, from, to);
	}
	c->idle = between(c, SUM_ACTIVE, 0.75, 1) < IDLE * between(c, SUM_ACTIVE, 0, 0.75) / 3;
	c->fluctuation = sqrt(fmax(fmin(c->minimum[3], c->gone), 0));
	c->still_rises = c->minimum[3] - c->minimum[2] >= 2 * c->fluctuation;
	c->allocated_first_half = c->born[0] + c->born[1];
	c->live_first_half = c->survivors[0] + c->survivors[1];
}

/* Of the rise over the whole time and over its second half the one that is offset less. */
static void read_offset(struct course *c)
{
	double whole = outstanding(c, at(c, 1)), second = whole - outstanding(c, at(c, 0.5));
	double unmatched = between(c, SUM_UNMATCHED, 0, 1);
	double unmatched_second = between(c, SUM_UNMATCHED, 0.5, 1);
	double last = whole - outstanding(c, at(c, 7 / 8.0));

	c->rise = second;
	c->unmatched = unmatched_second;
	if (whole > 0 && second > 0 && unmatched / whole < unmatched_second / second)
		c->unmatched = unmatched * second / whole;
	c->last_eighth = whole > 0 ? last / (whole / 8) : 0;
}

static void read_burst(const struct verdict_course *s, struct course *c)
{
	c->burst_seconds = INFINITY;
	for (size_t first = 0; first < s->nr; first++) {
		double sum = 0, begin = (double)first * s->interval;

		for (size_t last = first; last < s->nr; last++) {
			double length = interval_end(s, last) - begin;

			sum += s->intervals[last].live_bytes;
			if (sum < 0.8 * c->live_bytes)
				continue;
			if (length < c->burst_seconds) {
				c->burst_seconds = length;
				c->burst_begin = begin;
			}
			break;
		}
	}
}

/* Of the mean size of a live block; a number of blocks that rises is not swelling. */
static void read_swelling(struct course *c)
{
	double first_size = 0, first_count = 0, size_before = 0, bytes_before = 0;

	for (int i = 1; i < SWELL_WINDOWS; i++) {
		double from = (double)i / SWELL_WINDOWS, to = (i + 1.0) / SWELL_WINDOWS;
		double bytes = least(c, true, from, to), count = fmax(least(c, false, from, to), 1);
		double size = bytes / count;

		if (i == 1) {
			first_size = size;
			first_count = count;
		} else if (size <= size_before || bytes <= bytes_before ||
			   count > MORE_BLOCKS * first_count) {
			return;
		}
		size_before = size;
		bytes_before = bytes;
	}
	if (first_size > 0)
		c->swelling = size_before / first_size - 1;
}

void course_read(const struct verdict_course *s, struct course *c)
{
	size_t first = 0;

	memset(c, 0, sizeof(*c));
	c->site = s;
	c->blocks_seen = s->blocks_seen;
	c->now = s->now;
	read_sums(s, c);
	while (first < s->nr && s->intervals[first].alloc_count <= 0)
		first++;
	if (first == s->nr)
		return;
	c->nr = s->nr - first;
	c->begin = fmax((double)first * s->interval, s->begin);
	c->seconds = fmax(s->now - c->begin, 0);
	read_steps(s, first, c);
	read_quarters(c);
	read_offset(c);
	read_burst(s, c);
	read_swelling(c);
	if (c->live_bytes > 0)
		c->old_share = between(c, SUM_LIVE_BYTES, 0, 0.5) / c->live_bytes;
}

bool course_rises(const struct course *c)
{
	double rise = c->minimum[3] - c->minimum[1];

	if (!c->still_rises && c->old_share < SOME_OLD)
		return false;
	return rise >= fmax(fmax(3 * c->fluctuation, 0.1 * c->minimum[3]), 2);
}

bool course_swells(const struct course *c)
{
	static const double LEAST = 0.5;

	return c->nr >= 2 * SWELL_WINDOWS && c->gone >= 16 && c->swelling >= LEAST;
}

double course_shrinking(const struct course *c, int quarter, double *ret_error)
{
	double born = 0, survivors = 0, variance = 0, younger, ratio;

	for (int q = 0; q < quarter; q++) {
		born += c->born[q];
		survivors += c->survivors[q];
	}
	younger = c->survivors[quarter] / fmax(c->born[quarter], 1);
	ratio = younger > 0 ? survivors / fmax(born, 1) / younger : 1;
	/* Of a quotient of two binomial shares, by the delta method. */
	if (survivors > 0)
		variance += fmax(1 / survivors - 1 / fmax(born, 1), 0);
	if (younger > 0)
		variance += fmax((1 - younger) / c->survivors[quarter], 0);
	if (ret_error)
		*ret_error = ratio * sqrt(variance);
	return ratio;
}

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

static double interval_end(const struct verdict_course *s, size_t i)
{
	return fmin((double)(i + 1) * s->interval, fmax(s->now, (double)i * s->interval));
}

#define FIELD(member) offsetof(struct verdict_interval, member)

static double field(const struct verdict_interval *v, size_t offset)
{
	return *(const double *)((const char *)v + offset);
}

/* The sum of a field from the capture's begin to `time`. */
static double until(const struct verdict_course *s, size_t offset, double time)
{
	double sum = 0;

	for (size_t i = 0; i < s->nr; i++) {
		double begin = fmax((double)i * s->interval, i ? 0 : fmin(s->begin, s->interval));
		double end = interval_end(s, i), value = field(&s->intervals[i], offset);

		if (time >= end)
			sum += value;
		else if (time > begin)
			sum += value * (time - begin) / (end - begin);
	}
	return sum;
}

static double outstanding(const struct verdict_course *s, double time)
{
	return until(s, FIELD(alloc_count), time) - until(s, FIELD(gone_count), time);
}

static double outstanding_bytes(const struct verdict_course *s, double time)
{
	return until(s, FIELD(alloc_bytes), time) - until(s, FIELD(gone_bytes), time);
}

double course_growth(const struct verdict_course *s)
{
	double middle = (s->begin + s->now) / 2;

	if (s->now <= s->begin)
		return 0;
	return (outstanding_bytes(s, s->now) - outstanding_bytes(s, middle)) / (s->now - middle);
}

static double at(const struct course *c, double share)
{
	return c->begin + c->seconds * share;
}

static double between(const struct verdict_course *s, const struct course *c, size_t offset,
		      double from, double to)
{
	return until(s, offset, at(c, to)) - until(s, offset, at(c, from));
}

/* The least of 16 values within [from, to] of the time. */
static double least(const struct verdict_course *s, const struct course *c, bool bytes, double from,
		    double to)
{
	double minimum = INFINITY;

	for (int i = 1; i <= 16; i++) {
		double time = at(c, from + (to - from) * i / 16);

		minimum = fmin(minimum, bytes ? outstanding_bytes(s, time) : outstanding(s, time));
	}
	return minimum;
}

static void read_sums(const struct verdict_course *s, struct course *c)
{
	for (size_t i = 0; i < s->nr; i++) {
		const struct verdict_interval *v = &s->intervals[i];

		c->allocated += v->alloc_count;
		c->allocated_bytes += v->alloc_bytes;
		c->gone += v->gone_count;
		c->live += v->live_count;
		c->live_bytes += v->live_bytes;
	}
}

static void read_steps(const struct verdict_course *s, size_t first, struct course *c)
{
	double sum = 0, bytes = 0, largest = 0;

	for (size_t i = first; i < s->nr; i++) {
		const struct verdict_interval *v = &s->intervals[i];
		double step = v->alloc_count - v->gone_count;

		sum += step;
		bytes += v->alloc_bytes - v->gone_bytes;
		c->outstanding[i - first] = sum;
		c->outstanding_bytes[i - first] = bytes;
		largest = fmax(largest, step);
	}
	c->largest_step = sum > 0 ? largest / sum : 1;
}

static void read_quarters(const struct verdict_course *s, struct course *c)
{
	for (int q = 0; q < 4; q++) {
		double from = q / 4.0, to = (q + 1) / 4.0;

		c->born[q] = between(s, c, FIELD(alloc_count), from, to);
		c->survivors[q] = between(s, c, FIELD(live_count), from, to);
		c->minimum[q] = least(s, c, false, from, to);
	}
	c->allocated_first_half = c->born[0] + c->born[1];
	c->live_first_half = c->survivors[0] + c->survivors[1];
}

/* Of the rise over the whole time and over its second half the one that is offset less. */
static void read_offset(const struct verdict_course *s, struct course *c)
{
	double whole = outstanding(s, at(c, 1)), second = whole - outstanding(s, at(c, 0.5));
	double unmatched = between(s, c, FIELD(unmatched), 0, 1);
	double unmatched_second = between(s, c, FIELD(unmatched), 0.5, 1);
	double last = whole - outstanding(s, at(c, 7 / 8.0));

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

static void read_swelling(const struct verdict_course *s, struct course *c)
{
	double before = least(s, c, true, 1.0 / SWELL_WINDOWS, 2.0 / SWELL_WINDOWS), first = before;

	c->swelling = 0;
	for (int i = 2; i < SWELL_WINDOWS; i++) {
		double now =
			least(s, c, true, (double)i / SWELL_WINDOWS, (i + 1.0) / SWELL_WINDOWS);

		if (now <= before)
			return;
		before = now;
	}
	if (first > 0)
		c->swelling = before / first - 1;
}

void course_read(const struct verdict_course *s, struct course *c)
{
	size_t first = 0;

	memset(c, 0, sizeof(*c));
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
	read_quarters(s, c);
	read_offset(s, c);
	read_burst(s, c);
	read_swelling(s, c);
	if (c->live_bytes > 0)
		c->old_share = between(s, c, FIELD(live_bytes), 0, 0.5) / c->live_bytes;
}

bool course_rises(const struct course *c)
{
	double rise = c->minimum[3] - c->minimum[1];
	double noise = 3 * sqrt(fmax(fmin(c->minimum[3], c->gone), 0));

	return rise >= fmax(fmax(noise, 0.1 * c->minimum[3]), 2);
}

bool course_swells(const struct course *c)
{
	static const double LEAST = 0.5;

	return c->nr >= 2 * SWELL_WINDOWS && c->gone >= 16 && c->swelling >= LEAST;
}

double course_shrinking(const struct course *c, double *ret_error)
{
	double first = c->survivors[0] / fmax(c->born[0], 1);
	double second = c->survivors[1] / fmax(c->born[1], 1);
	double variance = 0, ratio = second > 0 ? first / second : 1;

	/* Of a quotient of two binomial shares, by the delta method. */
	for (int q = 0; q < 2; q++)
		if (c->survivors[q] > 0)
			variance += fmax(1 / c->survivors[q] - 1 / fmax(c->born[q], 1), 0);
	if (ret_error)
		*ret_error = ratio * sqrt(variance);
	return ratio;
}

double course_mann_kendall(const struct course *c)
{
	double n = (double)c->nr, s = 0, variance = n * (n - 1) * (2 * n + 5) / 18;

	for (size_t i = 0; i < c->nr; i++)
		for (size_t j = i + 1; j < c->nr; j++)
			s += (c->outstanding[j] > c->outstanding[i]) -
			     (c->outstanding[j] < c->outstanding[i]);
	return variance > 0 && s > 0 ? (s - 1) / sqrt(variance) : 0;
}

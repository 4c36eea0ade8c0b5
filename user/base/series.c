// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the rule by which a course of values is called rising.
 *
 * Memory goes up and down with collections, batches and load, so only troughs are judged: the
 * minima over twelve equal stretches of time. Mann-Kendall's test alone calls every warm-up, step
 * and many a slow wave a trend; a leak is what also goes on. So, of the minima:
 *   - Mann-Kendall's z is above 2.33 (one in a hundred by chance, were they independent);
 *   - Theil and Sen's slope over the second half is at least GOES_ON of the larger of that over
 *     the first half and over the whole, and over the last third at least STILL of the whole,
 *     each less what noise can do;
 *   - no single step makes more than STEP_SHARE of the rise (nor any two, more than TWO_STEPS);
 *   - the growth is larger than what it falls back by on the way.
 * A rise that fails the second is slowing, one that fails the third a step; one that fails the
 * last a fluctuation.
 *
 * The slope's interval is Sen's (1968, "Estimates of the regression coefficient based on
 * Kendall's tau"); the variance of Kendall's S that of Mann 1945 and Kendall 1975, with ties.
 */
#include "base/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 12, PAIRS = BLOCKS * (BLOCKS - 1) / 2 };

static const double SIGNIFICANT = 2.33, INTERVAL = 1.96;
static const double GOES_ON = 0.4, STILL = 0.3, STEP_SHARE = 0.6, TWO_STEPS = 0.85;

struct block {
	double time, value; /* of its lowest point */
};

/* Stretches without a point are left out. */
static size_t make_blocks(const struct series_point *points, size_t nr, struct block blocks[BLOCKS])
{
	double begin = points[0].time, length = (points[nr - 1].time - begin) / BLOCKS;
	size_t count = 0;
	int current = -1;

	for (size_t i = 0; i < nr; i++) {
		int index = (int)fmin((points[i].time - begin) / length, BLOCKS - 1);

		if (index != current) {
			current = index;
			blocks[count++] = (struct block){ points[i].time, points[i].value };
		} else if (points[i].value < blocks[count - 1].value) {
			blocks[count - 1] = (struct block){ points[i].time, points[i].value };
		}
	}
	return count;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values, size_t nr)
{
	qsort(values, nr, sizeof(*values), by_size);
	return nr % 2 ? values[nr / 2] : (values[nr / 2 - 1] + values[nr / 2]) / 2;
}

/* All slopes between two of the blocks, sorted; how many. */
static size_t slopes_of(const struct block *blocks, size_t nr, double slopes[PAIRS])
{
	size_t count = 0;

	for (size_t i = 0; i < nr; i++)
		for (size_t j = i + 1; j < nr; j++)
			if (blocks[j].time > blocks[i].time)
				slopes[count++] = (blocks[j].value - blocks[i].value) /
						  (blocks[j].time - blocks[i].time);
	qsort(slopes, count, sizeof(*slopes), by_size);
	return count;
}

static double slope_of(const struct block *blocks, size_t nr)
{
	double slopes[PAIRS] = { 0 };
	size_t count = slopes_of(blocks, nr, slopes);

	return count ? median(slopes, count) : 0;
}

/* Kendall's S, and its standard deviation were there no trend. */
static double kendall(const struct block *blocks, size_t nr, double *ret_deviation)
{
	double score = 0, n = (double)nr, variance = n * (n - 1) * (2 * n + 5);

	for (size_t i = 0; i < nr; i++) {
		double ties = 0;

		for (size_t j = 0; j < nr; j++) {
			if (j > i)
				score += (blocks[j].value > blocks[i].value) -
					 (blocks[j].value < blocks[i].value);
			ties += blocks[j].value == blocks[i].value;
		}
		/* Each member of a group of t takes its share of t(t-1)(2t+5). */
		variance -= (ties - 1) * (2 * ties + 5);
	}
	*ret_deviation = sqrt(fmax(variance, 0) / 18);
	return score;
}

static void set_interval(const struct block *blocks, size_t nr, double deviation,
			 struct series_trend *trend)
{
	double slopes[PAIRS] = { 0 };
	size_t count = slopes_of(blocks, nr, slopes);
	double away = INTERVAL * deviation;
	long low = lround(((double)count - away) / 2), high = lround(((double)count + away) / 2);

	if (!count)
		return;
	trend->slope_low = slopes[low < 0 ? 0 : low];
	trend->slope_high = slopes[high >= (long)count ? (long)count - 1 : high];
}

static double mean_of_ends(const struct block *blocks, size_t nr, bool last)
{
	size_t from = last ? nr - 2 : 0;

	return (blocks[from].value + blocks[from + 1].value) / 2;
}

/* Of the rise from the first block to the last, the largest steps; and how far it fell back. */
static void read_steps(const struct block *blocks, size_t nr, double *ret_largest, double *ret_two,
		       double *ret_fall)
{
	double largest = 0, second = 0, peak = blocks[0].value, fall = 0;

	for (size_t i = 1; i < nr; i++) {
		double step = blocks[i].value - blocks[i - 1].value;

		if (step > largest) {
			second = largest;
			largest = step;
		} else if (step > second) {
			second = step;
		}
		peak = fmax(peak, blocks[i].value);
		fall = fmax(fall, peak - blocks[i].value);
	}
	*ret_largest = largest;
	*ret_two = largest + second;
	*ret_fall = fall;
}

/* The standard deviation of one block about a smooth course, by its second differences. */
static double noise_of(const struct block *blocks, size_t nr)
{
	static const double MEDIAN_TO_DEVIATION = 1 / (0.6745 * 2.449);
	double bends[BLOCKS];
	size_t count = 0;

	for (size_t i = 1; i + 1 < nr; i++)
		bends[count++] =
			fabs(blocks[i + 1].value - 2 * blocks[i].value + blocks[i - 1].value);
	return count ? median(bends, count) * MEDIAN_TO_DEVIATION : 0;
}

/*
 * Does the second half, and the end of it, rise as the whole does? Noise is on the side of a rise:
 * that there is one has been shown by then.
 */
static bool goes_on(const struct block *blocks, size_t nr, const struct series_trend *trend)
{
	double stretch = trend->seconds / BLOCKS, noise = noise_of(blocks, nr);
	double fastest = fmax(slope_of(blocks, nr / 2), trend->slope);
	/* Of two means of two blocks, two stretches apart; of a slope through six. */
	double end = (mean_of_ends(blocks, nr, true) - mean_of_ends(blocks, nr - 2, true)) /
		     (2 * stretch);

	return trend->recent_slope + noise / stretch / 4 >= GOES_ON * fastest &&
	       end + noise / stretch / 2 >= STILL * trend->slope;
}

static enum series_shape shape_of(const struct block *blocks, size_t nr, double least,
				  const struct series_trend *trend)
{
	double rise = blocks[nr - 1].value - blocks[0].value, largest, two, fall;
	double noise = noise_of(blocks, nr);

	read_steps(blocks, nr, &largest, &two, &fall);
	if (trend->score < -SIGNIFICANT && trend->growth < -least)
		return SERIES_FALLING;
	if (trend->growth < least || rise <= 0)
		return SERIES_FLAT;
	if (largest - 2 * noise > STEP_SHARE * rise || two - noise > TWO_STEPS * rise)
		return fall < largest / 2 ? SERIES_STEP : SERIES_FLAT;
	if (trend->score < SIGNIFICANT || fall > trend->growth / 2)
		return SERIES_FLAT;
	return goes_on(blocks, nr, trend) ? SERIES_RISING : SERIES_SLOWING;
}

/* Most processes of a host do nothing: what follows would find zeros, at a hundred times the cost.
 */
static bool is_level(const struct block *blocks, size_t nr)
{
	for (size_t i = 1; i < nr; i++)
		if (blocks[i].value != blocks[0].value)
			return false;
	return true;
}

void series_judge(const struct series_point *points, size_t nr, double least,
		  struct series_trend *ret_trend)
{
	struct series_trend trend = { 0 };
	struct block blocks[BLOCKS];
	double deviation, score;
	size_t count;

	*ret_trend = trend;
	if (nr < SERIES_LEAST || !(points[nr - 1].time > points[0].time))
		return;
	trend.seconds = points[nr - 1].time - points[0].time;
	count = make_blocks(points, nr, blocks);
	/* Most of the time unseen: minima of so few stretches show nothing. */
	if (count < BLOCKS * 2 / 3)
		return;
	if (is_level(blocks, count)) {
		trend.shape = SERIES_FLAT;
		*ret_trend = trend;
		return;
	}
	score = kendall(blocks, count, &deviation);
	trend.score = deviation > 0 ? (score - (score > 0) + (score < 0)) / deviation : 0;
	trend.slope = slope_of(blocks, count);
	trend.recent_slope = slope_of(&blocks[count - count / 2], count / 2);
	trend.growth = mean_of_ends(blocks, count, true) - mean_of_ends(blocks, count, false);
	set_interval(blocks, count, deviation, &trend);
	trend.shape = shape_of(blocks, count, least, &trend);
	*ret_trend = trend;
}

bool series_time_to(const struct series_trend *trend, double room, double *ret_seconds,
		    double *ret_earliest, double *ret_latest)
{
	double slope = fmin(trend->slope, trend->recent_slope);

	if (trend->shape != SERIES_RISING || trend->slope <= 0)
		return false;
	/* What it does now counts, but not beyond what all of it bears out. */
	slope = fmax(slope, trend->slope_low);
	slope = fmax(slope, trend->slope / 4);
	*ret_seconds = room / slope;
	*ret_earliest = room / fmax(trend->slope_high, fmax(trend->recent_slope, slope));
	*ret_latest = trend->slope_low > 0 ? room / fmin(trend->slope_low, slope) : INFINITY;
	return true;
}

const char *series_shape_name(enum series_shape shape)
{
	static const char *const names[SERIES_SHAPES] = { "too short", "flat",	  "falling",
							  "rising",    "slowing", "step" };

	return shape < SERIES_SHAPES ? names[shape] : "unknown";
}

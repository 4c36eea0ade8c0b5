/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does a figure that is looked at again and again grow, and how fast? Pure statistics on points
 * of time and value; no distribution is assumed, and a few wild values change nothing.
 */
#ifndef SEEP_BASE_SERIES_H
#define SEEP_BASE_SERIES_H

#include <stdbool.h>
#include <stddef.h>

struct series_point {
	double time; /* seconds; never falling */
	double value;
};

enum series_shape {
	SERIES_TOO_SHORT = 0, /* fewer than SERIES_LEAST points, or all at one time */
	SERIES_FLAT, /* no more than it fluctuates, or less than the least that matters */
	SERIES_FALLING,
	SERIES_RISING, /* and it goes on rising */
	SERIES_SLOWING, /* it rose, and does so by less and less, or has stopped */
	SERIES_STEP, /* most of the rise came at once */
	SERIES_SHAPES,
};

enum { SERIES_LEAST = 12 };

struct series_trend {
	enum series_shape shape;
	double seconds; /* from first to last point */
	double growth; /* of the troughs: from the first blocks to the last ones */
	double slope; /* a second, of the troughs */
	double slope_low, slope_high; /* 95% of the chance lies between */
	double recent_slope; /* over the second half */
	double score; /* Mann-Kendall's z of the troughs */
};

/* `least`: a growth smaller than this does not matter. */
void series_judge(const struct series_point *points, size_t nr, double least,
		  struct series_trend *ret_trend);

/*
 * Seconds until a series with that trend has gone up by `room`, with an interval; the latest can
 * be INFINITY. False: it does not go on rising, so there is no such time.
 */
bool series_time_to(const struct series_trend *trend, double room, double *ret_seconds,
		    double *ret_earliest, double *ret_latest);

const char *series_shape_name(enum series_shape shape);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the verdicts: the figures of a site's course that they are made from. */
#ifndef SEEP_HEAP_COURSE_H
#define SEEP_HEAP_COURSE_H

#include "heap/verdict.h"

enum course_sum {
	SUM_ALLOC,
	SUM_ALLOC_BYTES,
	SUM_LIVE,
	SUM_LIVE_BYTES,
	SUM_GONE,
	SUM_GONE_BYTES,
	SUM_UNMATCHED,
	SUM_ACTIVE,
	COURSE_SUMS,
};

/* "The time" is that since the site's first allocation; counts are blocks. */
struct course {
	const struct verdict_course *site;
	double sums[COURSE_SUMS][PROFILE_COHORTS + 1]; /* of all intervals before the i-th */
	double begin, now, seconds; /* begin, now: since the capture began */
	size_t nr; /* intervals of the time */
	double blocks_seen;
	double allocated, allocated_bytes, gone;
	double growth; /* bytes a second over the second half of the capture */
	double live, live_bytes;
	double allocated_first_half, live_first_half; /* born in it; live: now */
	double born[4], survivors[4]; /* in each quarter; survivors: of those, live now */
	double minimum[4]; /* least outstanding count in each quarter */
	double fluctuation; /* one standard deviation of a count that does not rise */
	bool still_rises; /* by two of them in the last quarter */
	double rise; /* of the outstanding count over the second half */
	double last_eighth; /* rise in it, to an eighth of the rise over the time */
	double largest_step; /* share of the live blocks born in one interval: 0..1 */
	double unmatched; /* releases of older blocks, set against `rise` */
	bool idle; /* the process did next to nothing in the last quarter, unlike before */
	double old_share; /* of the live bytes, born in the first half */
	double burst_begin, burst_seconds; /* shortest stretch with 80% of the live bytes */
	double swelling; /* growth of the outstanding bytes since the first quarter */
};

void course_read(const struct verdict_course *site, struct course *ret_course);
bool course_rises(const struct course *course);
bool course_swells(const struct course *course);
/*
 * Survivors' share of the blocks born before the quarter (1 to 3) to that of the blocks born in
 * it; *ret_error (may be NULL) one standard error of it.
 */
double course_shrinking(const struct course *course, int quarter, double *ret_error);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks that are freed at one moment, all of a batch or of a generation of a cache, are not seen
 * to be freed unless a burst meets that moment. One burst or a thousand blocks that are gone at
 * once are one observation; at a duty of 2% a site that is emptied every second goes unseen for
 * a minute in three cases of ten, and one that is emptied every minute for hours. No statistic of
 * what bursts have seen tells it from a leak: what is not seen is the same.
 *
 * Resident memory has no gaps. Of a process that frees in lumps it falls with each of them, or
 * stays what it was, where the allocator keeps the pages and gives them out again. With a leak it
 * rises, and goes on rising, by what leaks. So this is the second witness: a leak that bursts
 * suggest is named if the troughs of resident memory rise by at least half as much, after what
 * larger leaks take of it is left for them; and if it is no trifle beside that rise, of which
 * anything might then be a part.
 */
#include "heap/burst_resident.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/vec.h"

static const double LEAST = 64 << 10; /* bytes; resident memory moves by as much by itself */
static const double BORNE_OUT = 0.5, TRIFLE = 0.1;
static const double GOES_ON = 0.25;
static const double ITSELF = 1.0001; /* its own claim is not a larger one, however it was rounded */
/* What allocators take for a block, at the most: a header and the next size that they have. */
static const double HEADER = 16, ROUNDED = 1.25;

struct claim {
	double rate, taken;
};

struct burst_resident {
	double rise; /* a second */
	struct claim *claims;
	size_t nr_claims, cap_claims;
};

struct burst_resident *burst_resident_new(const struct series_point *points, size_t nr)
{
	struct burst_resident *r = calloc(1, sizeof(*r));
	struct series_trend trend = { 0 };

	if (!r)
		return NULL;
	series_judge(points, nr, LEAST, &trend);
	/* A server that has less to do leaks less; what has warmed up does not go on at all. */
	if (trend.shape == SERIES_RISING ||
	    (trend.shape == SERIES_SLOWING && trend.recent_slope >= GOES_ON * trend.slope))
		r->rise = trend.slope;
	return r;
}

void burst_resident_free(struct burst_resident *r)
{
	if (!r)
		return;
	free(r->claims);
	free(r);
}

int burst_resident_claim(struct burst_resident *r, double rate, double size)
{
	struct claim *claim = vec_push(&r->claims, &r->nr_claims, &r->cap_claims);

	if (!claim)
		return -ENOMEM;
	claim->rate = rate;
	claim->taken = size > 0 ? rate * (ROUNDED + HEADER / size) : rate;
	return 0;
}

static int by_rate(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;

	return (a->rate < b->rate) - (a->rate > b->rate);
}

bool burst_resident_bears_out(struct burst_resident *r, double rate)
{
	double left = r->rise;

	if (r->nr_claims)
		qsort(r->claims, r->nr_claims, sizeof(*r->claims), by_rate);
	for (size_t i = 0; i < r->nr_claims && r->claims[i].rate > rate * ITSELF; i++)
		if (left >= BORNE_OUT * r->claims[i].rate)
			left -= r->claims[i].taken;
	return rate > 0 && left >= BORNE_OUT * rate && rate >= TRIFLE * r->rise;
}

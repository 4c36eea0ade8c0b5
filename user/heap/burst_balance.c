// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a process as a whole says of its sites. All that it allocates in the bursts, less all
 * that it releases in them, of whatever age and whether known or not, is what it grows by: no
 * free is missed in it, and no law of lifetimes is in it. It is of no one site. But a site
 * cannot leak more than its process grows by; and what the other sites cannot account for,
 * each taken at the upper end of its interval, must be of this one. So a leak can be told
 * whose blocks are too few, or too young, to tell by themselves.
 *
 * What the other sites may leak is, at the most, their blocks that are not known to be freed.
 * Most of these are of the last bursts: their addresses have not had the time to be met again.
 * However few they are, as many as stay that young hide a leak as large, for as long as it
 * takes to outgrow them. So the sum is made twice: over all bursts, and over those that have
 * been followed by a third of all the time traced, of whose blocks next to none is left.
 *
 * The blocks that are in use for a moment when a burst begins or ends are its error, as many where
 * little happens as where much does. So bursts are weighed by how much the process releases in
 * them: the share is what the process grew by to what the site allocated, both weighed so, with
 * an error from what is left over (White, 1980). To weigh by what is allocated would seem as good,
 * but finds growth where there is none: where more is allocated than usual, more is in use at
 * the end. Weighed by what is released, the same makes the share too small.
 *
 * What is released rarely and all at once (a batch, a collection of garbage) is not in it until
 * a burst has met such a moment. So it only speaks for sites of whose blocks next to none has
 * been seen freed, or its address given out again, since their burst; and what would have
 * made the process resident by far more than it is, is no leak (burst_verdict.c).
 */
#include "heap/bursts_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const double FREED_LATER = 0.02; /* of the site's blocks */
static const double FOLLOWED = 1.0 / 3; /* of the time traced */

size_t burst_followed(const struct burst_view *view)
{
	double after = 0, all = 0;
	size_t nr = view->bursts->nr;

	for (size_t i = 0; i < nr; i++)
		all += burst_length(view, i);
	while (nr && after < FOLLOWED * all)
		after += burst_length(view, --nr);
	return nr;
}

/* What the process grew by in each burst; NULL: nothing is known of it. */
static const struct flow *flow_of(const struct space_flow *space, uint32_t burst, size_t *next)
{
	while (*next < space->nr_flows && space->flows[*next].burst < burst)
		++*next;
	return *next < space->nr_flows && space->flows[*next].burst == burst ? &space->flows[*next]
									     : NULL;
}

static void fill_growth(struct burst_view *view, uint32_t space)
{
	const struct bursts *b = view->bursts;
	size_t next = 0;

	for (size_t i = 0; i < b->nr; i++) {
		const struct flow *flow = NULL;

		if (space < b->nr_spaces)
			flow = flow_of(&b->spaces[space], b->first + (uint32_t)i, &next);
		view->growth[i] = flow ? (double)flow->born - flow->released : 0;
		/* Where next to nothing is released bursts count by their length. */
		view->weight[i] = burst_length(view, i) + (flow ? flow->released : 0);
		view->most[i] = 0;
	}
}

/* How many of the blocks may leak. */
static double most_of(const struct site_births *births, double high)
{
	double freed = (double)births->own + births->late + births->reused;

	return fmin(high * births->born, (double)births->born - freed);
}

static int estimate_once(struct burst_view *view, uint32_t number, struct burst_share *ret)
{
	int err = 0;

	if (number >= view->bursts->nr_sites)
		return burst_estimate(view, number, ret);
	if (!view->known[number])
		err = burst_estimate(view, number, &view->shares[number]);
	view->known[number] = !err;
	if (!err)
		*ret = view->shares[number];
	return err;
}

int burst_view_space(struct burst_view *view, uint32_t space, const uint32_t *sites, size_t nr)
{
	const struct bursts *b = view->bursts;
	struct burst_share share;

	fill_growth(view, space);
	for (size_t i = 0; i < nr; i++) {
		const struct site_bursts *site = sites[i] < b->nr_sites ? &b->sites[sites[i]]
									: NULL;
		int err = estimate_once(view, sites[i], &share);

		if (err)
			return err;
		for (size_t k = 0; site && k < site->nr_births; k++)
			view->most[site->births[k].burst - b->first] +=
				most_of(&site->births[k], share.high);
	}
	return 0;
}

static double within(double value, double low, double high)
{
	return fmin(fmax(value, low), high);
}

/* What the process grew by to what the site allocated. */
struct slope {
	double value, error;
	double others; /* of it, what other sites may have leaked */
	double bursts; /* that it rests on: many short ones are few */
};

/* Whether the site allocated in the burst; *k follows in its list. */
static bool births_in(const struct burst_view *view, const struct site_bursts *site, size_t burst,
		      size_t *k)
{
	while (*k < site->nr_births && site->births[*k].burst < view->bursts->first + burst)
		++*k;
	return *k < site->nr_births && site->births[*k].burst == view->bursts->first + burst;
}

static struct slope slope_of(const struct burst_view *view, const struct site_bursts *site,
			     double high, size_t nr)
{
	double squares = 0, fourths = 0, allocated = 0, grown = 0, others = 0, left = 0;
	struct slope slope = { .error = INFINITY };

	for (size_t i = 0, k = 0; i < nr; i++) {
		double weight = view->weight[i], own_most = 0;

		if (births_in(view, site, i, &k)) {
			allocated += weight * site->births[k].born;
			own_most = most_of(&site->births[k], high);
		}
		squares += weight * weight;
		fourths += weight * weight * weight * weight;
		grown += weight * view->growth[i];
		others += weight * (view->most[i] - own_most);
	}
	if (allocated <= 0)
		return slope;
	slope.value = grown / allocated;
	slope.others = others / allocated;
	slope.bursts = squares * squares / fourths;
	for (size_t i = 0, k = 0; i < nr; i++) {
		double weight = view->weight[i];
		double born = births_in(view, site, i, &k) ? site->births[k].born : 0;
		double off = view->growth[i] - slope.value * born;

		left += weight * weight * fmax(off * off, 1);
	}
	if (slope.bursts > 1)
		slope.error = sqrt(left * slope.bursts / (slope.bursts - 1)) / allocated;
	return slope;
}

/* Raises the lower bounds to what the first `nr` bursts say of the site. */
static void raise_bounds(const struct burst_view *view, uint32_t number, size_t nr,
			 struct burst_share *share)
{
	struct slope slope = slope_of(view, &view->bursts->sites[number], share->high, nr);
	double low;

	if (!isfinite(slope.error))
		return;
	low = slope.value - slope.others - burst_student(1.96, slope.bursts) * slope.error;
	if (low > share->low)
		share->low = within(low, 0, share->high);
	low = slope.value - slope.others - burst_student(3.29, slope.bursts) * slope.error;
	if (low > share->surely)
		share->surely = within(low, 0, share->low);
}

/* The most that the process may have grown by: with two standard errors. */
static double growth_at_most(const struct burst_view *view)
{
	double sum = 0, time = 0, left = 0, nr = (double)view->bursts->nr;

	for (size_t i = 0; i < view->bursts->nr; i++) {
		sum += view->growth[i];
		time += burst_length(view, i);
	}
	for (size_t i = 0; i < view->bursts->nr; i++) {
		double off = view->growth[i] - sum * burst_length(view, i) / time;

		left += off * off;
	}
	return nr > 1 ? sum + 2 * sqrt(fmax(left, 1) * nr / (nr - 1)) : INFINITY;
}

int burst_view_share(struct burst_view *view, uint32_t number, struct burst_share *ret)
{
	int err = estimate_once(view, number, ret);

	ret->net_at_most = growth_at_most(view);
	if (err || !ret->born || ret->freed_later > FREED_LATER * (double)ret->born)
		return err;
	raise_bounds(view, number, view->bursts->nr, ret);
	raise_bounds(view, number, view->followed, ret);
	ret->share = within(ret->share, ret->low, ret->high);
	ret->enough = burst_is_enough(ret);
	return 0;
}

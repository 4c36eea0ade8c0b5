// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a process as a whole says of its sites. All that it allocates in the bursts, less all
 * that it releases in them, of whatever age and whether known or not, is what it grows by: no
 * free is missed in it, and no law of lifetimes is in it. It is of no one site. But a site
 * cannot leak more than its process grows by; and what the other sites cannot account for,
 * each taken at the upper end of its interval, must be of this one. So a leak can be told
 * whose blocks are too few, or too young, to tell by themselves.
 *
 * What is released rarely and all at once (a batch, a collection of garbage) is not in it until
 * a burst has met such a moment. So it only speaks for sites of whose blocks next to none has
 * been seen freed, or its address given out again, since their burst; and what would have
 * made the process resident by far more than it is, is no leak (burst_verdict.c).
 */
#include "heap/bursts_internal.h"

#include <math.h>

static const double FREED_LATER = 0.02; /* of the site's blocks */

struct balance {
	double net, error; /* blocks */
};

/* A leak is in proportion to the length of a burst; what differs from that is its error. */
static struct balance balance_of(const struct burst_view *view, uint32_t space)
{
	const struct bursts *b = view->bursts;
	double time = 0, unexplained = 0, nr = (double)b->nr;
	struct balance balance = { 0, INFINITY };
	const struct space_flow *flow;
	size_t next = 0;

	if (space >= b->nr_spaces || b->nr < 2)
		return balance;
	flow = &b->spaces[space];
	for (size_t i = 0; i < flow->nr_flows; i++)
		balance.net += (double)flow->flows[i].born - flow->flows[i].released;
	for (size_t i = 0; i < b->nr; i++)
		time += burst_length(view, i);
	for (size_t i = 0; i < b->nr; i++) {
		double off = -balance.net * burst_length(view, i) / time;

		if (next < flow->nr_flows && flow->flows[next].burst == b->first + i) {
			off += (double)flow->flows[next].born - flow->flows[next].released;
			next++;
		}
		unexplained += off * off;
	}
	balance.error = sqrt(fmax(unexplained, 1) * nr / (nr - 1));
	return balance;
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
	struct burst_share share;

	view->space = space;
	view->most = 0;
	for (size_t i = 0; i < nr; i++) {
		int err = estimate_once(view, sites[i], &share);

		if (err)
			return err;
		view->most += share.high * (double)share.born;
	}
	return 0;
}

static double within(double value, double low, double high)
{
	return fmin(fmax(value, low), high);
}

int burst_view_share(struct burst_view *view, uint32_t number, struct burst_share *ret)
{
	double z = burst_student(1.96, (double)view->bursts->nr);
	double surely = burst_student(3.29, (double)view->bursts->nr);
	struct balance balance = balance_of(view, view->space);
	double others, born, low;
	int err = estimate_once(view, number, ret);

	ret->net_at_most = balance.net + 2 * balance.error;
	if (err || !ret->born || ret->freed_later > FREED_LATER * (double)ret->born)
		return err;
	born = (double)ret->born;
	others = view->most - ret->high * born;
	low = (balance.net - z * balance.error - others) / born;
	if (low > ret->low)
		ret->low = within(low, 0, ret->high);
	low = (balance.net - surely * balance.error - others) / born;
	if (low > ret->surely)
		ret->surely = within(low, 0, ret->low);
	ret->share = within(ret->share, ret->low, ret->high);
	ret->enough = burst_is_enough(ret);
	return 0;
}

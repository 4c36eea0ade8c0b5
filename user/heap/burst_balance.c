// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a process as a whole says of its sites. All that it allocates in the bursts, less all
 * that it releases in them, of whatever age and whether known or not, is what it grows by: no
 * free is missed in it, and no law of lifetimes is in it. It is of no one site. But a site
 * cannot leak more than its process grows by; and what the other sites cannot account for,
 * each taken at the upper end of its interval, must be of this one. So a leak can be told
 * whose blocks are too few, or too young, to tell by themselves.
 */
#include "heap/bursts_internal.h"

#include <math.h>

struct balance {
	double net, error; /* blocks */
};

static struct balance balance_of(const struct bursts *b, uint32_t space)
{
	double sum = 0, square = 0, nr = (double)b->nr;
	struct balance balance = { 0, INFINITY };
	const struct space_flow *flow;

	if (space >= b->nr_spaces || b->nr < 2)
		return balance;
	flow = &b->spaces[space];
	for (size_t i = 0; i < flow->nr_flows; i++) {
		double net = (double)flow->flows[i].born - flow->flows[i].released;

		sum += net;
		square += net * net;
	}
	balance.net = sum;
	/* A leak makes long bursts differ from short ones: an upper bound of the error. */
	balance.error = sqrt(fmax(square - sum * sum / nr, 1) * nr / (nr - 1));
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
	struct balance balance = balance_of(view->bursts, view->space);
	double others, born, low;
	int err = estimate_once(view, number, ret);

	ret->net_at_most = balance.net + 2 * balance.error;
	if (err || !ret->born)
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

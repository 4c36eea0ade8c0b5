// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How much of what a site allocates leaks, when it is only traced in bursts.
 *
 * A block that is allocated in a burst and freed in one is seen to be freed; one that is freed
 * between two bursts is not, and looks like a leak. How much of the freed is missed depends
 * on the law of lifetimes, which is not known, and on when the bursts were, which is. Let
 * f(a) be the density of the age at which the site's blocks are freed, n_j what it allocated in
 * burst j, and k_j(a) the share of burst j's time that, the time a later, is in a burst again.
 * Then R(a) = sum of n_j k_j(a) blocks have been under observation at the age a, whether they
 * still lived or not, and f(a) R(a) of them are seen to be freed at that age: exactly, for
 * whatever f, as long as lifetimes do not depend on when the bursts are. So each free that is
 * seen at the age a stands for 1 / R(a) of all frees (the inverse of the chance to be seen,
 * as Horvitz and Thompson, 1952, weigh a sample), and
 *
 *   share not freed within A  =  1 - sum over frees seen, of an age below A, of 1 / R(age)
 *
 * There is no hazard in it and no survival curve: these need to know who is still at risk,
 * and just that is not known of a block which may have died unseen. The rule of thumb that at a
 * duty of d one sees d of the frees is the special case of R(a) = d N, which holds for ages
 * far above the pause. At ages below, and for lifetimes that are all alike, it is wrong by any
 * factor; therefore bursts and pauses are drawn at random over a wide range (burst_plan.h),
 * so that every age is observed sooner or later, and R(a) is counted, not assumed.
 *
 * Ages that few pairs of bursts have observed are pooled until at least PAIRS have, up to a
 * factor of two. Its error comes from the bursts, not from the blocks: blocks of one burst, and
 * of neighbouring ones, share their fate (a request, a batch). So the influence of each group
 * of neighbouring bursts on the sum is squared and summed (the "sandwich" of clustered data),
 * with Student's factor for few groups. Blocks that are freed all at once share their fate too,
 * however far apart they were born: it is as uncertain as late frees are unevenly spread over the
 * bursts that met them. Where
 * nothing was seen freed that is nought, and the rule of three takes its place: with the
 * least that R is on average over any doubling of the age. What it rests on is that lifetimes
 * of a site are spread over more than one instant. They need not be, and no burst may have met such
 * an instant: so the lower bounds hold only if resident memory bears them out (burst_resident.c),
 * or if so much was traced that lumps would have been met; burst_settle takes them back where not.
 *
 * Addresses know more. An allocator that returns an address again proves that the block that
 * was there has been freed unseen: the share cannot be higher than that of the blocks not
 * proven free. Yet one freed between bursts may be handed out, and be freed by its next owner
 * in a later burst: then that release is taken for its own, and weighs far too much. Where
 * allocators reuse addresses briskly most late frees are such, and the sum above says only
 * that the share is not large. There another estimate serves: of the addresses that the site's
 * own blocks were freed at, and that were free at the end of a burst (controls), a share rho
 * is met again later on. Freed blocks are met as surely as these, so x met among C that lived
 * at the end of their burst mean that x / rho were freed.
 *
 * Last, what a process allocates less what it releases, both as seen in the bursts, is what it
 * grows by, whatever is missed in between and of whatever age: burst_balance.c.
 */
#include "heap/bursts_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum { PAIRS = 8, FEWEST_BURSTS = 5, FEWEST_BLOCKS = 16, FEWEST_CONTROLS = 20 };

/* 95%: two sided normal, and no event seen (one side, 2.5%). 99.95%: one side. */
static const double Z = 1.96, NONE_SEEN = 3.7;
static const double Z_SURELY = 3.29, NONE_SEEN_SURELY = 7.6;
static const double CONTROLS_MET = 0.8; /* where fewer are, they say little */

static const float *coverage_of(const struct burst_view *view, size_t burst)
{
	return view->coverage + burst * AGES;
}

/* Ages pooled into one. */
struct pool {
	unsigned int first, last; /* last is not of it */
	double observed; /* R, on average over its ages */
	double freed; /* seen */
};

/* One site's estimate under way. */
struct estimate {
	const struct burst_view *view;
	const struct site_bursts *site;
	uint32_t offset; /* of the number of a burst to its index */
	unsigned int ages; /* below the horizon */
	double observed[AGES];
	struct pool pools[AGES];
	size_t nr_pools;
	uint8_t pool_of[AGES];
	double *influence; /* by index in births */
	double born, own, late, reused;
	double own_late; /* of late frees, how many are of the site's blocks: 0 to 1 */
	double own_late_error;
	double freed, error; /* as shares */
	double freed_late; /* of freed, seen in later bursts */
	double at_most; /* share that leaks, by frees in the burst of birth alone */
};

static double pooled(const struct estimate *e, const double *values, unsigned int first,
		     unsigned int last)
{
	double sum = 0;

	for (unsigned int age = first; age < last; age++)
		sum += values[age] * (age_edge(age + 1) - age_edge(age));
	return sum / (age_edge(last) - age_edge(first));
}

static double pooled_coverage(const float *coverage, const struct pool *pool)
{
	double sum = 0;

	for (unsigned int age = pool->first; age < pool->last; age++)
		sum += coverage[age] * (age_edge(age + 1) - age_edge(age));
	return sum / (age_edge(pool->last) - age_edge(pool->first));
}

static void add_up(struct estimate *e)
{
	for (size_t i = 0; i < e->site->nr_births; i++) {
		const struct site_births *births = &e->site->births[i];
		const float *coverage = coverage_of(e->view, births->burst - e->offset);

		e->born += births->born;
		e->own += births->own;
		e->late += births->late;
		e->reused += births->reused;
		for (unsigned int age = 0; age < e->ages; age++)
			e->observed[age] += births->born * (double)coverage[age];
	}
}

/*
 * Of an address that was free at the end of a burst, the next that is seen is that it is given
 * out, or that it is freed by an owner unseen. The odds are those of the site's own blocks
 * that died unseen; those met as given out are known (reused).
 */
static void find_strangers(struct estimate *e)
{
	double taken = 0, freed = 0, odds, strangers, error;

	for (size_t i = 0; i < e->site->nr_births; i++) {
		taken += e->site->births[i].controls_taken;
		freed += e->site->births[i].controls_freed;
	}
	if (taken + freed < FEWEST_CONTROLS) {
		taken = (double)e->view->bursts->controls_taken;
		freed = (double)e->view->bursts->controls_freed;
	}
	e->own_late = 1;
	if (e->late <= 0 || e->reused <= 0 || taken + freed <= 0)
		return;
	odds = freed / fmax(taken, 1);
	strangers = odds * e->reused;
	/* Of a quotient of counts, each three times as uncertain as if they came alone. */
	error = strangers * sqrt(3 / fmax(freed, 1) + 3 / fmax(taken, 1) + 3 / e->reused);
	e->own_late = fmax(1 - strangers / e->late, 0);
	e->own_late_error = error / e->late;
}

static void pool_ages(struct estimate *e)
{
	double share = (double)e->site->nr_births / (double)e->view->bursts->nr;
	unsigned int age = 0;

	while (age < e->ages) {
		struct pool *pool = &e->pools[e->nr_pools];
		double pairs = 0, observed = 0;

		pool->first = age;
		do {
			pairs += e->view->pairs[age] * share;
			observed += e->observed[age];
			e->pool_of[age++] = (uint8_t)e->nr_pools;
		} while (age < e->ages &&
			 (observed <= 0 ||
			  (pairs < PAIRS &&
			   age_edge(age + 1) < 2 * fmax(age_edge(pool->first), 1))));
		pool->last = age;
		pool->observed = pooled(e, e->observed, pool->first, pool->last);
		e->nr_pools++;
	}
	/* What was never observed at the end joins what was. */
	while (e->nr_pools > 1 && e->pools[e->nr_pools - 1].observed <= 0) {
		struct pool *pool = &e->pools[--e->nr_pools - 1];

		pool->last = e->pools[e->nr_pools].last;
		pool->observed = pooled(e, e->observed, pool->first, pool->last);
		for (unsigned int i = pool->first; i < pool->last; i++)
			e->pool_of[i] = (uint8_t)(e->nr_pools - 1);
	}
}

static size_t births_index(const struct site_bursts *site, uint32_t burst)
{
	size_t low = 0, high = site->nr_births;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (site->births[middle].burst < burst)
			low = middle + 1;
		else
			high = middle;
	}
	return low < site->nr_births && site->births[low].burst == burst ? low : SIZE_MAX;
}

/* With those of later bursts, or only those in the burst of birth. */
static void weigh_deaths(struct estimate *e, bool late)
{
	for (size_t i = 0; i < e->site->nr_deaths; i++) {
		const struct site_deaths *deaths = &e->site->deaths[i];
		size_t births = births_index(e->site, deaths->burst);
		struct pool *pool;
		double count;

		if (deaths->age >= e->ages || births == SIZE_MAX || (deaths->late && !late))
			continue;
		pool = &e->pools[e->pool_of[deaths->age]];
		if (pool->observed <= 0)
			continue;
		count = deaths->count * (deaths->late ? e->own_late : 1);
		pool->freed += count;
		e->freed += count / pool->observed;
		e->influence[births] += count / pool->observed;
		if (deaths->late)
			e->freed_late += deaths->count / pool->observed;
	}
}

/* Neighbours make up one: at least MANY where there are so many bursts, at most twice as many. */
static size_t nr_groups(const struct estimate *e)
{
	enum { MANY = 10, NEIGHBOURS = 4 };
	size_t nr = e->site->nr_births, groups = nr / NEIGHBOURS;

	if (nr < MANY)
		return nr;
	return groups < MANY ? MANY : groups > 2 * MANY ? 2 * MANY : groups;
}

/* Of what was freed late: how far the bursts that met it are from having each met its part. */
static double lumpiness(const struct estimate *e)
{
	const struct site_bursts *site = e->site;
	double time = 0, sum = 0;

	for (size_t i = 0; i < e->view->bursts->nr; i++)
		time += burst_length(e->view, i);
	for (size_t i = 0, k = 0; i < e->view->bursts->nr; i++) {
		double part = e->late * burst_length(e->view, i) / time, met = 0;

		while (k < site->nr_met && site->met[k].burst < e->offset + i)
			k++;
		if (k < site->nr_met && site->met[k].burst == e->offset + i)
			met = site->met[k].count;
		sum += (met - part) * (met - part);
	}
	return e->late > 0 ? sqrt(sum) / e->late : 0;
}

static void weigh_errors(struct estimate *e)
{
	double nr = (double)nr_groups(e), sum = 0, group = 0;
	size_t of, last = 0;

	for (size_t i = 0; i < e->site->nr_births; i++) {
		const struct site_births *births = &e->site->births[i];
		const float *coverage = coverage_of(e->view, births->burst - e->offset);

		for (size_t p = 0; p < e->nr_pools; p++) {
			const struct pool *pool = &e->pools[p];

			if (pool->freed > 0)
				e->influence[i] -= births->born * pooled_coverage(coverage, pool) *
						   pool->freed / (pool->observed * pool->observed);
		}
		of = i * nr_groups(e) / e->site->nr_births;
		if (of != last) {
			sum += group * group;
			group = 0;
			last = of;
		}
		group += e->influence[i];
	}
	sum += group * group;
	sum = fmax(sqrt(sum * nr / fmax(nr - 1, 1)), e->freed_late * lumpiness(e));
	e->error = nr > 1 ? hypot(sum, e->freed_late * e->own_late_error) : 1;
}

/*
 * Frees in later bursts can only make the share smaller. They are few, weigh much, and may be
 * of strangers; without them the share is bounded from above by what is surely its own.
 */
static void weigh(struct estimate *e)
{
	double nr = (double)nr_groups(e);

	weigh_deaths(e, false);
	weigh_errors(e);
	e->at_most = 1 - e->freed + burst_student(Z, nr) * e->error;
	for (size_t i = 0; i < e->nr_pools; i++)
		e->pools[i].freed = 0;
	memset(e->influence, 0, e->site->nr_births * sizeof(*e->influence));
	e->freed = 0;
	weigh_deaths(e, true);
	weigh_errors(e);
}

/* What one free weighs at the ages that were observed least, on average over a doubling. */
static double heaviest(const struct estimate *e)
{
	double least = INFINITY;

	for (unsigned int first = 1; first < e->ages; first++) {
		unsigned int last = first;

		while (last < e->ages && age_edge(last) < 2 * age_edge(first))
			last++;
		if (age_edge(last) < 2 * age_edge(first))
			break;
		least = fmin(least, pooled(e, e->observed, first, last));
	}
	return least > 0 && isfinite(least) ? 1 / least : 1;
}

static double clamp(double value, double low, double high)
{
	return fmin(fmax(value, low), high);
}

/* From frees that were seen, by their age. */
static void share_by_age(const struct estimate *e, struct burst_share *ret)
{
	double nr = (double)nr_groups(e), most = (e->born - e->own - e->late - e->reused) / e->born;
	double heavy = heaviest(e), share = 1 - e->freed, gap = e->freed * e->born - e->own;
	double unseen = hypot(e->error, e->late + e->reused > 0 ? heavy : 0);

	ret->share = clamp(share, 0, most);
	ret->high = clamp(share + burst_student(Z, nr) * unseen, ret->share, most);
	ret->low = share - hypot(burst_student(Z, nr) * e->error, NONE_SEEN * heavy);
	ret->surely =
		share - hypot(burst_student(Z_SURELY, nr) * e->error, NONE_SEEN_SURELY * heavy);
	/* More are known to be freed than that tells: they are freed where nothing observes. */
	if (e->reused + e->late > gap + 2 * hypot(e->born * e->error, sqrt(e->reused)))
		ret->low = ret->surely = 0;
	ret->low = clamp(ret->low, 0, ret->share);
	ret->surely = clamp(ret->surely, 0, ret->low);
}

/* The same, of the blocks that have been followed for at least the horizon. */
struct followed {
	double bursts, born, carried, met, met_error;
	double controls, controls_seen;
};

static void follow(const struct estimate *e, struct followed *f)
{
	double oldest = e->view->now - age_edge(e->ages);

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < e->site->nr_births; i++) {
			const struct site_births *b = &e->site->births[i];
			double carried = (double)b->born - b->own,
			       met = (double)b->late + b->reused;
			uint32_t number = (uint32_t)(e->site - e->view->bursts->sites);
			uint64_t left = 0;

			if (e->view->bursts->items[b->burst - e->offset].begin > oldest)
				break;
			if (pass) {
				double off = met - carried * f->met / fmax(f->carried, 1);

				f->met_error += off * off;
				continue;
			}
			hashmap_get(e->view->controls, control_value(number, b->burst), &left);
			f->bursts++;
			f->born += b->born;
			f->carried += carried;
			f->met += met;
			f->controls += b->controls_taken + b->controls_freed + (double)left;
			f->controls_seen += b->controls_taken + b->controls_freed;
		}
	f->met_error = sqrt(f->met_error + 1);
}

/* From addresses that were met again. False where there is too little to go by. */
static bool share_by_address(const struct estimate *e, struct burst_share *ret)
{
	struct followed f = { 0 };
	double rho, rho_error, share, error, most;

	follow(e, &f);
	rho = f.controls_seen / fmax(f.controls, 1);
	if (f.bursts < FEWEST_BURSTS || f.controls < FEWEST_CONTROLS || rho < CONTROLS_MET)
		return false;
	/* Controls of one burst are met together: they count as two thirds fewer. */
	rho_error = sqrt(fmax(rho * (1 - rho), 1 / f.controls) / f.controls * 3);
	share = (f.carried - f.met / rho) / f.born;
	error = hypot(f.met_error / rho, f.met / rho * rho_error / rho) / f.born;
	most = clamp((f.carried - f.met + Z * f.met_error) / f.born, 0, 1);
	ret->share = clamp(share, 0, most);
	ret->low = clamp(share - burst_student(Z, f.bursts) * error, 0, ret->share);
	ret->surely = clamp(share - burst_student(Z_SURELY, f.bursts) * error, 0, ret->low);
	ret->high = clamp(share + burst_student(Z, f.bursts) * error, ret->share, most);
	return true;
}

/* What it says is of some use. */
bool burst_is_enough(const struct burst_share *share)
{
	static const double NARROW = 0.5, SMALL = 0.05;

	return share->bursts >= FEWEST_BURSTS && share->born >= FEWEST_BLOCKS &&
	       (share->high - share->low <= NARROW || share->surely > 0) &&
	       (share->low > 0 || share->high <= SMALL || share->high - share->low <= NARROW / 2);
}

/* Moments that come every P seconds are all missed with (1 - duty)^(time / P). */
static double lumps_within(const struct burst_view *view)
{
	static const double HUNDREDTH = 4.605;
	double time = view->now - (double)view->bursts->items[0].begin, traced = 0;

	for (size_t i = 0; i < view->bursts->nr; i++)
		traced += burst_length(view, i);
	if (time <= 0)
		return 0;
	return fmin(-log(fmax(1 - traced / time, 1e-6)) / HUNDREDTH, 0.5) * time / 1000;
}

static void conclude(struct estimate *e, struct burst_share *ret)
{
	add_up(e);
	find_strangers(e);
	pool_ages(e);
	weigh(e);
	ret->horizon = age_edge(e->ages) / 1000;
	ret->lumps_within = lumps_within(e->view);
	ret->bursts = e->site->nr_births;
	ret->born = (uint64_t)e->born;
	ret->freed_later = (uint64_t)(e->late + e->reused);
	ret->unproven = (uint64_t)(e->born - e->own - e->late - e->reused);
	if (!share_by_address(e, ret))
		share_by_age(e, ret);
	ret->high = fmax(fmin(ret->high, e->at_most), ret->share);
	ret->enough = burst_is_enough(ret);
}

int burst_estimate(const struct burst_view *view, uint32_t number, struct burst_share *ret)
{
	const struct bursts *b = view->bursts;
	const struct site_bursts *site = number < b->nr_sites ? &b->sites[number] : NULL;
	uint32_t first;
	struct estimate *e;

	memset(ret, 0, sizeof(*ret));
	ret->high = 1;
	if (!site || !site->nr_births)
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->view = view;
	e->site = site;
	e->offset = b->first;
	e->influence = calloc(site->nr_births, sizeof(*e->influence));
	if (!e->influence) {
		free(e);
		return -ENOMEM;
	}
	first = b->items[site->births[0].burst - b->first].begin;
	e->ages = age_of((view->now > first ? view->now - first : 0) / 2);
	if (e->ages)
		conclude(e, ret);
	free(e->influence);
	free(e);
	return 0;
}

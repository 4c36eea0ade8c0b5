// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the row of a site in a profile: its figures, its cohorts and its verdict. A row may
 * be the sum of many sites.
 */
#include "heap/filling.h"

#include "base/vec.h"
#include "heap/burst_verdict.h"
#include "heap/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t round_count(const struct filling *f, uint64_t count)
{
	return (count + f->heap->count_one / 2) / f->heap->count_one;
}

int filling_add_figures(const struct filling *f, uint32_t number, struct profile_site *row)
{
	const struct site *site = sites_at(f->heap->sites, number);
	const struct space *space = spaces_at(f->heap->spaces, site->key.space);
	const struct tally *tally = tallies_at(f->tallies, number);
	uint64_t alloc_bytes = 0, alloc_count = 0, live_bytes = 0, live_count = 0;
	double interval = filling_seconds(sites_interval(f->heap->sites)),
	       end = filling_seconds(filling_end_of(f, space));

	if (!row->cohorts) {
		row->cohorts = calloc(f->nr_cohorts, sizeof(*row->cohorts));
		if (!row->cohorts)
			return -ENOMEM;
		row->nr_cohorts = f->nr_cohorts;
	}
	for (uint32_t i = 0; i < f->nr_cohorts; i++) {
		const struct cohort *c = &site->cohorts[i];
		struct profile_cohort *to = &row->cohorts[i];
		struct tally_cohort live = tallies_live(f->tallies, number, i);

		to->begin = i * interval;
		to->end = fmin((i + 1) * interval, fmax(filling_seconds(f->now), to->begin));
		to->alloc_bytes += c->alloc_bytes;
		to->alloc_count += round_count(f, c->alloc_count);
		to->live_bytes += live.bytes;
		to->live_count += round_count(f, live.count);
		alloc_bytes += c->alloc_bytes;
		alloc_count += c->alloc_count;
		live_bytes += c->live_bytes;
		live_count += c->live_count;
	}
	row->alloc_bytes += alloc_bytes;
	row->alloc_count += round_count(f, alloc_count);
	row->free_bytes += alloc_bytes - live_bytes - site->evicted_bytes;
	row->free_count += round_count(f, alloc_count - live_count - site->evicted_count);
	row->live_bytes += tally->live_bytes;
	row->live_count += round_count(f, tally->live_count);
	if (tally->largest > row->largest)
		row->largest = tally->largest;
	if (tally->seen)
		row->oldest_seconds =
			fmax(row->oldest_seconds, end - filling_seconds(tally->oldest));
	/* Variances until finish_row. */
	row->live_bytes_error += tally->bytes_variance;
	row->live_count_error += tally->count_variance;
	return 0;
}

/* What it holds when it is killed for want of memory it has not been given time to free. */
static bool was_killed(const struct filling *f, uint32_t space)
{
	uint32_t process = f->process_of[space];

	return process != PROFILE_NONE && f->profile->processes[process].oom_killed;
}

static void judge(const struct filling *f, const uint32_t *numbers, size_t nr, struct verdict *ret)
{
	static const char *const units[LAYER_COUNT] = {
		[LAYER_BLOCKS] = "block",
		[LAYER_MAPPINGS] = "mapping",
		[LAYER_HANDLES] = "handle",
	};
	const struct site *site = sites_at(f->heap->sites, numbers[0]);
	struct space *space = spaces_at(f->heap->spaces, site->key.space);
	double one = f->heap->count_one;
	struct verdict_course course = {
		.interval = filling_seconds(sites_interval(f->heap->sites)),
		.begin = filling_seconds(space->begin),
		.now = filling_seconds(filling_end_of(f, space)),
		.ended = space->ended && !was_killed(f, site->key.space),
		.unit = units[site_layer(site)],
		.nr = f->nr_cohorts,
	};

	space_merge(space, sites_doublings(f->heap->sites));
	for (uint32_t i = 0; i < f->nr_cohorts; i++)
		course.intervals[i].unmatched = space->unmatched[i];
	for (uint32_t i = 0; i < f->nr_cohorts; i++)
		course.intervals[i].active = f->activity[i];
	for (size_t n = 0; n < nr; n++) {
		site = sites_at(f->heap->sites, numbers[n]);
		course.evicted_count += site->evicted_count / one;
		for (uint32_t i = 0; i < f->nr_cohorts; i++) {
			struct verdict_interval *to = &course.intervals[i];
			const struct cohort *c = &site->cohorts[i];

			to->alloc_bytes += c->alloc_bytes;
			to->alloc_count += c->alloc_count / one;
			to->live_bytes += c->live_bytes;
			to->live_count += c->live_count / one;
			to->gone_bytes += c->gone_bytes;
			to->gone_count += c->gone_count / one;
			/* The dips of several sites may come one after the other. */
			to->dip = nr == 1 ? c->dip / one : 0;
		}
		course.blocks_seen += tallies_at(f->tallies, numbers[n])->seen;
	}
	verdict_site(&course, ret);
}

/* Bytes a second that the site allocates, in blocks of the size of those not known to be freed. */
static double burst_rate(const struct filling *f, uint32_t number, const struct burst_share *share,
			 double *ret_size)
{
	double seconds = fmax((double)bursts_traced(f->heap->bursts) / 1000, 0.001);
	const struct tally *tally = tallies_at(f->tallies, number);

	*ret_size = 0;
	if (tally->live_count)
		*ret_size =
			(double)tally->live_bytes / (double)tally->live_count * f->heap->count_one;
	return (double)share->born * *ret_size / seconds;
}

static struct series_point *resident_of(const struct space *space, size_t *ret_nr)
{
	struct series_point *points = calloc(space->nr_points + 1, sizeof(*points));

	*ret_nr = 0;
	for (size_t i = 0; points && i < space->nr_points; i++)
		if (space->points[i].rss_bytes)
			points[(*ret_nr)++] = (struct series_point){
				filling_seconds(space->points[i].time),
				(double)space->points[i].rss_bytes,
			};
	return points;
}

int filling_weigh_resident(struct filling *f, const struct space *space, const uint32_t *sites,
			   size_t nr)
{
	size_t nr_points;
	struct series_point *points = resident_of(space, &nr_points);
	int err = 0;

	burst_resident_free(f->resident);
	f->resident = points ? burst_resident_new(points, nr_points) : NULL;
	free(points);
	if (!f->resident)
		return -ENOMEM;
	for (size_t i = 0; i < nr && !err; i++) {
		struct burst_share share;
		double size, rate;

		err = burst_view_share(f->bursts, sites[i], &share);
		if (err || !burst_leaks(&share))
			continue;
		rate = burst_rate(f, sites[i], &share, &size);
		err = burst_resident_claim(f->resident, share.share * rate, size);
	}
	return err;
}

/* One site of allocators that were traced in bursts. 0 or -ENOMEM. */
static int judge_bursts(const struct filling *f, uint32_t number, struct profile_site *row,
			struct verdict *ret)
{
	const struct space *space =
		spaces_at(f->heap->spaces, sites_at(f->heap->sites, number)->key.space);
	struct burst_growth growth = { 0 };
	struct burst_share share;
	double size;
	int err = burst_view_share(f->bursts, number, &share);

	if (err)
		return err;
	growth.bytes = burst_rate(f, number, &share, &size);
	if (space->nr_points && space->rss_first)
		growth.seconds = filling_seconds(space->points[space->nr_points - 1].time) -
				 filling_seconds(space->points[0].time);
	growth.resident = (double)space->rss_last - (double)space->rss_first;
	growth.borne_out = burst_resident_bears_out(f->resident, share.share * growth.bytes);
	burst_settle(&share, &growth);
	row->leak_share = share.share;
	row->leak_share_low = share.low;
	row->leak_share_high = share.high;
	row->leak_bursts = share.bursts;
	verdict_bursts(&share, &growth, ret);
	return 0;
}

static void judge_sum_of_bursts(struct verdict *ret)
{
	*ret = (struct verdict){ .verdict = VERDICT_TOO_LITTLE_DATA };
	snprintf(ret->evidence, sizeof(ret->evidence),
		 "a sum of sites that were traced in bursts.");
}

static const char *name_of(const char *(*name)(void *, uint8_t), void *context, uint8_t number)
{
	const char *text = name ? name(context, number) : NULL;

	return text ? text : "unknown";
}

static void add_waiting(struct filling *f, enum site_layer layer, const struct verdict *verdict)
{
	if (layer != LAYER_BLOCKS || verdict->waiting_rise <= 0)
		return;
	f->waiting.rise += verdict->waiting_rise;
	f->waiting.offset = fmax(f->waiting.offset, verdict->waiting_offset);
	f->waiting.rate += verdict->growth_rate;
	f->waiting.sites++;
}

static int finish_row(const struct filling *f, const struct site *site,
		      const struct verdict *verdict, struct profile_site *row)
{
	const struct heap_naming *n = f->naming;
	bool others = row->id > UINT32_MAX, mapping = site->key.family == SEEP_FAMILY_MAPPING;
	const char *operation = "other sites";

	row->live_bytes_error = sqrt(row->live_bytes_error);
	row->live_count_error = sqrt(row->live_count_error);
	row->growth_rate = verdict->growth_rate;
	row->verdict = verdict->verdict;
	row->evidence = profile_string(f->profile, verdict->evidence);
	if (!others)
		operation = mapping ? "mmap" : name_of(n->operation_name, n->context, site->key.op);
	row->family = profile_string(
		f->profile, mapping && !n->family_name
				    ? "mapping"
				    : name_of(n->family_name, n->context, site->key.family));
	row->operation = profile_string(f->profile, operation);
	return row->evidence && row->family && row->operation ? 0 : -ENOMEM;
}

int filling_add_row(struct filling *f, const uint32_t *numbers, size_t nr, bool others)
{
	const struct site *site = sites_at(f->heap->sites, numbers[0]);
	uint64_t layer = site_layer(site);
	struct space *space = spaces_at(f->heap->spaces, site->key.space);
	struct profile *p = f->profile;
	struct profile_site *row;
	struct verdict verdict;
	int err = 0;

	row = vec_push(&p->sites, &p->nr_sites, &p->cap_sites);
	if (!row)
		return -ENOMEM;
	row->id = others ? ((1 + layer) << 32) + site->key.space : numbers[0];
	row->process = f->process_of[site->key.space];
	row->stack = PROFILE_NONE;
	row->family = row->operation = "";
	if (!others) {
		row->tid = site->key.tid;
		if (site->key.stack && f->naming->add_stack)
			row->stack = f->naming->add_stack(f->naming->context, space->id,
							  site->key.stack, p);
	}
	for (size_t i = 0; i < nr && !err; i++)
		err = filling_add_figures(f, numbers[i], row);
	if (err)
		return err;
	if (!f->bursts || site_layer(site) == LAYER_MAPPINGS)
		judge(f, numbers, nr, &verdict);
	else if (others)
		judge_sum_of_bursts(&verdict);
	else
		err = judge_bursts(f, numbers[0], row, &verdict);
	if (err)
		return err;
	add_waiting(f, site_layer(site), &verdict);
	return finish_row(f, site, &verdict, row);
}

enum site_layer filling_layer(const struct filling *f, const struct profile_site *row)
{
	/* Ids are numbers of sites, or carry the layer: see filling_add_row. */
	if (row->id > UINT32_MAX)
		return (enum site_layer)((row->id >> 32) - 1);
	return site_layer(sites_at(f->heap->sites, (uint32_t)row->id));
}

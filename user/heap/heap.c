// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the tables and applies the records for allocations, releases and address spaces;
 * reallocs.c and layers.c apply those that come in two halves, fill.c reads it all out.
 * Must not know where records come from.
 *
 * Everything a site has ever done is in its cohorts: allocated bytes by time of birth, of
 * those the live ones, and the released by time of release. An event touches one block, the
 * cohort of its birth and the cohort of now; sums, ages and extremes are made when a profile
 * is filled.
 */
#include "heap/state.h"

#include "base/hashmap.h"
#include "heap/bursts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without a bound: 65536 sites are 100 MB. */
enum { SITES_MAX = 65536, SITES_MIN = 64 };
/* Of the bound one 16th is for the courses of the spaces, one quarter for the sites. */
enum { POINTS_SHARE = 16 };
/* And one 64th for the addresses that were released. */
enum { RELEASED_SHARE = 64 };

struct heap *heap_new(const struct heap_options *options)
{
	struct heap *h = calloc(1, sizeof(*h));
	uint64_t for_sites = options->max_bytes / 4;
	size_t sites = SITES_MAX;

	if (!h)
		return NULL;
	h->options = *options;
	if (!h->options.page_bytes)
		h->options.page_bytes = 4096;
	h->count_one = options->sample_bytes ? WEIGHT_ONE_SAMPLED : 1;
	if (options->max_bytes && for_sites / sizeof(struct site) < sites)
		sites = for_sites / sizeof(struct site);
	h->blocks = blocks_new(options->max_bytes - for_sites - options->max_bytes / POINTS_SHARE -
			       options->max_bytes / RELEASED_SHARE);
	h->sites = sites_new(sites < SITES_MIN ? SITES_MIN : sites);
	h->spaces = spaces_new();
	h->released = released_new(options->max_bytes / RELEASED_SHARE);
	h->reallocs = hashmap_new();
	h->unmaps = hashmap_new();
	if (!h->blocks || !h->sites || !h->spaces || !h->released || !h->reallocs || !h->unmaps) {
		heap_free(h);
		return NULL;
	}
	return h;
}

void heap_free(struct heap *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->nr_parked_pieces; i++)
		free(h->parked_pieces[i].pieces.items);
	free(h->parked_pieces);
	free(h->parked_blocks);
	bursts_free(h->bursts);
	hashmap_free(h->unmaps);
	hashmap_free(h->reallocs);
	released_free(h->released);
	spaces_free(h->spaces);
	sites_free(h->sites);
	blocks_free(h->blocks);
	free(h);
}

uint32_t heap_time(const struct heap *h, uint64_t time)
{
	uint64_t ms;

	if (time <= h->options.start_time)
		return 0;
	ms = (time - h->options.start_time) / 1000000;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

int heap_burst_begin(struct heap *h, uint64_t time)
{
	if (!h->bursts)
		h->bursts = bursts_new();
	/* What was released before may have been handed out in between, unseen. */
	released_forget(h->released);
	return h->bursts ? bursts_begin(h->bursts, heap_time(h, time)) : -ENOMEM;
}

void heap_burst_end(struct heap *h, uint64_t time)
{
	if (h->bursts)
		bursts_end(h->bursts, heap_time(h, time));
}

/* Records carry the time of a timer's tick, and may be read after their burst. */
static uint32_t allocator_time(const struct heap *h, uint64_t time)
{
	uint32_t now = heap_time(h, time);

	return h->bursts ? bursts_clamp(h->bursts, now) : now;
}

void heap_burst_death(struct heap *h, const struct block *block, uint32_t now)
{
	if (!h->bursts)
		return;
	bursts_release(h->bursts, block->space);
	bursts_death(h->bursts, block->site, block->space, block->address, block->born,
		     bursts_clamp(h->bursts, now));
}

void heap_burst_reuse(struct heap *h, const struct block *block)
{
	if (h->bursts)
		bursts_reuse(h->bursts, block->site, block->born);
}

struct weight heap_weight(const struct heap *h, const struct block *block)
{
	if (block->flags & BLOCK_SAMPLED)
		return weight_sampled(block->size, h->options.sample_bytes);
	return (struct weight){ block->size, h->count_one };
}

static void account_birth(struct heap *h, const struct block *block, bool evicted)
{
	uint32_t cohort = sites_cohort(h->sites, block->born);
	struct site *site = sites_at(h->sites, block->site);
	struct space *space = spaces_at(h->spaces, block->space);
	struct cohort *c = &site->cohorts[cohort];
	struct weight w = heap_weight(h, block);

	c->alloc_bytes += w.bytes;
	c->alloc_count += w.count;
	if (evicted) {
		c->gone_bytes += w.bytes;
		c->gone_count += w.count;
		site->evicted_bytes += w.bytes;
		site->evicted_count += w.count;
		h->stats.evicted_bytes += block->size;
		h->stats.blocks_evicted++;
		return;
	}
	c->live_bytes += w.bytes;
	c->live_count += w.count;
	if (site_layer(site) == LAYER_BLOCKS) {
		space->live_bytes += w.bytes;
		space->live_count += w.count;
	}
}

void heap_account_death(struct heap *h, const struct block *block, uint32_t now)
{
	/* The later time first: it may make the intervals longer. */
	uint32_t gone = sites_cohort(h->sites, now), born = sites_cohort(h->sites, block->born);
	struct site *site = sites_at(h->sites, block->site);
	struct cohort *cohorts = site->cohorts;
	struct space *space = spaces_at(h->spaces, block->space);
	struct weight w = heap_weight(h, block);

	(void)released_note(h->released, block->space, block->address);
	cohorts[born].live_bytes -= w.bytes;
	cohorts[born].live_count -= w.count;
	gone = gone < born ? born : gone;
	cohorts[gone].gone_bytes += w.bytes;
	cohorts[gone].gone_count += w.count;
	cohort_note_dip(&cohorts[gone]);
	if (site_layer(site) == LAYER_BLOCKS) {
		space->live_bytes -= w.bytes;
		space->live_count -= w.count;
	}
}

bool heap_account_unmatched(struct heap *h, uint32_t index, uint64_t address, uint32_t now)
{
	struct space *space = spaces_at(h->spaces, index);
	uint32_t cohort = sites_cohort(h->sites, now);

	if (released_note(h->released, index, address)) {
		space->repeated_frees++;
		h->stats.repeated_frees++;
		return false;
	}
	if (space->inherits) {
		space->inherited_frees++;
		h->stats.inherited_frees++;
	} else {
		space->unmatched_frees++;
		h->stats.unmatched_frees++;
	}
	space_unmatched(space, cohort, sites_doublings(h->sites));
	return true;
}

void heap_account_missed(struct heap *h, struct space *space)
{
	space->missed_frees++;
	h->stats.missed_frees++;
}

static int refuse(struct heap *h)
{
	h->stats.refused++;
	return -ENOMEM;
}

int heap_insert(struct heap *h, const struct seep_alloc *a)
{
	uint32_t now = allocator_time(h, a->time), space = spaces_get(h->spaces, a->space, now);
	struct block block = { .address = a->address, .space = space, .born = now }, old;
	struct site_key key = {
		.stack = a->stack,
		.space = space,
		.tid = h->options.by_thread ? a->tid : 0,
		.family = a->family,
		.op = (uint8_t)a->op,
	};
	bool folded;
	int err;

	block.size = a->size < BLOCK_SIZE_MAX ? a->size : BLOCK_SIZE_MAX;
	if (a->flags & SEEP_SAMPLED && h->options.sample_bytes)
		block.flags = BLOCK_SAMPLED;
	if (!space)
		return refuse(h);
	block.site = sites_get(h->sites, &key, &folded);
	if (!block.site)
		return refuse(h);
	h->stats.sites_folded += folded;
	err = blocks_put(h->blocks, &block, &old);
	if (err == 1) {
		heap_account_missed(h, spaces_at(h->spaces, space));
		heap_account_death(h, &old, now);
		heap_burst_reuse(h, &old);
	}
	if (h->bursts && err != -ENOSPC)
		bursts_birth(h->bursts, block.site, space, block.address);
	account_birth(h, &block, err == -ENOSPC);
	if (blocks_count(h->blocks) > h->stats.peak_blocks)
		h->stats.peak_blocks = blocks_count(h->blocks);
	return 0;
}

int heap_alloc(struct heap *h, const struct seep_alloc *a)
{
	if (a->flags & SEEP_FAILED || !a->address)
		return 0;
	return heap_insert(h, a);
}

static void burst_unmatched(struct heap *h, uint32_t space, uint64_t address)
{
	if (!h->bursts)
		return;
	bursts_release(h->bursts, space);
	bursts_unmatched(h->bursts, space, address);
}

int heap_release(struct heap *h, const struct seep_free *r)
{
	uint32_t now = allocator_time(h, r->time), space = spaces_get(h->spaces, r->space, now);
	struct block block;

	if (!space)
		return refuse(h);
	if (!r->address || r->flags & SEEP_FAILED)
		return 0;
	if (blocks_take(h->blocks, space, r->address, &block)) {
		heap_account_death(h, &block, now);
		heap_burst_death(h, &block, now);
	} else if (!reallocs_release(h, space, r->address, now) &&
		   heap_account_unmatched(h, space, r->address, now)) {
		burst_unmatched(h, space, r->address);
	}
	return 0;
}

static void end_space(struct heap *h, uint32_t index, uint32_t now, bool replaced)
{
	struct space *space = spaces_at(h->spaces, index);

	reallocs_abandon_all(h, index, now);
	unmaps_abandon_all(h, index, now);
	if (space->ended)
		return;
	space->ended = true;
	space->replaced = replaced;
	space->end = now;
}

int heap_space(struct heap *h, const struct seep_space *s)
{
	uint32_t now = heap_time(h, s->time), index;

	if (s->kind == SEEP_SPACE_END) {
		index = spaces_find(h->spaces, s->space);
		if (index)
			end_space(h, index, now, s->reason == SEEP_SPACE_EXEC);
		return 0;
	}
	if (spaces_begin(h->spaces, s, now))
		return refuse(h);
	if (s->reason == SEEP_SPACE_EXEC && s->parent && s->parent != s->space) {
		index = spaces_find(h->spaces, s->parent);
		if (index)
			end_space(h, index, now, true);
	}
	return 0;
}

void heap_taint(struct heap *h, uint32_t space, uint64_t lost_frees)
{
	uint32_t index = spaces_find(h->spaces, space);

	if (index)
		spaces_at(h->spaces, index)->lost_frees = lost_frees;
}

struct heap_stats heap_stats(const struct heap *h)
{
	struct heap_stats stats = h->stats;

	stats.blocks = blocks_count(h->blocks);
	stats.sites = sites_count(h->sites);
	stats.spaces = spaces_count(h->spaces);
	stats.block_bytes = blocks_bytes(h->blocks);
	stats.parked = h->nr_parked_blocks;
	stats.bytes = sizeof(*h) + stats.block_bytes + sites_bytes(h->sites) +
		      spaces_bytes(h->spaces) + hashmap_bytes(h->reallocs) +
		      hashmap_bytes(h->unmaps) + released_bytes(h->released) +
		      (h->bursts ? bursts_bytes(h->bursts) : 0) +
		      h->cap_parked_blocks * sizeof(*h->parked_blocks) +
		      h->cap_parked_pieces * sizeof(*h->parked_pieces);
	return stats;
}

static size_t most_points(const struct heap *h)
{
	size_t most = h->options.max_bytes / POINTS_SHARE / sizeof(struct space_point) /
		      (spaces_count(h->spaces) + 1);

	if (!h->options.max_bytes || most > SPACE_POINTS_MAX)
		return SPACE_POINTS_MAX;
	return most < SPACE_POINTS_MIN ? SPACE_POINTS_MIN : most;
}

void heap_mark(struct heap *h, uint64_t now, uint64_t (*rss)(void *context, uint32_t space),
	       void *context)
{
	struct space_point point = { .time = heap_time(h, now) };
	size_t most = most_points(h);

	for (uint32_t i = 1; i <= spaces_count(h->spaces); i++) {
		struct space *space = spaces_at(h->spaces, i);

		if (space->ended)
			continue;
		point.live_bytes = space->live_bytes;
		point.live_count = space->live_count / h->count_one;
		point.rss_bytes = rss ? rss(context, space->id) : 0;
		/* Without memory the course has a gap, and the sums are as right as before. */
		(void)space_mark(space, &point, most);
	}
}

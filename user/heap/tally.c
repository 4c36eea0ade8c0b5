// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the sums of one walk. Without a filter the cohorts of the sites already hold the live
 * bytes; with one they are counted anew, for each site and cohort.
 */
#include "heap/tally.h"

#include <stdlib.h>

struct tallies {
	struct heap *heap;
	struct tally *items; /* by number of the site */
	struct tally_cohort *cohorts; /* PROFILE_COHORTS a site; NULL without a filter */
	struct heap_filter filter;
	uint32_t now;
};

void tallies_free(struct tallies *t)
{
	if (!t)
		return;
	free(t->items);
	free(t->cohorts);
	free(t);
}

const struct tally *tallies_at(const struct tallies *t, uint32_t site)
{
	return &t->items[site];
}

struct tally_cohort tallies_live(const struct tallies *t, uint32_t site, uint32_t cohort)
{
	const struct cohort *c;

	if (t->cohorts)
		return t->cohorts[(size_t)site * PROFILE_COHORTS + cohort];
	c = &sites_at(t->heap->sites, site)->cohorts[cohort];
	return (struct tally_cohort){ c->live_bytes, c->live_count };
}

static bool passes(const struct tallies *t, uint32_t space, uint64_t size, uint32_t born)
{
	const struct space *s = spaces_at(t->heap->spaces, space);
	uint32_t end = s->ended && s->end < t->now ? s->end : t->now;
	uint64_t age = end > born ? end - born : 0;

	return age * 1000000 >= t->filter.min_age_ns && size >= t->filter.min_size &&
	       (!t->filter.max_size || size <= t->filter.max_size);
}

static void add(struct tallies *t, uint32_t site, uint64_t size, uint32_t born, struct weight w)
{
	struct tally *tally = &t->items[site];

	if (t->cohorts) {
		size_t cohort = sites_cohort(t->heap->sites, born);
		struct tally_cohort *c = &t->cohorts[site * (size_t)PROFILE_COHORTS + cohort];

		c->bytes += w.bytes;
		c->count += w.count;
	}
	if (!tally->seen++ || born < tally->oldest)
		tally->oldest = born;
	if (size > tally->largest)
		tally->largest = size;
	tally->live_bytes += w.bytes;
	tally->live_count += w.count;
}

static void add_block(struct tallies *t, const struct block *b)
{
	struct tally *tally = &t->items[b->site];

	if (t->cohorts && !passes(t, b->space, b->size, b->born))
		return;
	add(t, b->site, b->size, b->born, heap_weight(t->heap, b));
	if (b->flags & BLOCK_SAMPLED)
		weight_variance(b->size, t->heap->options.sample_bytes, &tally->bytes_variance,
				&tally->count_variance);
}

/* A mapping counts once, however many pieces it is in: `counted` has a flag an origin. */
static void add_piece(struct tallies *t, uint32_t space, const struct piece *p, uint8_t *counted)
{
	uint64_t size = p->end - p->begin;
	struct weight w = { .bytes = size };

	if (p->in_allocator || (t->cohorts && !passes(t, space, size, p->born)))
		return;
	if (!counted[p->origin]) {
		w.count = t->heap->count_one;
		counted[p->origin] = 1;
	}
	add(t, p->site, size, p->born, w);
}

static bool add_mappings(struct tallies *t, uint32_t index)
{
	const struct heap *h = t->heap;
	const struct mappings *m = spaces_at(h->spaces, index)->mappings;
	const struct piece *pieces;
	uint8_t *counted;
	size_t nr;

	if (!m)
		return true;
	counted = calloc(mappings_origins(m) + 1, 1);
	if (!counted)
		return false;
	pieces = mappings_pieces(m, &nr);
	for (size_t i = 0; i < nr; i++)
		add_piece(t, index, &pieces[i], counted);
	for (size_t i = 0; i < h->nr_parked_pieces; i++) {
		const struct parked_pieces *parked = &h->parked_pieces[i];

		if (parked->space != index)
			continue;
		for (size_t n = 0; n < parked->pieces.nr; n++)
			add_piece(t, index, &parked->pieces.items[n], counted);
	}
	free(counted);
	return true;
}

static bool walk(struct tallies *t)
{
	struct blocks_cursor cursor = { 0 };
	const struct block *b;

	while ((b = blocks_next(t->heap->blocks, &cursor)))
		add_block(t, b);
	for (size_t i = 0; i < t->heap->nr_parked_blocks; i++)
		if (t->heap->parked_blocks[i].known)
			add_block(t, &t->heap->parked_blocks[i].block);
	for (uint32_t i = 1; i <= spaces_count(t->heap->spaces); i++)
		if (!add_mappings(t, i))
			return false;
	return true;
}

struct tallies *tallies_new(struct heap *h, uint32_t now, const struct heap_filter *filter)
{
	struct tallies *t = calloc(1, sizeof(*t));
	size_t sites = sites_count(h->sites) + 1;

	if (!t)
		return NULL;
	t->heap = h;
	t->now = now;
	if (filter)
		t->filter = *filter;
	t->items = calloc(sites, sizeof(*t->items));
	if (t->filter.min_age_ns || t->filter.min_size || t->filter.max_size) {
		t->cohorts = calloc(sites * PROFILE_COHORTS, sizeof(*t->cohorts));
		if (!t->cohorts)
			goto fail;
	}
	if (t->items && walk(t))
		return t;
fail:
	tallies_free(t);
	return NULL;
}

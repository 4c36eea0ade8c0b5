// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Applies mmap, munmap and mremap to the mappings of a space and to the sites that made
 * them. munmap and mremap travel as two records: at BEGIN the pieces are cut out and parked,
 * still counted as live, because the address range can be handed out again before END
 * arrives; END gives them up, or puts them back when the call failed.
 *
 * Mappings made inside an allocator's call are the allocator's growth: they are in the set,
 * so that unmapping them meets them, and in no site. The break (SEEP_BRK) is always growth
 * of an allocator. A mapping from before the capture is in no set, and unmapping it no error.
 */
#include "heap/state.h"

#include "base/hashmap.h"
#include "base/vec.h"

#include <errno.h>

/* One for each thread in munmap or mremap at the same time. */
enum { PARKED_MAX = 1 << 18 };

static struct cohort *cohort_of(struct heap *h, const struct piece *piece)
{
	return &sites_at(h->sites, piece->site)->cohorts[sites_cohort(h->sites, piece->born)];
}

static void account_made(struct heap *h, const struct piece *piece)
{
	struct cohort *c;

	if (piece->in_allocator)
		return;
	c = cohort_of(h, piece);
	c->alloc_bytes += piece->end - piece->begin;
	c->live_bytes += piece->end - piece->begin;
	c->alloc_count += h->count_one;
	c->live_count += h->count_one;
}

static void account_gone(struct heap *h, const struct piece *piece, uint64_t bytes, bool ended,
			 uint32_t now)
{
	uint32_t gone = sites_cohort(h->sites, now);
	uint64_t count = ended ? h->count_one : 0;
	struct cohort *c;

	if (piece->in_allocator)
		return;
	c = cohort_of(h, piece);
	c->live_bytes -= bytes;
	c->live_count -= count;
	c = &sites_at(h->sites, piece->site)->cohorts[gone];
	c->gone_bytes += bytes;
	c->gone_count += count;
	cohort_note_dip(c);
}

static void give_up(struct heap *h, struct mappings *m, struct pieces *pieces, uint32_t now)
{
	for (size_t i = 0; i < pieces->nr; i++) {
		const struct piece *p = &pieces->items[i];
		bool ended = mappings_drop(m, p);

		account_gone(h, p, p->end - p->begin, ended, now);
	}
	free(pieces->items);
}

static void put_back(struct heap *h, struct mappings *m, struct pieces *pieces, uint32_t now)
{
	for (size_t i = 0; i < pieces->nr; i++) {
		uint64_t lost;
		bool ended;

		(void)mappings_restore(m, &pieces->items[i], &lost, &ended);
		account_gone(h, &pieces->items[i], lost, ended, now);
	}
	free(pieces->items);
}

static uint64_t key_of(uint32_t space, uint32_t tid)
{
	return (uint64_t)space << 32 | tid;
}

static struct parked_pieces unpark_at(struct heap *h, size_t i)
{
	struct parked_pieces parked = h->parked_pieces[i];
	struct parked_pieces *last = &h->parked_pieces[--h->nr_parked_pieces];

	hashmap_remove(h->unmaps, key_of(parked.space, parked.tid));
	if (i < h->nr_parked_pieces) {
		h->parked_pieces[i] = *last;
		/* Its key is there: nothing is allocated, nothing can fail. */
		(void)hashmap_put(h->unmaps, key_of(last->space, last->tid), i);
	}
	return parked;
}

static bool unpark(struct heap *h, uint32_t space, uint32_t tid, struct parked_pieces *ret_parked)
{
	uint64_t i;

	if (!h->nr_parked_pieces || !hashmap_get(h->unmaps, key_of(space, tid), &i))
		return false;
	*ret_parked = unpark_at(h, i);
	return true;
}

void unmaps_abandon_all(struct heap *h, uint32_t space, uint32_t now)
{
	for (size_t i = h->nr_parked_pieces; i-- > 0;) {
		struct parked_pieces parked;

		if (h->parked_pieces[i].space != space)
			continue;
		parked = unpark_at(h, i);
		put_back(h, spaces_at(h->spaces, space)->mappings, &parked.pieces, now);
	}
}

/* The pages that a call on [address, address + size) concerns. False for none. */
static bool pages(const struct heap *h, const struct seep_map *map, uint64_t *ret_begin,
		  uint64_t *ret_end)
{
	uint64_t mask = h->options.page_bytes - 1, end;

	if (!map->size || __builtin_add_overflow(map->address, map->size, &end) ||
	    __builtin_add_overflow(end, mask, &end))
		return false;
	*ret_begin = map->address & ~mask;
	*ret_end = end & ~mask;
	return true;
}

static int made(struct heap *h, uint32_t index, const struct seep_map *map, uint32_t now)
{
	struct space *space = spaces_at(h->spaces, index);
	struct site_key key = {
		.stack = map->stack,
		.space = index,
		.tid = h->options.by_thread ? map->tid : 0,
		.family = SEEP_FAMILY_MAPPING,
	};
	struct piece piece = { .born = now, .in_allocator = map->flags & SEEP_IN_ALLOCATOR };
	struct pieces replaced = { 0 };
	bool folded = false;
	int err;

	if (map->flags & SEEP_FAILED || !pages(h, map, &piece.begin, &piece.end))
		return 0;
	if (!space->mappings)
		space->mappings = mappings_new();
	if (!space->mappings)
		return -ENOMEM;
	if (!piece.in_allocator) {
		piece.site = sites_get(h->sites, &key, &folded);
		if (!piece.site)
			return -ENOMEM;
		h->stats.sites_folded += folded;
	}
	err = mappings_cut(space->mappings, piece.begin, piece.end, &replaced);
	if (err)
		return err;
	give_up(h, space->mappings, &replaced, now);
	err = mappings_add(space->mappings, &piece);
	if (err == -ENOSPC) {
		h->stats.blocks_evicted++;
		h->stats.evicted_bytes += piece.end - piece.begin;
		return 0;
	}
	if (err)
		return err;
	/* The time may make the intervals longer: before a cohort is looked up. */
	sites_cohort(h->sites, now);
	account_made(h, &piece);
	return 0;
}

static int unmap_begin(struct heap *h, uint32_t index, const struct seep_map *map, uint32_t now)
{
	struct mappings *m = spaces_at(h->spaces, index)->mappings;
	struct parked_pieces parked = { .space = index, .tid = map->tid }, *slot;
	uint64_t begin, end;
	int err;

	if (unpark(h, index, map->tid, &parked))
		put_back(h, m, &parked.pieces, now);
	parked.pieces = (struct pieces){ 0 };
	if (!m || !pages(h, map, &begin, &end) || h->nr_parked_pieces >= PARKED_MAX)
		return 0;
	err = mappings_cut(m, begin, end, &parked.pieces);
	if (err || !parked.pieces.nr)
		return err;
	slot = vec_push(&h->parked_pieces, &h->nr_parked_pieces, &h->cap_parked_pieces);
	if (!slot)
		goto fail;
	if (hashmap_put(h->unmaps, key_of(index, map->tid), h->nr_parked_pieces - 1)) {
		h->nr_parked_pieces--;
		goto fail;
	}
	*slot = parked;
	return 0;
fail:
	put_back(h, m, &parked.pieces, now);
	return -ENOMEM;
}

static void unmap_end(struct heap *h, uint32_t index, const struct seep_map *map, bool keep,
		      uint32_t now)
{
	struct mappings *m = spaces_at(h->spaces, index)->mappings;
	struct parked_pieces parked;

	if (!unpark(h, index, map->tid, &parked))
		return;
	if (keep || map->flags & SEEP_FAILED)
		put_back(h, m, &parked.pieces, now);
	else
		give_up(h, m, &parked.pieces, now);
}

void heap_leave_mappings(struct heap *h, uint64_t time)
{
	uint32_t now = heap_time(h, time);

	h->no_mappings = true;
	for (uint32_t i = 1; i <= spaces_count(h->spaces); i++) {
		struct mappings *m = spaces_at(h->spaces, i)->mappings;
		struct pieces pieces = { 0 };

		unmaps_abandon_all(h, i, now);
		if (m && !mappings_cut(m, 0, UINT64_MAX, &pieces))
			give_up(h, m, &pieces, now);
	}
}

int heap_mapping(struct heap *h, const struct seep_map *map)
{
	uint32_t now = heap_time(h, map->time), space = spaces_get(h->spaces, map->space, now);
	int err = 0;

	if (h->no_mappings)
		return 0;
	if (!space) {
		h->stats.refused++;
		return -ENOMEM;
	}
	switch (map->kind) {
	case SEEP_MAP:
		err = made(h, space, map, now);
		break;
	case SEEP_UNMAP_BEGIN:
	case SEEP_REMAP_BEGIN:
		err = unmap_begin(h, space, map, now);
		break;
	case SEEP_UNMAP_END:
		unmap_end(h, space, map, false, now);
		break;
	case SEEP_REMAP_END:
		unmap_end(h, space, map, map->flags & SEEP_KEEP_OLD, now);
		err = made(h, space, map, now);
		break;
	default:
		break;
	}
	if (err)
		h->stats.refused++;
	return err;
}

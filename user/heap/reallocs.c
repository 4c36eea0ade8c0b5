// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Applies realloc, which travels as two records. At BEGIN the block is taken out of the table
 * and parked under (space, thread), still counted as live: as soon as the allocator has moved
 * it, another thread may be given its address, and that allocation's record can come before
 * this END. At END the block is given up and the result is a new allocation of the site that
 * called realloc, whether it moved or not: which of the two an allocator does is chance, and
 * must not decide where the bytes are shown. A failed call puts the block back as it was.
 *
 * A resize in place that cannot move (xallocx) is no allocation: the block keeps its site and
 * its age.
 */
#include "heap/state.h"

#include "base/hashmap.h"
#include "base/vec.h"
#include "heap/bursts.h"

#include <errno.h>

/* One for each thread in realloc at the same time; beyond, blocks stay where they are. */
enum { PARKED_MAX = 1 << 18 };
/* A release that matches nothing is looked for among so many parked blocks at most. */
enum { PARKED_SCAN = 64 };

static uint64_t key_of(uint32_t space, uint32_t tid)
{
	return (uint64_t)space << 32 | tid;
}

static struct parked_block unpark_at(struct heap *h, size_t i)
{
	struct parked_block parked = h->parked_blocks[i];
	struct parked_block *last = &h->parked_blocks[--h->nr_parked_blocks];

	hashmap_remove(h->reallocs, key_of(parked.space, parked.tid));
	if (i < h->nr_parked_blocks) {
		h->parked_blocks[i] = *last;
		/* Its key is there: nothing is allocated, nothing can fail. */
		(void)hashmap_put(h->reallocs, key_of(last->space, last->tid), i);
	}
	return parked;
}

static bool unpark(struct heap *h, uint32_t space, uint32_t tid, struct parked_block *ret_parked)
{
	uint64_t i;

	if (!h->nr_parked_blocks || !hashmap_get(h->reallocs, key_of(space, tid), &i))
		return false;
	*ret_parked = unpark_at(h, i);
	return true;
}

/*
 * Back into the table. An address that has been handed out again meanwhile was released:
 * the newer block stays.
 */
static void restore(struct heap *h, const struct parked_block *parked, uint32_t now)
{
	struct block block;
	int err;

	if (!parked->known)
		return;
	if (blocks_get(h->blocks, parked->space, parked->address, &block)) {
		heap_account_missed(h, spaces_at(h->spaces, parked->space));
		heap_account_death(h, &parked->block, now);
		heap_burst_reuse(h, &parked->block);
		return;
	}
	err = blocks_put(h->blocks, &parked->block, &block);
	if (err == -ENOSPC) {
		struct weight w = heap_weight(h, &parked->block);
		struct site *site = sites_at(h->sites, parked->block.site);

		heap_account_death(h, &parked->block, now);
		site->evicted_bytes += w.bytes;
		site->evicted_count += w.count;
		h->stats.blocks_evicted++;
		h->stats.evicted_bytes += parked->block.size;
	}
}

/* A thread that begins again has never come back from the call before. */
static void abandon(struct heap *h, uint32_t space, uint32_t tid, uint32_t now)
{
	struct parked_block parked;

	if (unpark(h, space, tid, &parked))
		restore(h, &parked, now);
}

void reallocs_abandon_all(struct heap *h, uint32_t space, uint32_t now)
{
	for (size_t i = h->nr_parked_blocks; i-- > 0;) {
		struct parked_block parked;

		if (h->parked_blocks[i].space != space)
			continue;
		parked = unpark_at(h, i);
		restore(h, &parked, now);
	}
}

bool reallocs_release(struct heap *h, uint32_t space, uint64_t address, uint32_t now)
{
	if (h->nr_parked_blocks > PARKED_SCAN)
		return false;
	for (size_t i = 0; i < h->nr_parked_blocks; i++) {
		const struct parked_block *p = &h->parked_blocks[i];

		if (p->known && p->space == space && p->address == address) {
			struct parked_block parked = unpark_at(h, i);

			heap_account_death(h, &parked.block, now);
			heap_burst_death(h, &parked.block, now);
			return true;
		}
	}
	return false;
}

int heap_realloc_begin(struct heap *h, const struct seep_free *old)
{
	uint32_t now = heap_time(h, old->time), space = spaces_get(h->spaces, old->space, now);
	struct parked_block *parked;

	if (!space) {
		h->stats.refused++;
		return -ENOMEM;
	}
	abandon(h, space, old->tid, now);
	if (!old->address || h->nr_parked_blocks >= PARKED_MAX)
		return 0;
	parked = vec_push(&h->parked_blocks, &h->nr_parked_blocks, &h->cap_parked_blocks);
	if (!parked)
		goto refuse;
	if (hashmap_put(h->reallocs, key_of(space, old->tid), h->nr_parked_blocks - 1)) {
		h->nr_parked_blocks--;
		goto refuse;
	}
	parked->space = space;
	parked->tid = old->tid;
	parked->address = old->address;
	parked->known = blocks_take(h->blocks, space, old->address, &parked->block);
	return 0;
refuse:
	h->stats.refused++;
	return -ENOMEM;
}

/* The block keeps its site and age; what it grew by counts as allocated when it was born. */
static void resize(struct heap *h, struct parked_block *parked, uint64_t size, uint32_t now)
{
	struct space *space = spaces_at(h->spaces, parked->space);
	struct weight before = heap_weight(h, &parked->block), after;
	uint32_t cohort = sites_cohort(h->sites, parked->block.born);
	struct cohort *c = &sites_at(h->sites, parked->block.site)->cohorts[cohort];

	parked->block.size = size < BLOCK_SIZE_MAX ? size : BLOCK_SIZE_MAX;
	after = heap_weight(h, &parked->block);
	c->alloc_bytes += after.bytes - before.bytes;
	c->alloc_count += after.count - before.count;
	c->live_bytes += after.bytes - before.bytes;
	c->live_count += after.count - before.count;
	space->live_bytes += after.bytes - before.bytes;
	space->live_count += after.count - before.count;
	restore(h, parked, now);
}

int heap_realloc_end(struct heap *h, const struct seep_alloc *moved)
{
	uint32_t now = heap_time(h, moved->time), space = spaces_get(h->spaces, moved->space, now);
	struct parked_block parked;
	bool had;

	if (!space) {
		h->stats.refused++;
		return -ENOMEM;
	}
	had = unpark(h, space, moved->tid, &parked);
	if (!(moved->flags & SEEP_NULL_FREES) && (moved->flags & SEEP_FAILED || !moved->address)) {
		if (had)
			restore(h, &parked, now);
		return 0;
	}
	if (moved->op == SEEP_OP_RESIZE) {
		if (had && parked.known)
			resize(h, &parked, moved->size, now);
		return 0;
	}
	if (had && parked.known) {
		heap_account_death(h, &parked.block, now);
		heap_burst_death(h, &parked.block, now);
	} else if (had && (!moved->address || moved->address != parked.address)) {
		(void)heap_account_unmatched(h, space, parked.address, now);
	}
	if (had && !parked.known && h->bursts)
		bursts_release(h->bursts, space);
	if (moved->flags & SEEP_NULL_FREES || !moved->address)
		return 0;
	return heap_insert(h, moved);
}

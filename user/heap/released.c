// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a table of the addresses that were released last, so that an allocator's releases of
 * its own are not taken for those of blocks from before the capture.
 *
 * A release that matches no live block is of a block from before the capture, or of something
 * that was handed out unseen. The first kind holds a verdict up (verdict.c), the second says
 * nothing about any site. glibc up to 2.41 makes the second by the thousand: a thread that ends
 * frees all chunks of its cache through free() (malloc.c, tcache_thread_shutdown), which the
 * program had freed into the cache before, and the cache itself, which came from no malloc(). From
 * 2.42 on the first free() of a thread begins again as a whole once there is a cache
 * (tcache_free_init). Such an address is told by itself: where a release was seen, and no
 * allocation since, nothing from before the capture can be.
 *
 * One slot a hash, with another part of the hash in it; a newer address takes the slot. What
 * is forgotten by that counts as a block from before, as all did without this table: a verdict
 * comes later then, not wrongly. Two addresses that are taken for one (1 in 2^32 of those
 * that meet in a slot) make it one release too few.
 */
#include "heap/released.h"

#include "base/hashmap.h"

#include <stdlib.h>

enum { SLOTS_MOST = 1 << 17, SLOTS_LEAST = 1 << 6 };

struct released {
	uint64_t mask;
	uint64_t period; /* part of each hash: another one, and nothing is found */
	uint32_t slots[];
};

struct released *released_new(uint64_t max_bytes)
{
	uint64_t nr = SLOTS_MOST;
	struct released *r;

	while (max_bytes && nr > SLOTS_LEAST && nr * sizeof(r->slots[0]) > max_bytes)
		nr /= 2;
	r = calloc(1, sizeof(*r) + nr * sizeof(r->slots[0]));
	if (r)
		r->mask = nr - 1;
	return r;
}

void released_free(struct released *r)
{
	free(r);
}

bool released_note(struct released *r, uint32_t space, uint64_t address)
{
	uint64_t hash = hash_mix(address ^ (space + (r->period << 32)) * 0x9e3779b97f4a7c15ULL);
	uint32_t *slot = &r->slots[hash & r->mask], rest = (uint32_t)(hash >> 32) | 1;
	bool again = *slot == rest;

	*slot = rest;
	return again;
}

void released_forget(struct released *r)
{
	r->period++;
}

uint64_t released_bytes(const struct released *r)
{
	return sizeof(*r) + (r->mask + 1) * sizeof(r->slots[0]);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the blocks and nothing else; what a site or a space is, it does not know.
 *
 * The top bits of a key's hash choose one of 1024 segments. A segment is an array of blocks
 * with linear probing, the blocks themselves in it and no index beside: a look-up is one
 * miss. The home of a key is hash * capacity / 2^32, so that a capacity need not be a power
 * of two: a segment grows by a quarter at three quarters full and shrinks at one half,
 * which holds the slack between 33% and 100% of the blocks whatever their number, where a
 * table that doubles has up to 167%. Because homes are ordered as hashes are, the copy into
 * a segment of another capacity walks both in order.
 *
 * Only one segment is copied at a time: growth needs a thousandth of the table in addition.
 * Where it may not grow a segment is filled up to 15/16, and then refuses.
 */
#include "heap/blocks.h"

#include "base/hashmap.h"

#include <errno.h>
#include <stdlib.h>

enum { SEGMENT_BITS = 10, SEGMENTS = 1 << SEGMENT_BITS };
/* Slots of a segment at first, and so many that it is not made smaller for the sake of few. */
enum { SMALLEST = 4, SMALL = 8 };
/* What malloc adds to an array. */
enum { MALLOC_OVERHEAD = 16 };

struct segment {
	struct block *slots;
	uint32_t capacity;
	uint32_t count;
};

struct blocks {
	uint64_t bytes, max_bytes;
	size_t count;
	struct segment segments[SEGMENTS];
};

struct blocks *blocks_new(uint64_t max_bytes)
{
	struct blocks *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->max_bytes = max_bytes;
	b->bytes = sizeof(*b);
	return b;
}

void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < SEGMENTS; i++)
		free(b->segments[i].slots);
	free(b);
}

static inline uint64_t hash_key(uint32_t space, uint64_t address)
{
	return hash_mix(address ^ space * 0x9e3779b97f4a7c15ULL);
}

static inline uint32_t home_of(uint64_t hash, uint32_t capacity)
{
	return (uint32_t)((hash & UINT32_MAX) * capacity >> 32);
}

static inline uint32_t home_of_block(const struct block *block, uint32_t capacity)
{
	return home_of(hash_key(block->space, block->address), capacity);
}

static inline uint32_t next_slot(const struct segment *s, uint32_t i)
{
	return ++i == s->capacity ? 0 : i;
}

/* The slot of the key, or the free slot where it would go. The segment has a free slot. */
static inline uint32_t find_slot(const struct segment *s, uint64_t hash, uint32_t space,
				 uint64_t address)
{
	uint32_t i = home_of(hash, s->capacity);

	while (s->slots[i].space && (s->slots[i].address != address || s->slots[i].space != space))
		i = next_slot(s, i);
	return i;
}

static uint64_t segment_bytes(uint32_t capacity)
{
	return capacity ? capacity * sizeof(struct block) + MALLOC_OVERHEAD : 0;
}

/* To the capacity, which is more than the count. -ENOSPC, with nothing changed. */
static int resize(struct blocks *b, struct segment *s, uint32_t capacity)
{
	struct segment resized = { .capacity = capacity, .count = s->count };
	uint64_t bytes = b->bytes - segment_bytes(s->capacity) + segment_bytes(capacity);

	if (b->max_bytes && bytes > b->max_bytes && capacity > s->capacity)
		return -ENOSPC;
	resized.slots = calloc(capacity, sizeof(*resized.slots));
	if (!resized.slots)
		return -ENOSPC;
	for (uint32_t i = 0; i < s->capacity; i++) {
		uint32_t to;

		if (!s->slots[i].space)
			continue;
		to = home_of_block(&s->slots[i], capacity);
		while (resized.slots[to].space)
			to = next_slot(&resized, to);
		resized.slots[to] = s->slots[i];
	}
	free(s->slots);
	*s = resized;
	b->bytes = bytes;
	return 0;
}

/* Room for one more block; -ENOSPC when there is none to be had. */
static int make_room(struct blocks *b, struct segment *s)
{
	uint32_t wanted;

	if ((uint64_t)s->count * 4 < (uint64_t)s->capacity * 3)
		return 0;
	if (s->capacity > UINT32_MAX / 2)
		return -ENOSPC;
	wanted = s->capacity + s->capacity / 4;
	if (wanted < s->capacity + SMALLEST)
		wanted = s->capacity + SMALLEST;
	if (!resize(b, s, wanted))
		return 0;
	return (uint64_t)(s->count + 1) * 16 <= (uint64_t)s->capacity * 15 ? 0 : -ENOSPC;
}

int blocks_put(struct blocks *b, const struct block *block, struct block *ret_old)
{
	uint64_t hash = hash_key(block->space, block->address);
	struct segment *s = &b->segments[hash >> (64 - SEGMENT_BITS)];
	uint32_t i = 0;

	if (s->capacity) {
		i = find_slot(s, hash, block->space, block->address);
		if (s->slots[i].space) {
			*ret_old = s->slots[i];
			s->slots[i] = *block;
			return 1;
		}
	}
	if ((uint64_t)s->count * 4 >= (uint64_t)s->capacity * 3) {
		int err = make_room(b, s);

		if (err)
			return err;
		i = find_slot(s, hash, block->space, block->address);
	}
	s->slots[i] = *block;
	s->count++;
	b->count++;
	return 0;
}

/* Closes the gap, so that no run has a hole before a block of its own. */
static void remove_slot(struct segment *s, uint32_t hole)
{
	uint32_t i = hole;

	for (;;) {
		uint32_t home;

		i = next_slot(s, i);
		if (!s->slots[i].space)
			break;
		home = home_of_block(&s->slots[i], s->capacity);
		/* May it move: is its home outside (hole, i], cyclically? */
		if (hole <= i ? (home <= hole || home > i) : (home <= hole && home > i)) {
			s->slots[hole] = s->slots[i];
			hole = i;
		}
	}
	s->slots[hole].space = 0;
}

static void shrink(struct blocks *b, struct segment *s)
{
	uint32_t wanted = s->count + s->count * 3 / 5 + 2;

	/* Failure leaves it larger than need be. */
	if (wanted < s->capacity)
		(void)resize(b, s, wanted);
}

bool blocks_take(struct blocks *b, uint32_t space, uint64_t address, struct block *ret_block)
{
	uint64_t hash = hash_key(space, address);
	struct segment *s = &b->segments[hash >> (64 - SEGMENT_BITS)];
	uint32_t i;

	if (!s->capacity)
		return false;
	i = find_slot(s, hash, space, address);
	if (!s->slots[i].space)
		return false;
	*ret_block = s->slots[i];
	remove_slot(s, i);
	s->count--;
	b->count--;
	if (s->count < s->capacity / 2 && s->capacity > SMALL)
		shrink(b, s);
	return true;
}

bool blocks_get(const struct blocks *b, uint32_t space, uint64_t address, struct block *ret_block)
{
	uint64_t hash = hash_key(space, address);
	const struct segment *s = &b->segments[hash >> (64 - SEGMENT_BITS)];
	uint32_t i;

	if (!s->capacity)
		return false;
	i = find_slot(s, hash, space, address);
	if (!s->slots[i].space)
		return false;
	*ret_block = s->slots[i];
	return true;
}

const struct block *blocks_next(const struct blocks *b, struct blocks_cursor *cursor)
{
	for (; cursor->segment < SEGMENTS; cursor->segment++, cursor->slot = 0) {
		const struct segment *s = &b->segments[cursor->segment];

		while (cursor->slot < s->capacity) {
			const struct block *block = &s->slots[cursor->slot++];

			if (block->space)
				return block;
		}
	}
	return NULL;
}

size_t blocks_count(const struct blocks *b)
{
	return b->count;
}

uint64_t blocks_bytes(const struct blocks *b)
{
	return b->bytes;
}

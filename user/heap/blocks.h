/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of live blocks, keyed by {space, address}. Made for millions of operations a
 * second over millions of blocks: one cache line or two a look-up.
 *
 * A block costs 24 bytes; with the table's slack 32 to 48 bytes at every fill level from
 * some thousands of blocks on, plus 16 KiB for the directory. Growing and shrinking is
 * done a thousandth of the table at a time.
 *
 * At its bound the table degrades by refusing what is new: the blocks that are in it stay,
 * since a leak consists of old blocks, and the newcomers (most of which die young) are
 * counted by the caller as evicted. Room made by releases is used again.
 */
#ifndef SEEP_HEAP_BLOCKS_H
#define SEEP_HEAP_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger blocks count as so large: nothing on this side of a terabyte is cut. */
#define BLOCK_SIZE_MAX ((1ULL << 40) - 1)
#define BLOCK_SPACE_MAX ((1U << 24) - 1)
#define BLOCK_SITE_MAX ((1U << 24) - 1)

enum block_flag {
	BLOCK_SAMPLED = 1 << 0, /* stands for more than itself */
};

struct block {
	uint64_t address;
	uint64_t size : 40;
	uint64_t space : 24; /* index of the space; never 0 */
	uint32_t born; /* milliseconds since the capture began */
	uint32_t site : 24;
	uint32_t flags : 8; /* enum block_flag */
};

_Static_assert(sizeof(struct block) == 24, "block");

struct blocks;

/* max_bytes bounds the table's own memory; 0: no bound. NULL when out of memory. */
struct blocks *blocks_new(uint64_t max_bytes);
void blocks_free(struct blocks *blocks);

/*
 * 0; 1 when a block of the same key was there: it is replaced, and copied to *ret_old;
 * -ENOSPC at the bound, or without memory, with the table unchanged.
 */
int blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_old);
/* False when there is none; *ret_block is then untouched. */
bool blocks_take(struct blocks *blocks, uint32_t space, uint64_t address, struct block *ret_block);
bool blocks_get(const struct blocks *blocks, uint32_t space, uint64_t address,
		struct block *ret_block);

/*
 * All blocks in no order: start with {0}, ends with NULL. The table must not change
 * meanwhile.
 */
struct blocks_cursor {
	size_t segment, slot;
};
const struct block *blocks_next(const struct blocks *blocks, struct blocks_cursor *cursor);

size_t blocks_count(const struct blocks *blocks);
uint64_t blocks_bytes(const struct blocks *blocks);

#endif

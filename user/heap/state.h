/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The heap's inside, shared by the files that make it up: heap.c (allocations, releases,
 * spaces), reallocs.c, layers.c (mappings), fill.c. Nobody else includes it.
 */
#ifndef SEEP_HEAP_STATE_H
#define SEEP_HEAP_STATE_H

#include "heap/blocks.h"
#include "heap/heap.h"
#include "heap/mapping.h"
#include "heap/released.h"
#include "heap/sites.h"
#include "heap/spaces.h"
#include "heap/weight.h"

struct bursts;
struct hashmap;

/* A realloc under way: the block it was given is out of the table. */
struct parked_block {
	uint32_t space, tid;
	uint64_t address;
	bool known; /* false: a block from before the capture; only the address counts */
	struct block block;
};

/* A munmap or mremap under way. */
struct parked_pieces {
	uint32_t space, tid;
	struct pieces pieces;
};

struct heap {
	struct heap_options options;
	uint32_t count_one; /* what one block adds to a count: 1, sampled 256 */
	struct blocks *blocks;
	struct sites *sites;
	struct spaces *spaces;
	struct released *released;
	struct hashmap *reallocs; /* (space, tid) -> index into parked_blocks */
	struct parked_block *parked_blocks;
	size_t nr_parked_blocks, cap_parked_blocks;
	struct hashmap *unmaps; /* (space, tid) -> index into parked_pieces */
	struct parked_pieces *parked_pieces;
	size_t nr_parked_pieces, cap_parked_pieces;
	struct bursts *bursts; /* NULL: all is traced */
	bool no_mappings; /* see heap_leave_mappings */
	struct heap_stats stats; /* the counters of it; the rest is computed */
};

/* heap.c */

/* Milliseconds since the capture began; 0 for what was before. */
uint32_t heap_time(const struct heap *heap, uint64_t time);
struct weight heap_weight(const struct heap *heap, const struct block *block);
/* A new block and its site. 0 or -ENOMEM. */
int heap_insert(struct heap *heap, const struct seep_alloc *alloc);
/* Takes the block out of the figures; it is in no table any more. */
void heap_account_death(struct heap *heap, const struct block *block, uint32_t now);
/* A release of a block, or the address of one given out again: told to `bursts` alone. */
void heap_burst_death(struct heap *heap, const struct block *block, uint32_t now);
void heap_burst_reuse(struct heap *heap, const struct block *block);
/*
 * A release of an address that is in no table: false when it was released before, and was
 * handed out unseen.
 */
bool heap_account_unmatched(struct heap *heap, uint32_t space, uint64_t address, uint32_t now);
void heap_account_missed(struct heap *heap, struct space *space);

/* reallocs.c */

/* Puts back what any thread of the space has parked and not committed. */
void reallocs_abandon_all(struct heap *heap, uint32_t space, uint32_t now);
/*
 * A release that found no block: was its block parked by a call that never came back? True
 * when it was, and has now been released.
 */
bool reallocs_release(struct heap *heap, uint32_t space, uint64_t address, uint32_t now);

/* layers.c */
void unmaps_abandon_all(struct heap *heap, uint32_t space, uint32_t now);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what is known of CPython's allocator of small objects (Objects/obmalloc.c). `arenas` is an
 * array of arena_object, the same from 2.5 on:
 *
 *   address, pool_address, u32 nfreepools, u32 ntotalpools, freepools, nextarena, prevarena
 *
 * An arena is 256 KiB of pools of 4 KiB, from 3.10 on 1 MiB of pools of 16 KiB: 64 pools, or 63
 * where it is not aligned. A pool begins with a pool_header {u32 blocks in use, freeblock, next,
 * prev, u32 arenaindex, u32 szidx, u32 nextoffset, u32 maxnextoffset}: the size of its blocks is
 * its own size less maxnextoffset. Arenas that are all free go back to the kernel, unless the
 * program keeps one block in each: that is what makes a Python process stay large.
 *
 * The variable `arenas` is static, and so without a symbol; in 3.12 it moved into the interpreter,
 * in 3.13 behind a pointer, still in the file's bss. It is found by what it points to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/holding.h"
#include "allocator/scan.h"
#include "memory/page_cache.h"

enum {
	ARENA_WORDS = 6,
	FIRST_ARENAS = 16, /* the array begins so long, and doubles */
	ARENAS_BOUND = 1 << 16,
	POOLS_MOST = 64,
	POOL_HEADER = 48,
	SMALL_MOST = 512,
	CACHE_PAGES = 256,
};

struct arena {
	uint64_t address, pool_address;
	uint32_t nr_free, nr_total;
	uint64_t free_pools, next, previous;
};
_Static_assert(sizeof(struct arena) == ARENA_WORDS * 8, "as in CPython");

struct pool {
	uint32_t used, padding;
	uint64_t free_block, next, previous;
	uint32_t arena, size_index, next_offset, most_offset;
};
_Static_assert(sizeof(struct pool) == POOL_HEADER, "as in CPython");

struct pool_walk {
	struct remote *remote;
	struct page_cache *pages;
	const struct regions *regions;
	uint64_t arenas; /* the array */
	uint64_t pool_size;
	struct holding holding;
};

static bool pool_size_fits(const struct arena *arena, uint64_t size)
{
	uint64_t base = (arena->address + size - 1) & ~(size - 1);

	return arena->pool_address % size == 0 && arena->pool_address >= base &&
	       arena->pool_address <= base + arena->nr_total * size;
}

/* One in use. */
static bool is_arena(const struct pool_walk *walk, const struct arena *arena)
{
	return arena->address && (arena->nr_total == POOLS_MOST || arena->nr_total == 63) &&
	       arena->nr_free <= arena->nr_total && arena->pool_address >= arena->address &&
	       (pool_size_fits(arena, 4096) || pool_size_fits(arena, 16384)) &&
	       regions_hold(walk->regions, arena->address, 63 * 4096);
}

/* By a pool of it: the arena's number is in each, and sizes must add up. */
static uint64_t pool_size_of(struct pool_walk *walk, const struct arena *arena, uint32_t index)
{
	for (uint64_t size = 4096; size <= 16384; size *= 4) {
		uint64_t base = (arena->address + size - 1) & ~(size - 1);
		struct pool pool;

		if (!pool_size_fits(arena, size) || arena->pool_address == base ||
		    page_cache_read(walk->pages, base, &pool, sizeof(pool)) != 0)
			continue;
		if (pool.arena == index && pool.most_offset < size &&
		    size - pool.most_offset <= SMALL_MOST &&
		    (size - pool.most_offset) % (pool.size_index + 1) == 0)
			return size;
	}
	return 0;
}

/* Is there an array of arenas, so long, with at least one in use, and none that cannot be? */
static bool is_array(struct pool_walk *walk, uint64_t address, uint32_t nr)
{
	uint64_t pool_size = 0;

	for (uint32_t i = 0; i < FIRST_ARENAS && i < nr; i++) {
		struct arena arena;

		if (page_cache_read(walk->pages, address + i * sizeof(arena), &arena,
				    sizeof(arena)) != 0)
			return false;
		if (!arena.address)
			continue;
		if (!is_arena(walk, &arena))
			return false;
		if (!pool_size)
			pool_size = pool_size_of(walk, &arena, i);
	}
	walk->pool_size = pool_size;
	return pool_size != 0;
}

/* How long the array is stands beside it, in an order that is the compiler's: look about. */
static bool match_arrays(void *context, uint64_t address, const uint64_t *words)
{
	struct pool_walk *walk = context;
	uint64_t array = words[0];

	if (!array || array % 16 ||
	    !regions_hold(walk->regions, array, FIRST_ARENAS * sizeof(struct arena)) ||
	    !is_array(walk, array, FIRST_ARENAS))
		return false;
	walk->arenas = array;
	return true;
}

/*
 * The array has no end of its own: it is 16, 32, 64 ... long, and what lies behind it is no
 * arena. An unused half is linked through `next`, with addresses of 0.
 */
static uint32_t array_length(struct pool_walk *walk)
{
	uint32_t nr = FIRST_ARENAS;

	while (nr < ARENAS_BOUND) {
		for (uint32_t i = nr; i < 2 * nr; i++) {
			struct arena arena;
			uint64_t at = walk->arenas + i * sizeof(arena);
			bool linked;

			if (page_cache_read(walk->pages, at, &arena, sizeof(arena)) != 0)
				return nr;
			linked = !arena.next || (arena.next >= walk->arenas &&
						 (arena.next - walk->arenas) % sizeof(arena) == 0);
			if (!linked || (arena.address && !is_arena(walk, &arena)))
				return nr;
		}
		nr *= 2;
	}
	return nr;
}

static void add_pool(struct pool_walk *walk, const struct pool *pool)
{
	uint64_t block = walk->pool_size - pool->most_offset, room, used;

	if (pool->most_offset >= walk->pool_size || block > SMALL_MOST || block < 8) {
		walk->holding.partly = true;
		return;
	}
	room = (walk->pool_size - POOL_HEADER) / block * block;
	used = pool->used * block;
	/* One on the list of free pools: its arena has counted it. */
	if (!pool->used)
		return;
	if (used > room) {
		walk->holding.partly = true;
		return;
	}
	walk->holding.free += room - used;
	walk->holding.pieces += room > used;
}

static int add_arena(struct pool_walk *walk, const struct arena *arena, uint32_t index)
{
	uint64_t size = walk->pool_size, base = (arena->address + size - 1) & ~(size - 1);
	uint32_t carved = (uint32_t)((arena->pool_address - base) / size);
	struct pool pools[POOLS_MOST];
	struct remote_part parts[POOLS_MOST];

	walk->holding.arenas++;
	walk->holding.held += size * POOLS_MOST;
	walk->holding.free += arena->nr_free * size;
	walk->holding.free_whole += arena->nr_free * size;
	for (uint32_t i = 0; i < carved; i++)
		parts[i] = (struct remote_part){ base + i * size, &pools[i], POOL_HEADER, 0 };
	if (carved && remote_read_many(walk->remote, parts, carved) == -ESRCH)
		return -ESRCH;
	for (uint32_t i = 0; i < carved; i++) {
		if (parts[i].got == POOL_HEADER && pools[i].arena == index)
			add_pool(walk, &pools[i]);
		else
			walk->holding.partly = true;
	}
	return 0;
}

static int walk_arrays(struct pool_walk *walk)
{
	uint32_t nr;

	page_cache_forget(walk->pages);
	nr = array_length(walk);
	for (uint32_t i = 0; i < nr; i++) {
		struct arena arena;
		int err = 0;

		if (page_cache_read(walk->pages, walk->arenas + i * sizeof(arena), &arena,
				    sizeof(arena)) != 0)
			walk->holding.partly = true;
		else if (arena.address && is_arena(walk, &arena) &&
			 pool_size_fits(&arena, walk->pool_size))
			err = add_arena(walk, &arena, i);
		else if (arena.address)
			walk->holding.partly = true;
		if (err)
			return err;
	}
	return 0;
}

int holding_pymalloc(struct remote *remote, const struct regions *regions, int pagemap,
		     struct holding *ret_holding)
{
	struct pool_walk walk = { .remote = remote,
				  .pages = page_cache_new(remote, CACHE_PAGES),
				  .regions = regions,
				  .holding = { .allocator = "pymalloc" } };
	int err = -ENOMEM;

	if (walk.pages) {
		page_cache_skip_untouched(walk.pages, pagemap);
		err = scan_variables(remote, regions, 1, match_arrays, &walk);
	}
	err = err ?: walk_arrays(&walk);
	page_cache_free(walk.pages);
	if (!err)
		*ret_holding = walk.holding;
	return err;
}

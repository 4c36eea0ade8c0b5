// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what is known of glibc's struct malloc_state (malloc/malloc.c):
 *
 *   int mutex, flags[, have_fastchunks]; fastbins[10]; top; last_remainder; bins[254];
 *   unsigned binmap[4]; next; next_free; attached_threads; system_mem; max_system_mem
 *
 * have_fastchunks came with 2.27 (and pads to 16 bytes), the rest is the same since 2.23. The
 * bins are heads of circular lists, laid out so that an empty one points at itself less two words:
 * most of 127 bins are empty at any time, and nothing else in a program's data looks so. That, a
 * ring of `next` through all arenas that leads back, and a plausible sum are how main_arena is
 * found in a libc without symbols, or in a static program. An arena's free memory is its top
 * chunk, the chunks in bins, and those in fastbins, whose links are mangled since 2.32.
 *
 * Chunks that threads keep for themselves (tcache) count as handed out. Everything read may be
 * changing: sizes are checked against the arena's, steps are bounded.
 */
#include <errno.h>
#include <string.h>

#include "allocator/holding.h"
#include "allocator/scan.h"
#include "memory/page_cache.h"

enum {
	BINS = 127,
	FASTBINS = 10,
	EMPTY_LEAST = 16, /* of the bins */
	ARENAS = 4096,
	SYSTEM_LEAST = 4096,
	CACHE_PAGES = 1024,
	TOP_TO_BINS = 16,
	TOP_TO_NEXT = TOP_TO_BINS + 2 * 8 * BINS + 16,
	TOP_TO_SYSTEM = TOP_TO_NEXT + 24,
	STATE_BYTES = 96 + TOP_TO_SYSTEM + 16,
};
static const uint64_t STEPS = 1 << 20, SIZE_FLAGS = 7, LARGEST = UINT64_C(1) << 47;

struct heap_walk {
	struct remote *remote;
	struct page_cache *pages;
	const struct regions *regions;
	uint64_t main_arena;
	unsigned top; /* offset of the field */
	uint64_t steps;
	struct holding holding;
};

/* The layouts' only difference. */
static const unsigned tops[] = { 96, 88 };

static bool is_empty_bin(uint64_t address, unsigned top, const uint64_t *words, size_t bin)
{
	uint64_t head = address + top + 2 * 8 * bin;
	size_t at = (top + TOP_TO_BINS) / 8 + 2 * bin;

	return words[at] == head && words[at + 1] == head;
}

static bool looks_like_arena(const struct heap_walk *walk, uint64_t address, const uint64_t *words,
			     unsigned top)
{
	uint64_t next = words[(top + TOP_TO_NEXT) / 8], system = words[(top + TOP_TO_SYSTEM) / 8];
	const uint64_t *links = &words[(top + TOP_TO_BINS) / 8];
	size_t empty = 0;

	/* A mutex is 0 to 2, flags are few: cheap, and wrong nearly everywhere else. */
	if ((words[0] & 0xffffffff) > 2 || words[0] >> 32 > 15 || !next || next % 8 ||
	    system < SYSTEM_LEAST || system > LARGEST ||
	    system > words[(top + TOP_TO_SYSTEM) / 8 + 1])
		return false;
	/* One bin further on most still point at themselves: all must be there. */
	for (size_t bin = 0; bin < BINS; bin++) {
		if (!links[2 * bin] || !links[2 * bin + 1])
			return false;
		empty += is_empty_bin(address, top, words, bin);
	}
	return empty >= EMPTY_LEAST && regions_hold(walk->regions, next, STATE_BYTES);
}

static bool match_arena(void *context, uint64_t address, const uint64_t *words)
{
	struct heap_walk *walk = context;

	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++) {
		if (!looks_like_arena(walk, address, words, tops[i]))
			continue;
		walk->main_arena = address;
		walk->top = tops[i];
		return true;
	}
	return false;
}

/* The size of a chunk; 0 when it is none. */
static uint64_t chunk_size(struct heap_walk *walk, uint64_t chunk, uint64_t most)
{
	uint64_t size;

	if (chunk % 16 || page_cache_u64(walk->pages, chunk + 8, &size) != 0)
		return 0;
	size &= ~SIZE_FLAGS;
	return size >= 32 && size <= most ? size : 0;
}

static void add_free(struct heap_walk *walk, uint64_t size)
{
	walk->holding.free += size;
	walk->holding.pieces++;
}

/* A circular list from its head. */
static void walk_bin(struct heap_walk *walk, uint64_t head, uint64_t chunk, uint64_t most)
{
	while (chunk != head) {
		uint64_t size = chunk_size(walk, chunk, most);

		if (!size || ++walk->steps > STEPS ||
		    page_cache_u64(walk->pages, chunk + 16, &chunk) != 0) {
			walk->holding.partly = true;
			return;
		}
		add_free(walk, size);
	}
}

/* A fastbin is a plain list; a link is mangled with its own place where the plain one fails. */
static void walk_fastbin(struct heap_walk *walk, uint64_t chunk, uint64_t expected)
{
	while (chunk) {
		uint64_t size = chunk_size(walk, chunk, expected), link;

		if (size != expected || ++walk->steps > STEPS ||
		    page_cache_u64(walk->pages, chunk + 16, &link) != 0) {
			walk->holding.partly = true;
			return;
		}
		add_free(walk, size);
		/* A plain end is 0; a mangled one is the place itself, shifted: both decode to 0.
		 */
		if (link && (link % 16 || !regions_find(walk->regions, link)))
			link ^= (chunk + 16) >> 12;
		chunk = link;
	}
}

static void walk_arena(struct heap_walk *walk, uint64_t address, const uint64_t *words)
{
	const uint64_t *fast = &words[walk->top / 8 - FASTBINS];
	uint64_t system = words[(walk->top + TOP_TO_SYSTEM) / 8];
	uint64_t top = chunk_size(walk, words[walk->top / 8], system);

	walk->holding.arenas++;
	walk->holding.held += system;
	walk->holding.free += top;
	walk->holding.free_whole += top;
	for (size_t i = 0; i < FASTBINS; i++)
		walk_fastbin(walk, fast[i], 32 + 16 * i);
	for (size_t bin = 0; bin < BINS; bin++) {
		uint64_t first = words[(walk->top + TOP_TO_BINS) / 8 + 2 * bin];

		/* An arena that was made and not used yet has no lists. */
		if (first)
			walk_bin(walk, address + walk->top + 2 * 8 * bin, first, system);
	}
}

static int walk_arenas(struct heap_walk *walk)
{
	uint64_t words[STATE_BYTES / 8], address = walk->main_arena;

	for (int i = 0; i < ARENAS; i++) {
		int err = remote_read(walk->remote, address, words, sizeof(words));

		if (err == -EFAULT) {
			walk->holding.partly = true;
			return 0;
		}
		if (err)
			return err;
		walk_arena(walk, address, words);
		address = words[(walk->top + TOP_TO_NEXT) / 8];
		if (address == walk->main_arena)
			return 0;
	}
	walk->holding.partly = true;
	return 0;
}

int holding_glibc(struct remote *remote, const struct regions *regions, struct holding *ret_holding)
{
	struct heap_walk walk = { .remote = remote,
				  .regions = regions,
				  .holding = { .allocator = "glibc" } };
	int err = scan_variables(remote, regions, STATE_BYTES / 8, match_arena, &walk);

	if (err)
		return err;
	walk.pages = page_cache_new(remote, CACHE_PAGES);
	if (!walk.pages)
		return -ENOMEM;
	err = walk_arenas(&walk);
	page_cache_free(walk.pages);
	/* What was torn can say more than there is. */
	if (walk.holding.free > walk.holding.held) {
		walk.holding.free = walk.holding.held;
		walk.holding.partly = true;
	}
	if (!err)
		*ret_holding = walk.holding;
	return err;
}

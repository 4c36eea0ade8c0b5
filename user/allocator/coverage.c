// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a counter for each page of anonymous memory: how many of its bytes are in blocks. Blocks
 * come in no order and by the million, so they are not sorted but added up; a page costs two
 * bytes, a thousandth of it with the slack. Files' data and what follows it (bss), and the first
 * thread's stack, are no allocator's.
 *
 * That a block is outstanding does not say that it was written to: what counts is resident pages
 * less what of them is in blocks, never the sizes of blocks alone.
 */
#include "allocator/coverage.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAP_WORDS = 8192 };
#define PAGE_PRESENT (UINT64_C(1) << 63) /* Documentation/admin-guide/mm/pagemap.rst */

static const uint64_t MOST_PAGES = 16 << 20; /* 64 GiB */

struct coverage {
	const struct regions *regions;
	uint64_t page_size;
	uint64_t *first; /* page of each region in `covered`; of none: that of the next one */
	uint16_t *covered; /* bytes of each page that are in blocks */
};

static bool is_heap(const struct regions *regions, size_t index)
{
	const struct region *region = &regions->items[index];
	bool follows = index && region[-1].kind == REGION_FILE && region[-1].end == region->start;

	return region->kind == REGION_ANONYMOUS && !follows;
}

static uint64_t pages_of(const struct coverage *c, const struct region *region)
{
	return (region->end - region->start) / c->page_size;
}

static int number_pages(struct coverage *c)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < c->regions->nr; i++) {
		c->first[i] = nr;
		if (is_heap(c->regions, i))
			nr += pages_of(c, &c->regions->items[i]);
		if (nr > MOST_PAGES)
			return -E2BIG;
	}
	c->covered = calloc(nr + 1, sizeof(*c->covered));
	return c->covered ? 0 : -ENOMEM;
}

int coverage_new(const struct regions *regions, struct coverage **ret_coverage)
{
	struct coverage *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->regions = regions;
	c->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	c->first = calloc(regions->nr + 1, sizeof(*c->first));
	if (c->first)
		err = number_pages(c);
	if (err)
		coverage_free(c);
	else
		*ret_coverage = c;
	return err;
}

void coverage_free(struct coverage *c)
{
	if (!c)
		return;
	free(c->first);
	free(c->covered);
	free(c);
}

static void add_to_page(struct coverage *c, uint64_t page, uint64_t bytes)
{
	uint64_t sum = c->covered[page] + bytes;

	/* A page of 64 KiB is then one byte short of full. */
	if (sum > c->page_size)
		sum = c->page_size;
	c->covered[page] = sum > UINT16_MAX ? UINT16_MAX : (uint16_t)sum;
}

void coverage_add(struct coverage *c, uint64_t address, uint64_t size)
{
	const struct region *region = regions_find(c->regions, address);
	size_t index = region ? (size_t)(region - c->regions->items) : 0;
	uint64_t end, page;

	if (!region || !is_heap(c->regions, index))
		return;
	end = size < region->end - address ? address + size : region->end;
	page = c->first[index] + (address - region->start) / c->page_size;
	while (address < end) {
		uint64_t next = (address / c->page_size + 1) * c->page_size;

		if (next > end)
			next = end;
		add_to_page(c, page++, next - address);
		address = next;
	}
}

static void add_resident(const struct coverage *c, uint64_t page, struct holding *holding)
{
	uint64_t rest = c->page_size - c->covered[page];

	holding->held += c->page_size;
	holding->free += rest;
	if (rest == c->page_size)
		holding->free_whole += rest;
	else if (rest)
		holding->pieces++;
}

static int measure_region(const struct coverage *c, size_t index, int pagemap,
			  struct holding *holding)
{
	const struct region *region = &c->regions->items[index];
	uint64_t nr = pages_of(c, region), words[MAP_WORDS];

	for (uint64_t done = 0; done < nr;) {
		uint64_t page = region->start / c->page_size + done;
		uint64_t ask = nr - done < MAP_WORDS ? nr - done : MAP_WORDS;
		ssize_t got = pread(pagemap, words, ask * 8, (off_t)(page * 8));

		/* Nothing of it: the process has no memory any more. */
		if (got < 8)
			return got < 0 ? -EIO : -ESRCH;
		for (uint64_t i = 0; i < (uint64_t)got / 8; i++)
			if (words[i] & PAGE_PRESENT)
				add_resident(c, c->first[index] + done + i, holding);
		done += (uint64_t)got / 8;
	}
	return 0;
}

int coverage_measure(const struct coverage *c, int pagemap, struct holding *ret_holding)
{
	struct holding holding = { 0 };
	int err = 0;

	for (size_t i = 0; i < c->regions->nr && !err; i++) {
		if (!is_heap(c->regions, i))
			continue;
		holding.arenas++;
		err = measure_region(c, i, pagemap, &holding);
	}
	if (!err)
		*ret_holding = holding;
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns what others may know of the live blocks of one space: whose they are, and where. */
#include "heap/state.h"

#include <errno.h>

uint8_t heap_main_family(const struct heap *h, uint32_t space)
{
	uint32_t index = spaces_find(h->spaces, space);
	uint64_t bytes[UINT8_MAX + 1] = { 0 };
	uint8_t most = 0;

	for (uint32_t number = 1; index && number <= sites_count(h->sites); number++) {
		const struct site *site = sites_at(h->sites, number);

		if (site->key.space != index || site->key.kind != SITE_PLAIN ||
		    site_layer(site) != LAYER_BLOCKS)
			continue;
		for (size_t i = 0; i < PROFILE_COHORTS; i++)
			bytes[site->key.family] += site->cohorts[i].alloc_bytes;
	}
	for (int family = 1; family <= UINT8_MAX; family++)
		if (bytes[family] > bytes[most])
			most = (uint8_t)family;
	return most;
}

int heap_each_live(const struct heap *h, uint32_t space,
		   void (*each)(void *context, uint64_t address, uint64_t size), void *context)
{
	uint32_t index = spaces_find(h->spaces, space);
	struct blocks_cursor cursor = { 0 };
	const struct block *b;

	if (!index)
		return -ENOENT;
	if (h->bursts || h->options.sample_bytes || spaces_at(h->spaces, index)->lost_frees)
		return -ENODATA;
	while ((b = blocks_next(h->blocks, &cursor)))
		if (b->space == index && site_layer(sites_at(h->sites, b->site)) == LAYER_BLOCKS)
			each(context, b->address, b->size);
	return 0;
}

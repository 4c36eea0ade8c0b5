// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the sites, the index that finds them by key, and the division of time. Knows no
 * blocks: who adds to a cohort and takes from it is heap.c's business.
 *
 * Sites live in chunks that never move. The index holds 64-bit hashes beside the numbers:
 * a look-up reads a site only to confirm.
 */
#include "heap/sites.h"

#include "base/hashmap.h"

#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

#include "../../bpf/event.h"

enum { CHUNK_BITS = 6, CHUNK = 1 << CHUNK_BITS, FIRST_SLOTS = 256 };

struct slot {
	uint64_t hash;
	uint32_t number; /* 0: free */
};

struct sites {
	struct site **chunks;
	size_t nr_chunks, cap_chunks;
	struct slot *slots;
	size_t mask;
	size_t count, max;
	uint32_t interval;
	unsigned int doublings;
};

struct sites *sites_new(size_t max_sites)
{
	struct sites *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->slots = calloc(FIRST_SLOTS, sizeof(*s->slots));
	if (!s->slots) {
		free(s);
		return NULL;
	}
	s->mask = FIRST_SLOTS - 1;
	s->max = max_sites;
	s->interval = SITES_FIRST_INTERVAL;
	return s;
}

void sites_free(struct sites *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr_chunks; i++)
		free(s->chunks[i]);
	free(s->chunks);
	free(s->slots);
	free(s);
}

enum site_layer site_layer(const struct site *site)
{
	if (site->key.family == SEEP_FAMILY_MAPPING)
		return LAYER_MAPPINGS;
	return site->key.op >= SEEP_OP_ACQUIRE ? LAYER_HANDLES : LAYER_BLOCKS;
}

struct site *sites_at(const struct sites *s, uint32_t number)
{
	number--;
	return &s->chunks[number >> CHUNK_BITS][number & (CHUNK - 1)];
}

static inline uint64_t hash_key(const struct site_key *k)
{
	uint64_t small = (uint64_t)k->space << 32 | k->tid;

	return hash_mix(k->stack ^
			hash_mix(small + ((uint64_t)k->family << 56 ^ (uint64_t)k->op << 48 ^
					  (uint64_t)k->kind << 40)));
}

static inline bool same_key(const struct site_key *a, const struct site_key *b)
{
	return a->stack == b->stack && a->space == b->space && a->tid == b->tid &&
	       a->family == b->family && a->op == b->op && a->kind == b->kind;
}

static struct slot *find(const struct sites *s, const struct site_key *key, uint64_t hash)
{
	size_t i = hash & s->mask;

	while (s->slots[i].number &&
	       !(s->slots[i].hash == hash && same_key(&sites_at(s, s->slots[i].number)->key, key)))
		i = (i + 1) & s->mask;
	return &s->slots[i];
}

static bool grow_index(struct sites *s)
{
	size_t mask = s->mask * 2 + 1;
	struct slot *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i <= s->mask; i++) {
		size_t to = s->slots[i].hash & mask;

		if (!s->slots[i].number)
			continue;
		while (slots[to].number)
			to = (to + 1) & mask;
		slots[to] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->mask = mask;
	return true;
}

static bool grow_chunks(struct sites *s)
{
	struct site *chunk;

	if (s->nr_chunks == s->cap_chunks) {
		size_t wanted = s->cap_chunks ? s->cap_chunks * 2 : 16;
		struct site **grown = reallocarray(s->chunks, wanted, sizeof(*grown));

		if (!grown)
			return false;
		s->chunks = grown;
		s->cap_chunks = wanted;
	}
	chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return false;
	s->chunks[s->nr_chunks++] = chunk;
	return true;
}

static uint32_t add(struct sites *s, const struct site_key *key, uint64_t hash)
{
	struct slot *slot;
	uint32_t number;

	if ((s->count + 1) * 2 > s->mask + 1 && !grow_index(s))
		return 0;
	if (s->count == s->nr_chunks << CHUNK_BITS && !grow_chunks(s))
		return 0;
	number = (uint32_t)++s->count;
	slot = find(s, key, hash);
	*slot = (struct slot){ hash, number };
	sites_at(s, number)->key = *key;
	return number;
}

uint32_t sites_get(struct sites *s, const struct site_key *key, bool *ret_folded)
{
	uint64_t hash = hash_key(key);
	struct slot *slot = find(s, key, hash);
	struct site_key others;

	*ret_folded = false;
	if (slot->number)
		return slot->number;
	if (s->count < s->max || key->kind == SITE_OTHERS)
		return add(s, key, hash);
	*ret_folded = true;
	others = (struct site_key){ .space = key->space, .kind = SITE_OTHERS };
	hash = hash_key(&others);
	slot = find(s, &others, hash);
	return slot->number ? slot->number : add(s, &others, hash);
}

/* `from` is the interval behind `to`. */
static void merge(struct cohort *to, const struct cohort *from)
{
	uint64_t below = from->dip + to->gone_count;

	if (below > to->alloc_count && below - to->alloc_count > to->dip)
		to->dip = below - to->alloc_count;
	to->alloc_bytes += from->alloc_bytes;
	to->alloc_count += from->alloc_count;
	to->live_bytes += from->live_bytes;
	to->live_count += from->live_count;
	to->gone_bytes += from->gone_bytes;
	to->gone_count += from->gone_count;
}

static void double_interval(struct sites *s)
{
	for (uint32_t n = 1; n <= s->count; n++) {
		struct cohort *c = sites_at(s, n)->cohorts;

		for (int i = 0; i < PROFILE_COHORTS / 2; i++) {
			struct cohort sum = c[2 * i];

			merge(&sum, &c[2 * i + 1]);
			c[i] = sum;
		}
		memset(&c[PROFILE_COHORTS / 2], 0, PROFILE_COHORTS / 2 * sizeof(*c));
	}
	s->interval *= 2;
	s->doublings++;
}

uint32_t sites_cohort(struct sites *s, uint32_t time)
{
	uint32_t index = time / s->interval;

	while (index >= PROFILE_COHORTS) {
		double_interval(s);
		index = time / s->interval;
	}
	return index;
}

uint32_t sites_interval(const struct sites *s)
{
	return s->interval;
}

unsigned int sites_doublings(const struct sites *s)
{
	return s->doublings;
}

size_t sites_count(const struct sites *s)
{
	return s->count;
}

uint64_t sites_bytes(const struct sites *s)
{
	return sizeof(*s) + s->cap_chunks * sizeof(*s->chunks) +
	       s->nr_chunks * CHUNK * sizeof(struct site) + (s->mask + 1) * sizeof(*s->slots);
}

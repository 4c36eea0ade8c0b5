/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A map from 64-bit keys to 64-bit values: open addressing, linear probing, at most
 * three quarters full. Any key is allowed. Not safe for threads.
 */
#ifndef SEEP_BASE_HASHMAP_H
#define SEEP_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap;

struct hashmap *hashmap_new(void);
void hashmap_free(struct hashmap *map);

/* 0, or -ENOMEM with the map unchanged. Replaces the value of a key that is there. */
int hashmap_put(struct hashmap *map, uint64_t key, uint64_t value);
/* False when the key is not there; *ret_value is then untouched. */
bool hashmap_get(const struct hashmap *map, uint64_t key, uint64_t *ret_value);
bool hashmap_remove(struct hashmap *map, uint64_t key);
size_t hashmap_size(const struct hashmap *map);
/*
 * Walks all pairs in no order: start with *cursor = 0, ends with false. The map must not
 * change meanwhile.
 */
bool hashmap_next(const struct hashmap *map, size_t *cursor, uint64_t *ret_key,
		  uint64_t *ret_value);
size_t hashmap_bytes(const struct hashmap *map);

/* The mixing function used here (splitmix64's finaliser), for keys made of parts. */
static inline uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the small key-value table that everything but the hot block table uses. Removal
 * shifts the following run back, so that there are no tombstones to clean.
 */
#include "base/hashmap.h"

#include <errno.h>
#include <stdlib.h>

struct slot {
	uint64_t key;
	uint64_t value;
};

struct hashmap {
	struct slot *slots;
	uint8_t *used;
	size_t mask;
	size_t size;
};

enum { INITIAL_SLOTS = 16 };

static int allocate(struct hashmap *map, size_t slots)
{
	map->slots = calloc(slots, sizeof(*map->slots));
	map->used = calloc(slots, 1);
	if (!map->slots || !map->used) {
		free(map->slots);
		free(map->used);
		return -ENOMEM;
	}
	map->mask = slots - 1;
	map->size = 0;
	return 0;
}

struct hashmap *hashmap_new(void)
{
	struct hashmap *map = calloc(1, sizeof(*map));

	if (map && allocate(map, INITIAL_SLOTS)) {
		free(map);
		return NULL;
	}
	return map;
}

void hashmap_free(struct hashmap *map)
{
	if (!map)
		return;
	free(map->slots);
	free(map->used);
	free(map);
}

static size_t home(const struct hashmap *map, uint64_t key)
{
	return hash_mix(key) & map->mask;
}

/* The slot of the key, or the free slot where it would go. */
static size_t find(const struct hashmap *map, uint64_t key)
{
	size_t i = home(map, key);

	while (map->used[i] && map->slots[i].key != key)
		i = (i + 1) & map->mask;
	return i;
}

static int grow(struct hashmap *map)
{
	struct hashmap bigger;
	size_t cursor = 0;
	uint64_t key, value;

	if (allocate(&bigger, (map->mask + 1) * 2))
		return -ENOMEM;
	while (hashmap_next(map, &cursor, &key, &value)) {
		size_t i = find(&bigger, key);

		bigger.used[i] = 1;
		bigger.slots[i] = (struct slot){ key, value };
	}
	bigger.size = map->size;
	free(map->slots);
	free(map->used);
	*map = bigger;
	return 0;
}

int hashmap_put(struct hashmap *map, uint64_t key, uint64_t value)
{
	size_t i = find(map, key);

	if (!map->used[i]) {
		if ((map->size + 1) * 4 > (map->mask + 1) * 3) {
			int err = grow(map);

			if (err)
				return err;
			i = find(map, key);
		}
		map->used[i] = 1;
		map->size++;
	}
	map->slots[i] = (struct slot){ key, value };
	return 0;
}

bool hashmap_get(const struct hashmap *map, uint64_t key, uint64_t *ret_value)
{
	size_t i = find(map, key);

	if (!map->used[i])
		return false;
	*ret_value = map->slots[i].value;
	return true;
}

bool hashmap_remove(struct hashmap *map, uint64_t key)
{
	size_t hole = find(map, key), i;

	if (!map->used[hole])
		return false;
	/* Move back whatever the hole would hide from its home. */
	for (i = (hole + 1) & map->mask; map->used[i]; i = (i + 1) & map->mask) {
		size_t distance = (i - home(map, map->slots[i].key)) & map->mask;

		if (distance >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->used[hole] = 0;
	map->size--;
	return true;
}

size_t hashmap_size(const struct hashmap *map)
{
	return map->size;
}

bool hashmap_next(const struct hashmap *map, size_t *cursor, uint64_t *ret_key, uint64_t *ret_value)
{
	while (*cursor <= map->mask) {
		size_t i = (*cursor)++;

		if (map->used[i]) {
			*ret_key = map->slots[i].key;
			*ret_value = map->slots[i].value;
			return true;
		}
	}
	return false;
}

size_t hashmap_bytes(const struct hashmap *map)
{
	return sizeof(*map) + (map->mask + 1) * (sizeof(*map->slots) + 1);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns interned strings: text in chunks that never move, and an open-addressing index of
 * pointers into them.
 */
#include "base/strpool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024, INITIAL_SLOTS = 256 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	char text[];
};

struct slot {
	const char *text;
	uint32_t length;
	uint32_t hash;
};

struct strpool {
	struct chunk *chunks;
	struct slot *slots;
	size_t mask, size, bytes;
};

struct strpool *strpool_new(void)
{
	struct strpool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->slots = calloc(INITIAL_SLOTS, sizeof(*pool->slots));
	if (!pool->slots) {
		free(pool);
		return NULL;
	}
	pool->mask = INITIAL_SLOTS - 1;
	return pool;
}

void strpool_free(struct strpool *pool)
{
	struct chunk *c, *next;

	if (!pool)
		return;
	for (c = pool->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(pool->slots);
	free(pool);
}

/* FNV-1a */
static uint32_t hash_text(const char *text, size_t length)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619u;
	return h;
}

static struct slot *find(struct slot *slots, size_t mask, const char *text, size_t length,
			 uint32_t hash)
{
	size_t i = hash & mask;

	while (slots[i].text && !(slots[i].hash == hash && slots[i].length == length &&
				  !memcmp(slots[i].text, text, length)))
		i = (i + 1) & mask;
	return &slots[i];
}

static int grow(struct strpool *pool)
{
	size_t mask = pool->mask * 2 + 1;
	struct slot *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i <= pool->mask; i++) {
		struct slot *s = &pool->slots[i];

		if (s->text)
			*find(slots, mask, s->text, s->length, s->hash) = *s;
	}
	free(pool->slots);
	pool->slots = slots;
	pool->mask = mask;
	return 0;
}

static char *store(struct strpool *pool, const char *text, size_t length)
{
	struct chunk *c = pool->chunks;
	char *copy;

	if (!c || c->size - c->used < length + 1) {
		size_t size = length + 1 > CHUNK ? length + 1 : CHUNK;

		c = malloc(sizeof(*c) + size);
		if (!c)
			return NULL;
		c->next = pool->chunks;
		c->used = 0;
		c->size = size;
		pool->chunks = c;
		pool->bytes += sizeof(*c) + size;
	}
	copy = c->text + c->used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	c->used += length + 1;
	return copy;
}

const char *strpool_add_n(struct strpool *pool, const char *text, size_t length)
{
	struct slot *slot;
	uint32_t hash;

	if (!text || length >= UINT32_MAX)
		return NULL;
	if ((pool->size + 1) * 4 > (pool->mask + 1) * 3 && grow(pool))
		return NULL;
	hash = hash_text(text, length);
	slot = find(pool->slots, pool->mask, text, length, hash);
	if (!slot->text) {
		const char *copy = store(pool, text, length);

		if (!copy)
			return NULL;
		*slot = (struct slot){ copy, (uint32_t)length, hash };
		pool->size++;
	}
	return slot->text;
}

const char *strpool_add(struct strpool *pool, const char *text)
{
	return text ? strpool_add_n(pool, text, strlen(text)) : NULL;
}

size_t strpool_bytes(const struct strpool *pool)
{
	return pool->bytes + (pool->mask + 1) * sizeof(*pool->slots);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns blocks of mappings, each used by some spaces. A block is never changed: a space whose
 * maps have changed gets another. So what the kernel side copies at a fork is only where the
 * block is, and it can be read while others are written.
 */
#include "trace/unwind_spaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

/* The kernel side raises generations by one, user space by more. */
enum { GENERATION_STEP = 64, WORDS = sizeof(struct seep_unwind_mapping) / 4 };

struct block {
	struct unwind_owner owner; /* first: released() gets it */
	struct unwind_spaces *spaces;
	struct unwind_part part;
	uint32_t nr;
	uint32_t users; /* spaces; 0: given back, and not yet free */
};

struct unwind_spaces {
	struct unwind_space_ops ops;
	struct unwind_memory *memory;
	struct unwind_tables *tables;
	struct hashmap *by_space; /* space -> struct block * */
	struct hashmap *by_first; /* index of the first mapping -> struct block * */
	uint32_t generation;
	struct unwind_spaces_stats stats;
};

struct unwind_spaces *unwind_spaces_new(const struct unwind_space_ops *ops,
					struct unwind_memory *memory, struct unwind_tables *tables)
{
	struct unwind_spaces *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ops = *ops;
	s->memory = memory;
	s->tables = tables;
	s->by_space = hashmap_new();
	s->by_first = hashmap_new();
	if (!s->by_space || !s->by_first) {
		unwind_spaces_free(s);
		return NULL;
	}
	return s;
}

void unwind_spaces_free(struct unwind_spaces *s)
{
	uint64_t first, block;
	size_t cursor = 0;

	if (!s)
		return;
	while (s->by_first && hashmap_next(s->by_first, &cursor, &first, &block)) {
		/* The memory knows those that were given back, and must not any more. */
		unwind_memory_keep(s->memory, &((struct block *)(uintptr_t)block)->owner);
		free((struct block *)(uintptr_t)block);
	}
	hashmap_free(s->by_space);
	hashmap_free(s->by_first);
	free(s);
}

static struct block *find(const struct hashmap *map, uint64_t key)
{
	uint64_t block;

	return hashmap_get(map, key, &block) ? (struct block *)(uintptr_t)block : NULL;
}

/* The index of its first mapping, behind the gap that kept it in one chunk. */
static uint64_t first_of(const struct block *block)
{
	return block->part.end / WORDS - block->nr;
}

static struct seep_unwind_mapping *mappings_of(const struct unwind_spaces *s,
					       const struct block *block)
{
	uint32_t *words = unwind_memory_words(s->memory) + first_of(block) * WORDS;

	return (struct seep_unwind_mapping *)words;
}

static void leave_block(struct unwind_spaces *s, struct block *block)
{
	const struct seep_unwind_mapping *mappings;

	if (!block || --block->users)
		return;
	mappings = mappings_of(s, block);
	for (uint32_t i = 0; i < block->nr; i++)
		unwind_tables_leave(s->tables, mappings[i].table);
	s->stats.blocks--;
	s->stats.mappings -= block->nr;
	/* A child may have it whose record is on the way. */
	unwind_memory_give(s->memory, block->part, &block->owner);
}

static void release(struct unwind_owner *owner)
{
	struct block *block = (struct block *)owner;

	hashmap_remove(block->spaces->by_first, first_of(block));
	free(block);
}

/* One space more has it. */
static void enter_block(struct unwind_spaces *s, struct block *block)
{
	const struct seep_unwind_mapping *mappings = mappings_of(s, block);

	if (block->users++)
		return;
	for (uint32_t i = 0; i < block->nr; i++)
		unwind_tables_use(s->tables, mappings[i].table);
	s->stats.blocks++;
	s->stats.mappings += block->nr;
}

/* Where that many mappings end: small spaces lie in one chunk. */
static uint64_t block_end(const void *what, uint64_t first)
{
	const uint64_t *nr = what;
	uint64_t words = *nr * WORDS, left = SEEP_CHUNK_ROWS - first % SEEP_CHUNK_ROWS;

	if (*nr > SEEP_UNWIND_NEAR || words <= left)
		return first + words;
	return first + left + words;
}

static int make_block(struct unwind_spaces *s, const struct seep_unwind_mapping *mappings,
		      uint64_t nr, struct block **ret_block)
{
	struct block *block = calloc(1, sizeof(*block));
	int err = -ENOMEM;

	if (block)
		err = unwind_memory_take(s->memory, WORDS, nr * WORDS, block_end, &nr,
					 &block->part);
	if (err) {
		free(block);
		return err;
	}
	block->owner.released = release;
	block->spaces = s;
	block->nr = nr;
	err = hashmap_put(s->by_first, first_of(block), (uintptr_t)block);
	if (err) {
		unwind_memory_give(s->memory, block->part, NULL);
		free(block);
		return err;
	}
	memcpy(mappings_of(s, block), mappings, nr * sizeof(*mappings));
	*ret_block = block;
	return 0;
}

static bool is_same(const struct unwind_spaces *s, const struct block *block,
		    const struct seep_unwind_mapping *mappings, size_t nr)
{
	return block && block->nr == nr &&
	       !memcmp(mappings_of(s, block), mappings, nr * sizeof(*mappings));
}

/* What has been mapped since the maps were read stays marked as new. */
static int send(struct unwind_spaces *s, uint32_t space, const struct block *block,
		uint32_t changes)
{
	struct seep_unwind_space entry = { 0 };

	s->ops.get(s->ops.context, space, &entry);
	if (entry.changes == changes)
		entry.changed_start = entry.changed_end = 0;
	entry.first = block ? first_of(block) : 0;
	entry.nr = block ? block->nr : 0;
	entry.generation = s->generation += GENERATION_STEP;
	return s->ops.set(s->ops.context, space, &entry);
}

static int remember(struct unwind_spaces *s, uint32_t space, struct block *block)
{
	struct block *old = find(s->by_space, space);
	int err;

	if (old == block)
		return 0;
	err = hashmap_put(s->by_space, space, (uintptr_t)block);
	if (err)
		return err;
	enter_block(s, block);
	leave_block(s, old);
	return 0;
}

uint32_t unwind_spaces_changes(const struct unwind_spaces *s, uint32_t space)
{
	struct seep_unwind_space entry = { 0 };

	s->ops.get(s->ops.context, space, &entry);
	return entry.changes;
}

int unwind_spaces_set(struct unwind_spaces *s, uint32_t space,
		      const struct seep_unwind_mapping *mappings, size_t nr, uint32_t changes)
{
	struct block *old = find(s->by_space, space), *block = old;
	int err;

	if (!nr || nr > SEEP_UNWIND_MAPPINGS)
		return -EINVAL;
	if (!is_same(s, old, mappings, nr)) {
		err = make_block(s, mappings, nr, &block);
		if (err)
			return err;
	} else if (!changes) {
		return 0;
	}
	enter_block(s, block);
	err = send(s, space, block, changes);
	if (!err)
		err = remember(s, space, block);
	leave_block(s, block);
	return err;
}

bool unwind_spaces_adopt(struct unwind_spaces *s, uint32_t space)
{
	struct seep_unwind_space entry;
	struct block *block;

	if (s->ops.get(s->ops.context, space, &entry) || !entry.nr)
		return false;
	block = find(s->by_first, entry.first);
	if (!block || block->nr != entry.nr ||
	    (!block->users && !unwind_memory_keep(s->memory, &block->owner)))
		return false;
	return !remember(s, space, block);
}

void unwind_spaces_forget(struct unwind_spaces *s, uint32_t space)
{
	struct block *block = find(s->by_space, space);

	s->ops.forget(s->ops.context, space);
	hashmap_remove(s->by_space, space);
	leave_block(s, block);
}

struct unwind_spaces_stats unwind_spaces_stats(const struct unwind_spaces *s)
{
	struct unwind_spaces_stats stats = s->stats;

	stats.spaces = hashmap_size(s->by_space);
	return stats;
}

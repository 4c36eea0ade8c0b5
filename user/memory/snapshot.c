// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns copies of blocks of foreign memory. The unkept ones are in a ring, the oldest goes
 * when the ring is full; blocks of which nothing can be read are remembered too, without
 * bytes, since pointers to nowhere come in crowds. Knows nothing of what is in the memory.
 */
#include "memory/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum {
	PAGE = 4096,
	PAGES = SNAPSHOT_BLOCK / PAGE,
	RECENT = 256,
	LEAST_WINDOW = 8, /* blocks */
	MAX_EMPTY = 1 << 16,
};

struct block {
	uint64_t number; /* address / SNAPSHOT_BLOCK */
	uint8_t *bytes; /* NULL: nothing of it can be read */
	uint16_t valid; /* a bit a page */
	bool kept;
	struct block *newer; /* in the ring */
};

_Static_assert(PAGES <= 16, "a bit a page");

struct snapshot {
	struct remote *remote, *facade;
	struct hashmap *by_number; /* to the block */
	struct block *oldest, *newest; /* of the unkept */
	size_t nr_unkept, nr_held, nr_kept, nr_empty, peak;
	size_t window, limit; /* blocks */
	struct block *recent[RECENT];
};

static struct block *block_at(struct snapshot *s, uint64_t address);

static ssize_t read_facade(void *context, uint64_t address, void *bytes, size_t size)
{
	struct snapshot *s = context;
	size_t done = 0;

	while (done < size) {
		struct block *block = block_at(s, address + done);
		uint64_t offset = (address + done) % SNAPSHOT_BLOCK;
		size_t part = PAGE - offset % PAGE;

		if (!block || !(block->valid >> offset / PAGE & 1))
			break;
		part = part < size - done ? part : size - done;
		memcpy((char *)bytes + done, block->bytes + offset, part);
		done += part;
	}
	return done;
}

static size_t blocks_of(uint64_t bytes)
{
	size_t blocks = bytes / SNAPSHOT_BLOCK;

	return blocks < LEAST_WINDOW ? LEAST_WINDOW : blocks;
}

struct snapshot *snapshot_new(struct remote *remote, uint64_t window, uint64_t limit)
{
	static const struct remote_ops ops = { .read = read_facade };
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->remote = remote;
	s->window = blocks_of(window);
	s->limit = blocks_of(limit);
	s->by_number = hashmap_new();
	s->facade = remote_new(&ops, s);
	if (!s->by_number || !s->facade) {
		snapshot_free(s);
		return NULL;
	}
	return s;
}

void snapshot_free(struct snapshot *s)
{
	uint64_t number, block;
	size_t cursor = 0;

	if (!s)
		return;
	while (s->by_number && hashmap_next(s->by_number, &cursor, &number, &block)) {
		free(((struct block *)(uintptr_t)block)->bytes);
		free((void *)(uintptr_t)block);
	}
	hashmap_free(s->by_number);
	remote_free(s->facade);
	free(s);
}

struct remote *snapshot_remote(struct snapshot *s)
{
	return s->facade;
}

/* Takes the oldest of the unkept out of the ring. */
static struct block *take_oldest(struct snapshot *s)
{
	struct block *block = s->oldest;

	s->oldest = block->newer;
	if (!s->oldest)
		s->newest = NULL;
	s->nr_unkept--;
	block->newer = NULL;
	return block;
}

/* Makes room for one more. Kept blocks leave the ring when they come to its end. */
static void make_room(struct snapshot *s)
{
	while (s->oldest && (s->nr_unkept >= s->window || s->nr_held >= s->limit)) {
		struct block *block = take_oldest(s);

		if (block->kept)
			continue;
		hashmap_remove(s->by_number, block->number);
		if (s->recent[block->number % RECENT] == block)
			s->recent[block->number % RECENT] = NULL;
		free(block->bytes);
		free(block);
		s->nr_held--;
	}
}

void snapshot_set_window(struct snapshot *s, uint64_t window)
{
	s->window = blocks_of(window);
}

/* Page after page where not all can be read. */
static uint16_t read_pages(struct snapshot *s, uint64_t address, uint8_t *bytes)
{
	size_t page = 0;
	uint16_t valid = 0;

	while (page < PAGES) {
		ssize_t got = remote_read_some(s->remote, address + page * PAGE,
					       bytes + page * PAGE, (PAGES - page) * PAGE);

		if (got < 0)
			break;
		for (size_t i = 0; i < (size_t)got / PAGE; i++)
			valid |= (uint16_t)(1U << page++);
		page++;
	}
	return valid;
}

static void enter_ring(struct snapshot *s, struct block *block)
{
	if (s->newest)
		s->newest->newer = block;
	else
		s->oldest = block;
	s->newest = block;
	s->nr_unkept++;
	if (++s->nr_held > s->peak)
		s->peak = s->nr_held;
}

static struct block *load(struct snapshot *s, uint64_t number)
{
	struct block *block = calloc(1, sizeof(*block));
	uint8_t *bytes;

	make_room(s);
	bytes = malloc(SNAPSHOT_BLOCK);
	if (!block || !bytes)
		goto fail;
	block->number = number;
	block->valid = read_pages(s, number * SNAPSHOT_BLOCK, bytes);
	if (!block->valid && s->nr_empty >= MAX_EMPTY)
		goto fail;
	if (hashmap_put(s->by_number, number, (uintptr_t)block))
		goto fail;
	if (block->valid) {
		block->bytes = bytes;
		enter_ring(s, block);
	} else {
		free(bytes);
		s->nr_empty++;
	}
	return block;
fail:
	free(bytes);
	free(block);
	return NULL;
}

static struct block *block_at(struct snapshot *s, uint64_t address)
{
	uint64_t number = address / SNAPSHOT_BLOCK, found;
	struct block *block = s->recent[number % RECENT];

	if (block && block->number == number)
		return block;
	if (hashmap_get(s->by_number, number, &found))
		block = (struct block *)(uintptr_t)found;
	else
		block = load(s, number);
	s->recent[number % RECENT] = block;
	return block;
}

void snapshot_keep(struct snapshot *s, uint64_t address)
{
	struct block *block = block_at(s, address);

	if (!block || block->kept || s->nr_kept >= s->limit)
		return;
	block->kept = true;
	s->nr_kept++;
}

/* Is all of it there? */
static bool covers(const struct block *block, size_t offset, size_t size)
{
	size_t first = offset / PAGE, last = (offset + size - 1) / PAGE;
	uint32_t wanted = ((2U << last) - 1) & ~((1U << first) - 1);

	return (block->valid & wanted) == wanted;
}

const uint8_t *snapshot_bytes(struct snapshot *s, uint64_t address, size_t size, void *spill)
{
	size_t offset = address % SNAPSHOT_BLOCK;
	const struct block *block;

	if (!size || size > SNAPSHOT_BLOCK || address + size < address)
		return NULL;
	if (offset + size > SNAPSHOT_BLOCK)
		return read_facade(s, address, spill, size) == (ssize_t)size ? spill : NULL;
	block = block_at(s, address);
	return block && covers(block, offset, size) ? block->bytes + offset : NULL;
}

uint64_t snapshot_word(struct snapshot *s, uint64_t address)
{
	uint64_t word = 0, spill;
	const uint8_t *at = snapshot_bytes(s, address, sizeof(word), &spill);

	if (at)
		memcpy(&word, at, sizeof(word));
	return word;
}

uint64_t snapshot_peak(const struct snapshot *s)
{
	return (uint64_t)s->peak * SNAPSHOT_BLOCK;
}

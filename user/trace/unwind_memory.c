// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the free parts, and those that wait to become free. It must not know what is in them.
 *
 * A part that is given back is no longer led to by anything that a program could begin to
 * read from: whoever gives it has seen to that. Programs that had begun before may still read
 * it, so it is set aside until they have ended (`wait`). A fork's program may have copied the
 * way to it for the child before, and says so in a record: by the end of the wait that is
 * written, and when reading has come to that place it is known who has the part.
 */
#include "trace/unwind_memory.h"

#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>

#include "../../bpf/unwind_table.h"
#include "base/vec.h"
#include "trace/extents.h"

enum { GROW_LEAST = 8 /* chunks */ };

struct waiting {
	struct unwind_part part;
	uint64_t written; /* of the records, when programs had ended; UINT64_MAX before */
	struct unwind_owner *owner; /* NULL: no record leads to it */
};

struct unwind_memory {
	struct unwind_backing backing;
	uint32_t *words;
	size_t nr_chunks, max_chunks;
	struct extents *free_parts;
	struct waiting *waiting;
	size_t nr_waiting, cap_waiting;
	uint64_t words_waiting, waits;
};

struct unwind_memory *unwind_memory_new(const struct unwind_backing *backing, uint32_t *words,
					size_t max_chunks)
{
	struct unwind_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->backing = *backing;
	m->words = words;
	m->max_chunks = max_chunks;
	m->free_parts = extents_new();
	if (!m->free_parts) {
		free(m);
		return NULL;
	}
	return m;
}

void unwind_memory_free(struct unwind_memory *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nr_waiting; i++)
		if (m->waiting[i].owner)
			m->waiting[i].owner->released(m->waiting[i].owner);
	extents_free(m->free_parts);
	free(m->waiting);
	free(m);
}

uint32_t *unwind_memory_words(const struct unwind_memory *m)
{
	return m->words;
}

static uint64_t aligned(uint64_t word, uint64_t align)
{
	return (word + align - 1) & ~(align - 1);
}

/* The first free part that is large enough. */
static bool find_room(const struct unwind_memory *m, uint64_t align, uint64_t least,
		      unwind_end_fn end_of, const void *what, struct unwind_part *part)
{
	for (size_t i = 0; i < extents_nr(m->free_parts); i++) {
		struct extent extent = extents_at(m->free_parts, i);

		if (extent.end - extent.start < least)
			continue;
		part->first = aligned(extent.start, align);
		part->end = end_of(what, part->first);
		if (part->end <= extent.end)
			return true;
	}
	return false;
}

/* So many chunks that it fits at the end; some more, since they come cheaper together. */
static int grow(struct unwind_memory *m, uint64_t align, unwind_end_fn end_of, const void *what)
{
	uint64_t capacity = (uint64_t)m->nr_chunks * SEEP_CHUNK_ROWS, tail = capacity, end;
	size_t nr = extents_nr(m->free_parts), need, more;
	int err;

	if (nr && extents_at(m->free_parts, nr - 1).end == capacity)
		tail = extents_at(m->free_parts, nr - 1).start;
	end = end_of(what, aligned(tail, align));
	if (end <= capacity)
		return 0;
	need = (end - capacity + SEEP_CHUNK_ROWS - 1) / SEEP_CHUNK_ROWS;
	if (need > m->max_chunks - m->nr_chunks)
		return -ENOSPC;
	more = m->nr_chunks / 4 > GROW_LEAST ? m->nr_chunks / 4 : GROW_LEAST;
	if (need < more)
		need = more < m->max_chunks - m->nr_chunks ? more : m->max_chunks - m->nr_chunks;
	err = m->backing.grow(m->backing.context, need);
	if (err)
		return err;
	m->nr_chunks += need;
	return extents_give(m->free_parts, capacity, capacity + (uint64_t)need * SEEP_CHUNK_ROWS);
}

int unwind_memory_take(struct unwind_memory *m, uint64_t align, uint64_t least,
		       unwind_end_fn end_of, const void *what, struct unwind_part *ret_part)
{
	struct unwind_part part;
	int err;

	if (!find_room(m, align, least, end_of, what, &part)) {
		err = grow(m, align, end_of, what);
		if (err)
			return err;
		if (!find_room(m, align, least, end_of, what, &part))
			return -ENOSPC;
	}
	err = extents_take(m->free_parts, part.first, part.end);
	if (!err)
		*ret_part = part;
	return err;
}

int unwind_memory_give(struct unwind_memory *m, struct unwind_part part, struct unwind_owner *owner)
{
	struct waiting *waiting;

	if (part.first == part.end)
		return 0;
	waiting = vec_push(&m->waiting, &m->nr_waiting, &m->cap_waiting);
	if (!waiting)
		return -ENOMEM;
	*waiting = (struct waiting){ part, UINT64_MAX, owner };
	m->words_waiting += part.end - part.first;
	return 0;
}

bool unwind_memory_keep(struct unwind_memory *m, const struct unwind_owner *owner)
{
	for (size_t i = 0; i < m->nr_waiting; i++) {
		if (m->waiting[i].owner != owner)
			continue;
		m->words_waiting -= m->waiting[i].part.end - m->waiting[i].part.first;
		m->waiting[i] = m->waiting[--m->nr_waiting];
		return true;
	}
	return false;
}

static void wait_for_programs(struct unwind_memory *m)
{
	bool needed = false;
	uint64_t written;

	for (size_t i = 0; i < m->nr_waiting; i++)
		needed |= m->waiting[i].written == UINT64_MAX;
	if (!needed)
		return;
	m->backing.wait(m->backing.context);
	m->waits++;
	written = m->backing.written(m->backing.context);
	for (size_t i = 0; i < m->nr_waiting; i++)
		if (m->waiting[i].written == UINT64_MAX)
			m->waiting[i].written = written;
}

/* True when it is. */
static bool make_free(struct unwind_memory *m, const struct waiting *w, uint64_t has_read)
{
	if (w->written == UINT64_MAX || (w->owner && has_read < w->written) ||
	    extents_give(m->free_parts, w->part.first, w->part.end))
		return false;
	m->words_waiting -= w->part.end - w->part.first;
	if (w->owner)
		w->owner->released(w->owner);
	return true;
}

bool unwind_memory_settle(struct unwind_memory *m)
{
	uint64_t has_read = m->backing.read(m->backing.context);
	size_t kept = 0, before = m->nr_waiting;

	wait_for_programs(m);
	for (size_t i = 0; i < before; i++) {
		struct waiting w = m->waiting[i];

		if (!make_free(m, &w, has_read))
			m->waiting[kept++] = w;
	}
	m->nr_waiting = kept;
	return kept < before;
}

uint64_t unwind_memory_waits(const struct unwind_memory *m)
{
	return m->waits;
}

struct unwind_memory_stats unwind_memory_stats(const struct unwind_memory *m)
{
	uint64_t capacity = (uint64_t)m->nr_chunks * SEEP_CHUNK_ROWS;

	return (struct unwind_memory_stats){
		.chunks = m->nr_chunks,
		.max_chunks = m->max_chunks,
		.words_used = capacity - extents_sum(m->free_parts),
		.words_waiting = m->words_waiting,
	};
}

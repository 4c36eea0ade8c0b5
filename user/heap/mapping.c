// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the ranges of one space: a sorted array, since sets are small (a process has at most
 * 65530 mappings by default) and a mapping costs a system call anyway. Knows no sites and
 * no system calls: what a BEGIN and an END mean is layers.c's business.
 *
 * Each piece, whether in the set or cut out of it, is one reference to its origin.
 */
#include "heap/mapping.h"

#include "base/vec.h"

#include <errno.h>

struct mappings {
	struct piece *pieces;
	size_t nr, cap;
	uint32_t *references; /* by origin; a free one holds 0 */
	size_t nr_origins, cap_origins;
	uint32_t *unused; /* origins to use again; always room for all of them */
	size_t nr_unused, cap_unused;
};

struct mappings *mappings_new(void)
{
	return calloc(1, sizeof(struct mappings));
}

void mappings_free(struct mappings *m)
{
	if (!m)
		return;
	free(m->pieces);
	free(m->references);
	free(m->unused);
	free(m);
}

/* The first piece that ends behind the address. */
static size_t first_behind(const struct mappings *m, uint64_t address)
{
	size_t low = 0, high = m->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->pieces[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int reserve(void **items, size_t *cap, size_t wanted, size_t size)
{
	size_t grown_cap = *cap ? *cap : 8;
	void *grown;

	if (wanted <= *cap)
		return 0;
	while (grown_cap < wanted)
		grown_cap *= 2;
	grown = reallocarray(*items, grown_cap, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*cap = grown_cap;
	return 0;
}

/* Room was reserved. */
static void insert_at(struct mappings *m, size_t at, const struct piece *piece)
{
	memmove(&m->pieces[at + 1], &m->pieces[at], (m->nr - at) * sizeof(*m->pieces));
	m->pieces[at] = *piece;
	m->nr++;
}

int mappings_cut(struct mappings *m, uint64_t begin, uint64_t end, struct pieces *pieces)
{
	size_t first = first_behind(m, begin), last = first;

	while (last < m->nr && m->pieces[last].begin < end)
		last++;
	if (first == last || begin >= end)
		return 0;
	if (reserve((void **)&pieces->items, &pieces->cap, pieces->nr + last - first,
		    sizeof(*pieces->items)) ||
	    reserve((void **)&m->pieces, &m->cap, m->nr + 1, sizeof(*m->pieces)))
		return -ENOMEM;
	for (size_t i = first; i < last; i++) {
		struct piece *cut = &pieces->items[pieces->nr++];

		*cut = m->pieces[i];
		if (cut->begin < begin)
			cut->begin = begin;
		if (cut->end > end)
			cut->end = end;
	}
	if (m->pieces[first].begin < begin) {
		struct piece tail = m->pieces[first];

		m->references[tail.origin]++;
		m->pieces[first++].end = begin;
		if (tail.end > end) {
			/* The middle of one piece: what was one reference is three. */
			m->references[tail.origin]++;
			tail.begin = end;
			insert_at(m, first, &tail);
			return 0;
		}
	}
	if (last > first && m->pieces[last - 1].end > end) {
		m->references[m->pieces[last - 1].origin]++;
		m->pieces[--last].begin = end;
	}
	memmove(&m->pieces[first], &m->pieces[last], (m->nr - last) * sizeof(*m->pieces));
	m->nr -= last - first;
	return 0;
}

static int take_origin(struct mappings *m, uint32_t *ret_origin)
{
	if (m->nr_unused) {
		*ret_origin = m->unused[--m->nr_unused];
	} else {
		if (reserve((void **)&m->references, &m->cap_origins, m->nr_origins + 1,
			    sizeof(*m->references)) ||
		    reserve((void **)&m->unused, &m->cap_unused, m->nr_origins + 1,
			    sizeof(*m->unused)))
			return -ENOMEM;
		*ret_origin = (uint32_t)m->nr_origins++;
	}
	m->references[*ret_origin] = 1;
	return 0;
}

int mappings_add(struct mappings *m, const struct piece *piece)
{
	struct piece added = *piece;

	if (m->nr >= MAPPINGS_MAX)
		return -ENOSPC;
	if (reserve((void **)&m->pieces, &m->cap, m->nr + 1, sizeof(*m->pieces)) ||
	    take_origin(m, &added.origin))
		return -ENOMEM;
	insert_at(m, first_behind(m, piece->begin), &added);
	return 0;
}

bool mappings_drop(struct mappings *m, const struct piece *piece)
{
	if (--m->references[piece->origin])
		return false;
	m->unused[m->nr_unused++] = piece->origin;
	return true;
}

int mappings_restore(struct mappings *m, const struct piece *piece, uint64_t *ret_lost,
		     bool *ret_ended)
{
	size_t at = first_behind(m, piece->begin);
	uint64_t from = piece->begin, restored = 0;
	int err = 0;

	while (from < piece->end) {
		struct piece gap = *piece;
		bool more = at < m->nr && m->pieces[at].begin < piece->end;
		uint64_t next = more ? m->pieces[at].end : piece->end;

		gap.begin = from;
		if (more)
			gap.end = m->pieces[at].begin;
		if (gap.begin < gap.end) {
			err = reserve((void **)&m->pieces, &m->cap, m->nr + 1, sizeof(*m->pieces));
			if (err)
				break;
			m->references[gap.origin]++;
			insert_at(m, at++, &gap);
			restored += gap.end - gap.begin;
		}
		from = next;
		at++;
	}
	*ret_lost = piece->end - piece->begin - restored;
	*ret_ended = mappings_drop(m, piece);
	return err;
}

const struct piece *mappings_pieces(const struct mappings *m, size_t *ret_nr)
{
	*ret_nr = m->nr;
	return m->pieces;
}

size_t mappings_origins(const struct mappings *m)
{
	return m->nr_origins;
}

uint64_t mappings_bytes(const struct mappings *m)
{
	return sizeof(*m) + m->cap * sizeof(*m->pieces) + m->cap_origins * sizeof(*m->references) +
	       m->cap_unused * sizeof(*m->unused);
}

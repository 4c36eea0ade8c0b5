/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an address to the rule of its code: the mapping that holds it, the page of its
 * table, the row (unwind_table.h). Searches choose by arithmetic, not by branches, which
 * the verifier would have to follow one by one.
 */
#ifndef SEEP_TABLE_LOOKUP_BPF_H
#define SEEP_TABLE_LOOKUP_BPF_H

#include "maps.bpf.h"
#include "window.bpf.h"

/* 1 when a <= b, both below 2^63. */
static __always_inline __u64 at_most(__u64 a, __u64 b)
{
	return ~(b - a) >> 63;
}

/* The mapping that holds `pc`; NULL none. */
static __always_inline struct seep_unwind_mapping *find_mapping(struct seep_unwind_space *space,
								__u64 pc)
{
	struct seep_unwind_mapping *m;
	__u64 at = 0;

	/* The last mapping that begins at or below pc; unused ones begin at the very end. */
#pragma unroll
	for (__u32 step = SEEP_UNWIND_MAPPINGS / 2; step; step /= 2) {
		__u64 start = space->mappings[masked(at + step, SEEP_UNWIND_MAPPINGS)].start;

		at += step & -at_most(start, pc);
	}
	m = &space->mappings[masked(at, SEEP_UNWIND_MAPPINGS)];
	return pc >= m->start && pc < m->end ? m : NULL;
}

/* The number of the rule for the ELF address; SEEP_UNWIND_NO_RULE none. */
static __always_inline __u32 find_rule(const struct seep_unwind_mapping *m, __u64 elf)
{
	__u64 page_number = (elf >> SEEP_PAGE_SHIFT) - m->first_page;
	struct seep_unwind_page *page;
	struct unwind_chunk *chunk;
	__u64 first, at = 0, key = SEEP_UNWIND_KEY(elf);
	__u32 index, nr;

	if (page_number >= m->nr_pages)
		return SEEP_UNWIND_NO_RULE;
	index = m->pages_base + page_number;
	page = bpf_map_lookup_elem(&unwind_pages, &index);
	if (!page || !page->nr_rows)
		return SEEP_UNWIND_NO_RULE;
	index = page->first_row / SEEP_CHUNK_ROWS;
	first = page->first_row % SEEP_CHUNK_ROWS;
	nr = page->nr_rows;
	chunk = bpf_map_lookup_elem(&unwind_rows, &index);
	if (!chunk)
		return SEEP_UNWIND_NO_RULE;
#pragma unroll
	for (__u32 step = SEEP_PAGE_ROWS_MAX / 2; step; step /= 2) {
		__u64 row = chunk->rows[masked(first + at + step, SEEP_CHUNK_ROWS)];

		/* Both: inside of the page's rows, and not above the key. */
		at += step & -(at_most(at + step + 1, nr) & at_most(row, key));
	}
	return SEEP_UNWIND_ROW_RULE(chunk->rows[masked(first + at, SEEP_CHUNK_ROWS)]);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an address to the rule of its code: the mapping that holds it, the page of its
 * table, the row (unwind_table.h). Searches choose by arithmetic, not by branches, which
 * the verifier would have to follow one by one.
 *
 * The mappings are those that user space last read. Where a file was mapped since, and for
 * what is in none of them, the kernel's own list is asked: so a library that was opened a
 * moment ago is known, if only its table is there.
 */
#ifndef SEEP_TABLE_LOOKUP_BPF_H
#define SEEP_TABLE_LOOKUP_BPF_H

#include "maps.bpf.h"
#include "vma.bpf.h"
#include "window.bpf.h"

/* 1 when a <= b, both below 2^63. */
static __always_inline __u64 at_most(__u64 a, __u64 b)
{
	return ~(b - a) >> 63;
}

static __always_inline struct unwind_chunk *find_chunk(__u32 index)
{
	void *chunk = bpf_map_lookup_elem(&unwind_chunks, &index);
	__u32 zero = 0;

	return chunk ? bpf_map_lookup_elem(chunk, &zero) : NULL;
}

/* The i-th of the mappings of all spaces; NULL where there is no memory. */
static __always_inline struct seep_unwind_mapping *mapping_at(__u64 i)
{
	struct unwind_chunk *chunk = find_chunk(i / SEEP_CHUNK_MAPPINGS);

	return chunk ? &chunk->mappings[masked(i, SEEP_CHUNK_MAPPINGS)] : NULL;
}

/* The last mapping that begins at or below pc, or the first. */
static __always_inline struct seep_unwind_mapping *search_near(__u64 first, __u64 nr, __u64 pc)
{
	struct unwind_chunk *chunk = find_chunk(first / SEEP_CHUNK_MAPPINGS);
	__u64 at = 0;

	if (!chunk)
		return NULL;
#pragma unroll
	for (__u32 step = SEEP_UNWIND_NEAR / 2; step; step /= 2) {
		__u64 start = chunk->mappings[masked(first + at + step, SEEP_CHUNK_MAPPINGS)].start;

		at += step & -(at_most(at + step + 1, nr) & at_most(start, pc));
	}
	return &chunk->mappings[masked(first + at, SEEP_CHUNK_MAPPINGS)];
}

/* The same where they may lie in several chunks. */
static __always_inline struct seep_unwind_mapping *search_far(__u64 first, __u64 nr, __u64 pc)
{
	__u64 at = 0;

#pragma unroll
	for (__u32 step = SEEP_UNWIND_MAPPINGS / 2; step; step /= 2) {
		__u64 inside = at_most(at + step + 1, nr);
		struct seep_unwind_mapping *m = mapping_at(first + ((at + step) & -inside));

		if (!m)
			return NULL;
		at += step & -(inside & at_most(m->start, pc));
	}
	return mapping_at(first + at);
}

/*
 * The mapping that holds `pc`, of those that were read; NULL none. Not inlined, as are others
 * here: what each needs of the stack is then not there for those that are called deeper down.
 */
static __noinline struct seep_unwind_mapping *find_mapping(const struct seep_unwind_space *space,
							   __u64 pc)
{
	struct seep_unwind_mapping *m = NULL;
	__u64 first, nr;

	if (!space)
		return NULL;
	first = space->first;
	nr = space->nr;
	if (nr > SEEP_UNWIND_NEAR)
		m = search_far(first, nr, pc);
	else if (nr)
		m = search_near(first, nr, pc);
	return m && pc >= m->start && pc < m->end ? m : NULL;
}

/*
 * What leads on in *found, from the kernel's list. A file that has no number yet is as good as
 * no code: most have no frame pointers, and user space is about to read of it.
 */
static __noinline int find_new_mapping(__u64 pc, struct seep_unwind_mapping *found)
{
	struct seep_unwind_file *file;
	struct code code = {};

	if (!found || !find_vma(pc, &code) || !code.executable)
		return 0;
	found->bias = 0;
	found->table = 0;
	if (!code.file.inode)
		return 1;
	file = bpf_map_lookup_elem(&unwind_files, &code.file);
	if (!file)
		return 0;
	found->bias = code.base - file->distance;
	found->table = file->table;
	return 1;
}

/* The code that holds `pc`: read before, or *fresh; NULL none. */
static __always_inline struct seep_unwind_mapping *find_code(const struct seep_unwind_space *space,
							     __u64 pc,
							     struct seep_unwind_mapping *fresh)
{
	struct seep_unwind_mapping *m = NULL;

	if (pc < space->changed_start || pc >= space->changed_end)
		m = find_mapping(space, pc);
	if (!m && vmas_can_be_found && find_new_mapping(pc, fresh))
		m = fresh;
	return m;
}

/* The number of the rule for the ELF address; SEEP_UNWIND_NO_RULE none. */
static __noinline __u32 find_rule(__u32 index, __u64 elf)
{
	__u32 nr, epoch = unwind_epoch;
	__u64 first, at = 0, key = SEEP_UNWIND_KEY(elf), placed, number;
	struct seep_unwind_table *table;
	struct seep_unwind_page *page;
	struct unwind_chunk *chunk;

	table = bpf_map_lookup_elem(&unwind_tables, &index);
	if (!index || !table)
		return SEEP_UNWIND_NO_RULE;
	if (table->used != epoch)
		table->used = epoch;
	placed = *(volatile __u64 *)&table->placed;
	if (!placed)
		count(SEEP_COUNT_TABLE_ABSENT);
	number = (elf >> SEEP_PAGE_SHIFT) - table->first_page;
	if (number >= SEEP_TABLE_NR_PAGES(placed))
		return SEEP_UNWIND_NO_RULE;
	number += SEEP_TABLE_PAGES(placed);
	chunk = find_chunk(number / SEEP_CHUNK_PAGES);
	if (!chunk)
		return SEEP_UNWIND_NO_RULE;
	page = &chunk->pages[masked(number, SEEP_CHUNK_PAGES)];
	first = page->first_row;
	nr = page->nr_rows;
	if (!nr)
		return SEEP_UNWIND_NO_RULE;
	chunk = find_chunk(first / SEEP_CHUNK_ROWS);
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

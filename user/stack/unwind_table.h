/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unwind table of one ELF file, compiled from its call frame information. The layout
 * of its parts, and how they are looked up, is bpf/unwind_table.h.
 *
 * A call-site table (the default) has rows for those addresses alone at which a frame
 * that called another can be. It is about a tenth of a full table, and says the same of
 * all return addresses. Of other addresses (interrupted by a signal, or the pc of a
 * sample) it gives the rule of the code before: a full table is needed there.
 */
#ifndef SEEP_STACK_UNWIND_TABLE_H
#define SEEP_STACK_UNWIND_TABLE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"

struct unwind_table;

struct unwind_table_options {
	bool full;
};

struct unwind_table_stats {
	uint64_t functions; /* FDEs used */
	uint64_t bad_entries; /* damaged, or for no code of the file: passed over */
	uint64_t bad_programs; /* functions with a damaged program: unsupported */
	uint64_t overlaps; /* functions cut because another one starts inside */
	uint64_t restorers; /* signal restorers found by their code */
	uint64_t rows_seen; /* before those without calls were dropped */
	/* rows that no rule can say, by reason */
	uint64_t cfa_register, cfa_expression, sp_rule, ra_rule, signal_layout, too_far;
	uint64_t rules_full; /* and those beyond the number of rules */
};

/*
 * Compiles the table of a file, or of one in memory (the vDSO). `options` may be NULL.
 * 0 with a table to free; -ENOENT when there is no call frame information; -ENOEXEC for
 * what is no ELF file of a known machine; -EFBIG beyond the bounds; -EINVAL, -ENOMEM.
 * Damage in the file costs the function that has it, and is counted.
 */
int unwind_table_build(int fd, const struct unwind_table_options *options,
		       struct unwind_table **ret_table);
int unwind_table_build_memory(const void *bytes, size_t size,
			      const struct unwind_table_options *options,
			      struct unwind_table **ret_table);
void unwind_table_free(struct unwind_table *table);

/*
 * What is wrong with a file's call frame information, in words: by the error of building,
 * or, when there is a table, by its counts. NULL: nothing.
 */
const char *unwind_table_fault(int err, const struct unwind_table_stats *stats);

/* The rule for an address, found as the kernel side does it. Lives as long as the table. */
const struct seep_unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t pc);

struct unwind_table_view {
	uint16_t machine; /* EM_X86_64, EM_AARCH64 */
	bool full;
	uint64_t first_page; /* ELF address >> SEEP_PAGE_SHIFT */
	uint32_t nr_pages, nr_rows, nr_rules;
	const struct seep_unwind_page *pages; /* first_row is an index into `rows` */
	const uint32_t *rows; /* packed, without gaps */
	const struct seep_unwind_rule *rules;
	struct unwind_table_stats stats;
};

/* The parts; they live as long as the table. */
struct unwind_table_view unwind_table_view(const struct unwind_table *table);
/* Takes over `pages`, `rows` and `rules` of a view (malloc'ed); frees them on failure. */
int unwind_table_adopt(const struct unwind_table_view *view, struct unwind_table **ret_table);
/* Memory that the table holds. */
size_t unwind_table_bytes(const struct unwind_table *table);

/*
 * Placing: putting the table among others into the kernel's chunks, from row `first_row`
 * of all chunks on. A page's rows that would straddle two chunks start in the second.
 */
/* The row after the table's last. */
uint64_t unwind_table_placed_end(const struct unwind_table *table, uint64_t first_row);
/*
 * Writes unwind_table_placed_end() - first_row rows, gaps as 0, and nr_pages pages.
 * rule_ids[i] is the number, over all tables, of the table's rule i.
 */
void unwind_table_place(const struct unwind_table *table, uint64_t first_row,
			const uint16_t *rule_ids, uint32_t *rows, struct seep_unwind_page *pages);

#endif

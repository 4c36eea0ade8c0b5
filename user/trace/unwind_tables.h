/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unwind tables of the kernel side, by number of their file: which are there, who maps
 * their files, which make room for others. A number is a file's for good.
 */
#ifndef SEEP_TRACE_UNWIND_TABLES_H
#define SEEP_TRACE_UNWIND_TABLES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"
#include "stack/unwind_table.h"
#include "trace/unwind_memory.h"
#include "trace/unwind_rules.h"

struct unwind_tables;

struct unwind_tables_options {
	struct unwind_memory *memory;
	struct unwind_rules *rules;
	struct seep_unwind_table *tables; /* `max` of them, shared with the kernel side */
	size_t max;
	/* Of files that are mapped: unused for so many epochs, a table makes room for others. */
	uint32_t idle_epochs;
};

/* What `options` points to must outlive it. NULL: no memory. */
struct unwind_tables *unwind_tables_new(const struct unwind_tables_options *options);
void unwind_tables_free(struct unwind_tables *tables);

/* A new number, from 1; 0 when all are given out (counted), or without memory. */
uint16_t unwind_tables_add(struct unwind_tables *tables);
/* A space maps the file, or no longer. */
void unwind_tables_use(struct unwind_tables *tables, uint16_t number);
void unwind_tables_leave(struct unwind_tables *tables, uint16_t number);

/*
 * Puts the table where the kernel side finds it, in place of others if need be. 0; -ENOSPC
 * when there is no room and none can be made; -EFBIG, -ENOMEM, -errno.
 */
int unwind_tables_place(struct unwind_tables *tables, uint16_t number,
			const struct unwind_table *table, uint32_t epoch);
bool unwind_tables_is_there(const struct unwind_tables *tables, uint16_t number);
/* True when the kernel side has asked for it in this epoch or the last. */
bool unwind_tables_is_wanted(const struct unwind_tables *tables, uint16_t number, uint32_t epoch);
/* Frees at least so many words of tables that can be spared, if it can. True when some. */
bool unwind_tables_make_room(struct unwind_tables *tables, uint64_t words, uint32_t epoch);

struct unwind_tables_stats {
	size_t numbers, unnumbered; /* files that came too late for a number */
	size_t there, evicted;
	uint64_t rows, pages; /* of those that are there; words and page entries */
	size_t rules, rules_full; /* rules that got no number */
};
struct unwind_tables_stats unwind_tables_stats(const struct unwind_tables *tables);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Builds unwind tables, or reads them from the cache, in the background: one thread of low
 * priority, the most needed file first. What is small can be built by the caller at once.
 */
#ifndef SEEP_TRACE_TABLE_BUILDER_H
#define SEEP_TRACE_TABLE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/unwind_table.h"

struct table_builder;

/* `cache_directory` as in struct table_cache_options. NULL: no memory. */
struct table_builder *table_builder_new(const char *cache_directory);
/* What is not built yet never will be. */
void table_builder_free(struct table_builder *builder);

enum table_need {
	TABLE_ASKED = 0, /* a stack was cut for want of it */
	TABLE_FIRST, /* most stacks will pass it */
	TABLE_LATER, /* of these the smaller first */
};

struct table_job {
	uint16_t number; /* for the caller */
	int fd; /* a descriptor to be closed; -1: the vDSO */
	bool full;
	enum table_need need;
	uint64_t text_bytes; /* what it costs, roughly */
};

/* Takes the descriptor over, whatever comes of it. 0 or -ENOMEM. */
int table_builder_add(struct table_builder *builder, const struct table_job *job);
/* Of what waits, this one next. */
void table_builder_hurry(struct table_builder *builder, uint16_t number);

/*
 * Builds what is most needed now, up to so much text in all, and leaves the rest to the
 * background. UINT64_MAX: all of it, also what the background has begun.
 */
void table_builder_work(struct table_builder *builder, uint64_t text_bytes);

struct table_result {
	uint16_t number;
	int error; /* of table_cache_build; the table is NULL then */
	struct unwind_table *table; /* the caller's to free */
};

/* False when nothing is ready. */
bool table_builder_next(struct table_builder *builder, struct table_result *ret_result);
/* Jobs not handed over yet. */
size_t table_builder_waiting(const struct table_builder *builder);

#endif

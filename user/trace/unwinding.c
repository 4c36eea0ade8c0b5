// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Joins what knows the modules (stack), what builds (table_builder), what keeps tables and mappings
 * in the kernel's memory (unwind_tables, unwind_spaces, unwind_memory), and the kernel side; owns
 * what the kernel is told of an address space. Which table a file has is unwinding_files.c's.
 */
#include "trace/unwinding_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "attach/kernel_unwind.h"
#include "base/hashmap.h"
#include "base/vec.h"

enum {
	DEFAULT_BYTES = 64 << 20,
	IDLE_EPOCHS = 10, /* a mapped file's table that nothing asked for so long may go */
	TEXT_AT_ONCE = 6 << 20, /* some 20 ms */
};

static int grow(void *kernel, size_t nr_chunks)
{
	return kernel_unwind_grow(kernel, nr_chunks);
}

static void wait_for_programs(void *kernel)
{
	kernel_unwind_wait(kernel);
}

static uint64_t records_written(void *kernel)
{
	return kernel_ring_written(kernel);
}

static uint64_t records_read(void *kernel)
{
	return kernel_ring_read(kernel);
}

static int get_space(void *kernel, uint32_t space, struct seep_unwind_space *ret_entry)
{
	return kernel_unwind_get_space(kernel, space, ret_entry);
}

static int set_space(void *kernel, uint32_t space, const struct seep_unwind_space *entry)
{
	return kernel_unwind_set_space(kernel, space, entry);
}

static void forget_space(void *kernel, uint32_t space)
{
	kernel_unwind_forget_space(kernel, space);
}

static int open_parts(struct unwinding *u, size_t max_bytes)
{
	const struct unwind_backing backing = { u->kernel, grow, wait_for_programs, records_written,
						records_read };
	const struct unwind_space_ops ops = { u->kernel, get_space, set_space, forget_space };
	struct kernel_unwind_bounds bounds = kernel_unwind_bounds(u->kernel);
	size_t chunks = (max_bytes ? max_bytes : DEFAULT_BYTES) / SEEP_CHUNK_BYTES;
	struct unwind_tables_options tables = { .max = bounds.tables, .idle_epochs = IDLE_EPOCHS };

	u->memory = unwind_memory_new(&backing, kernel_unwind_words(u->kernel),
				      chunks < bounds.chunks ? chunks : bounds.chunks);
	u->rules = unwind_rules_new(kernel_unwind_rules(u->kernel), bounds.rules);
	if (!u->memory || !u->rules)
		return -ENOMEM;
	tables.memory = u->memory;
	tables.rules = u->rules;
	tables.tables = kernel_unwind_tables(u->kernel);
	u->tables = unwind_tables_new(&tables);
	u->spaces = u->tables ? unwind_spaces_new(&ops, u->memory, u->tables) : NULL;
	return u->spaces ? 0 : -ENOMEM;
}

struct unwinding *unwinding_new(struct kernel *kernel, struct modules *modules,
				const struct unwinding_options *options)
{
	struct unwinding *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kernel = kernel;
	u->modules = modules;
	u->builder = table_builder_new(NULL);
	u->by_module = hashmap_new();
	/* Number 0 is no file's. */
	if (!u->builder || !u->by_module || open_parts(u, options ? options->max_bytes : 0) ||
	    !vec_push(&u->files, &u->nr_files, &u->cap_files)) {
		unwinding_free(u);
		return NULL;
	}
	u->files[0].module = PLACE_NONE;
	return u;
}

void unwinding_free(struct unwinding *u)
{
	if (!u)
		return;
	table_builder_free(u->builder);
	unwind_spaces_free(u->spaces);
	unwind_tables_free(u->tables);
	unwind_rules_free(u->rules);
	unwind_memory_free(u->memory);
	hashmap_free(u->by_module);
	free(u->files);
	free(u->mappings);
	free(u);
}

static int fill_mappings(struct unwinding *u, uint32_t space)
{
	struct module_mapping from;

	u->nr_mappings = 0;
	for (size_t i = 0; modules_mapping(u->modules, space, i, &from); i++) {
		struct seep_unwind_mapping *to;

		/* The vsyscall page is the kernel's, above all that a search compares. */
		if (from.start >> 63)
			continue;
		if (u->nr_mappings == SEEP_UNWIND_MAPPINGS) {
			u->stats.mappings_left_out++;
			continue;
		}
		to = vec_push(&u->mappings, &u->nr_mappings, &u->cap_mappings);
		if (!to)
			return -ENOMEM;
		to->start = from.start;
		to->end = from.end;
		to->bias = from.start - from.offset;
		if (from.module != PLACE_NONE)
			to->table = unwinding_number(u, &from, !i);
	}
	return 0;
}

static int send_mappings(struct unwinding *u, uint32_t space, uint32_t changes)
{
	uint64_t words = u->nr_mappings * sizeof(*u->mappings) / 4;
	int err = unwind_spaces_set(u->spaces, space, u->mappings, u->nr_mappings, changes);

	if (err == -ENOSPC &&
	    unwind_tables_make_room(u->tables, words * 2, kernel_unwind_epoch(u->kernel)))
		err = unwind_spaces_set(u->spaces, space, u->mappings, u->nr_mappings, changes);
	if (err == -ENOSPC)
		u->stats.mappings_left_out += u->nr_mappings;
	return err;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void unwinding_before_refresh(struct unwinding *u, uint32_t space)
{
	u->before_space = space;
	u->before_changes = unwind_spaces_changes(u->spaces, space);
}

static int refresh(struct unwinding *u, uint32_t space, enum unwinding_wait wait)
{
	/* Without a count from before, what was mapped meanwhile stays marked. */
	uint32_t changes = u->before_space == space ? u->before_changes : UINT32_MAX;
	double begin = seconds();
	int err;

	err = fill_mappings(u, space);
	if (u->nr_unsettled)
		table_builder_work(u->builder, wait == UNWINDING_ALL ? UINT64_MAX : TEXT_AT_ONCE);
	unwinding_collect(u);
	err = err ?: send_mappings(u, space, changes);
	u->before_space = 0;
	u->stats.build_seconds += seconds() - begin;
	return err;
}

int unwinding_refresh(struct unwinding *u, uint32_t space, enum unwinding_wait wait)
{
	unwind_spaces_adopt(u->spaces, space);
	return refresh(u, space, wait);
}

int unwinding_fork(struct unwinding *u, uint32_t space)
{
	int err;

	if (unwind_spaces_adopt(u->spaces, space))
		return 0;
	err = refresh(u, space, UNWINDING_SMALL);
	/* What it was given may be used for something else soon. */
	if (err)
		unwind_spaces_forget(u->spaces, space);
	return err;
}

void unwinding_forget(struct unwinding *u, uint32_t space)
{
	unwind_spaces_forget(u->spaces, space);
}

struct unwinding_stats unwinding_stats(const struct unwinding *u)
{
	struct unwind_tables_stats tables = unwind_tables_stats(u->tables);
	struct unwind_spaces_stats spaces = unwind_spaces_stats(u->spaces);
	struct unwind_memory_stats memory = unwind_memory_stats(u->memory);
	struct unwinding_stats stats = u->stats;
	uint64_t counters[SEEP_COUNT_MAX] = { 0 };

	if (!kernel_counters(u->kernel, counters))
		stats.missed = counters[SEEP_COUNT_TABLE_ABSENT];
	stats.tables = tables.there;
	stats.tables_left_out += tables.unnumbered;
	stats.tables_waiting = table_builder_waiting(u->builder);
	stats.tables_evicted = tables.evicted;
	stats.rows = tables.rows;
	stats.pages = tables.pages;
	stats.rules = tables.rules;
	stats.rules_left_out = tables.rules_full;
	stats.spaces = spaces.spaces;
	stats.mappings = spaces.mappings;
	stats.bytes = memory.chunks * SEEP_CHUNK_BYTES;
	stats.used_bytes = memory.words_used * 4;
	return stats;
}

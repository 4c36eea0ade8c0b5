// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The unwind memory of a large host: 5,000 binaries, whose tables are those of the files
 * given, again and again, and 2,000 processes of 30 mappings each, a quarter of them forked.
 * Call-site tables, then full ones. Prints "key value unit" lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "trace/unwind_memory.h"
#include "trace/unwind_rules.h"
#include "trace/unwind_spaces.h"
#include "trace/unwind_tables.h"

enum { BINARIES = 5000, PROCESSES = 2000, MAPPINGS = 30, FORKED = 4 };

static struct seep_unwind_space entries[PROCESSES + 1];

static int grow(void *context, size_t nr)
{
	return 0;
}

static void wait_for_programs(void *context)
{
}

static uint64_t no_records(void *context)
{
	return 0;
}

static int get_space(void *context, uint32_t space, struct seep_unwind_space *ret_entry)
{
	*ret_entry = entries[space];
	return entries[space].nr ? 0 : -ENOENT;
}

static int set_space(void *context, uint32_t space, const struct seep_unwind_space *entry)
{
	entries[space] = *entry;
	return 0;
}

static void forget_space(void *context, uint32_t space)
{
	entries[space].nr = 0;
}

static size_t load_tables(struct unwind_table **tables, char **paths, size_t nr, bool full)
{
	const struct unwind_table_options options = { .full = full };
	size_t built = 0;

	for (size_t i = 0; i < nr && built < BINARIES; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (!unwind_table_build(fd, &options, &tables[built]))
			built++;
		close(fd);
	}
	return built;
}

static void fill_spaces(struct unwind_spaces *spaces)
{
	struct seep_unwind_mapping mappings[MAPPINGS] = { 0 };
	uint32_t random = 1;

	for (uint32_t space = 1; space <= PROCESSES; space++) {
		for (uint32_t i = 0; i < MAPPINGS; i++) {
			random = random * 1664525 + 1013904223;
			mappings[i].start = (uint64_t)space << 32 | i << 20;
			mappings[i].end = mappings[i].start + (1 << 19);
			mappings[i].table = random % BINARIES + 1;
		}
		if (space % FORKED == 0) {
			entries[space] = entries[space - 1];
			unwind_spaces_adopt(spaces, space);
		} else {
			unwind_spaces_set(spaces, space, mappings, MAPPINGS, 0);
		}
	}
}

static void report(const char *kind, const struct unwind_tables *tables,
		   const struct unwind_spaces *spaces, const struct unwind_memory *memory)
{
	struct unwind_tables_stats t = unwind_tables_stats(tables);
	struct unwind_spaces_stats s = unwind_spaces_stats(spaces);
	struct unwind_memory_stats m = unwind_memory_stats(memory);

	printf("%s_tables %zu files\n", kind, t.there);
	printf("%s_rows %.1f MB\n", kind, t.rows * 4 / 1e6);
	printf("%s_directory %.1f MB\n", kind, t.pages * 8 / 1e6);
	printf("%s_rules %.1f KB\n", kind, t.rules * 16 / 1e3);
	printf("%s_rules_left_out %zu rules\n", kind, t.rules_full);
	printf("%s_mappings %.1f MB\n", kind,
	       s.mappings * sizeof(struct seep_unwind_mapping) / 1e6);
	printf("%s_memory %.1f MB\n", kind, m.chunks * (double)SEEP_CHUNK_BYTES / 1e6);
}

static int simulate(const char *kind, bool full, char **paths, size_t nr)
{
	const struct unwind_backing backing = { NULL, grow, wait_for_programs, no_records,
						no_records };
	const struct unwind_space_ops ops = { NULL, get_space, set_space, forget_space };
	struct unwind_table **built = calloc(BINARIES, sizeof(struct unwind_table *));
	struct seep_unwind_rule *rules = calloc(SEEP_UNWIND_RULES_MAX, sizeof(*rules));
	struct unwind_tables_options options = {
		.tables = calloc(SEEP_UNWIND_TABLES_MAX, sizeof(struct seep_unwind_table)),
		.max = SEEP_UNWIND_TABLES_MAX,
		.idle_epochs = 10,
	};
	uint32_t *words = calloc(SEEP_CHUNKS_MAX, SEEP_CHUNK_BYTES);
	struct unwind_spaces *spaces;
	size_t distinct;

	options.memory = unwind_memory_new(&backing, words, SEEP_CHUNKS_MAX);
	options.rules = unwind_rules_new(rules, SEEP_UNWIND_RULES_MAX);
	struct unwind_tables *tables = unwind_tables_new(&options);

	spaces = unwind_spaces_new(&ops, options.memory, tables);
	distinct = load_tables(built, paths, nr, full);
	if (!distinct)
		return -ENOENT;
	for (size_t i = 0; i < BINARIES; i++) {
		uint16_t number = unwind_tables_add(tables);

		if (unwind_tables_place(tables, number, built[i % distinct], 1))
			return -ENOSPC;
	}
	fill_spaces(spaces);
	printf("%s_distinct %zu files\n", kind, distinct);
	report(kind, tables, spaces, options.memory);
	for (size_t i = 0; i < distinct; i++)
		unwind_table_free(built[i]);
	unwind_spaces_free(spaces);
	unwind_tables_free(tables);
	unwind_rules_free(options.rules);
	unwind_memory_free(options.memory);
	free(built);
	free(rules);
	free(options.tables);
	free(words);
	for (size_t i = 0; i <= PROCESSES; i++)
		entries[i].nr = 0;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "bench-unwind-host FILE...\n");
		return 2;
	}
	return simulate("call_site", false, argv + 1, argc - 1) ||
	       simulate("full", true, argv + 1, argc - 1);
}

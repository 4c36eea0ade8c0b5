/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What unwinding.c (address spaces) and unwinding_files.c (tables) share. Nobody else includes it.
 */
#ifndef SEEP_TRACE_UNWINDING_INTERNAL_H
#define SEEP_TRACE_UNWINDING_INTERNAL_H

#include <stdbool.h>

#include "stack/modules.h"
#include "trace/table_builder.h"
#include "trace/unwind_memory.h"
#include "trace/unwind_rules.h"
#include "trace/unwind_spaces.h"
#include "trace/unwind_tables.h"
#include "trace/unwinding.h"

enum file_state { FILE_ABSENT = 0, FILE_WAITING, FILE_PLACED, FILE_FAILED };

struct file {
	uint32_t module;
	enum file_state state;
	bool left_out; /* when last tried; not again before `retry` */
	uint32_t retry;
	uint64_t text_bytes;
	const char *fault; /* of the file: its table says not all, or is none; NULL: fine */
};

struct unwinding {
	struct kernel *kernel;
	struct modules *modules;
	struct table_builder *builder;
	struct unwind_memory *memory;
	struct unwind_rules *rules;
	struct unwind_tables *tables;
	struct unwind_spaces *spaces;
	struct hashmap *by_module; /* module -> number */
	struct file *files; /* by number */
	size_t nr_files, cap_files;
	size_t nr_unsettled; /* files whose table is on its way, or gone */
	uint32_t before_space, before_changes; /* of unwinding_before_refresh */
	struct seep_unwind_mapping *mappings; /* of the space at hand */
	size_t nr_mappings, cap_mappings;
	struct unwinding_stats stats;
};

/*
 * The number of the mapped module, whose table is then on its way; 0 when it has none. `first`: it
 * is the first mapping of its space.
 */
uint16_t unwinding_number(struct unwinding *unwinding, const struct module_mapping *mapping,
			  bool first);

#endif

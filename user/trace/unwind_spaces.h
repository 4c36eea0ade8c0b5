/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The executable mappings of the traced address spaces in the unwind memory. Spaces whose
 * mappings are the same by descent (fork) share them. The kernel side gives a child its
 * parent's by itself, and user space learns of it later.
 */
#ifndef SEEP_TRACE_UNWIND_SPACES_H
#define SEEP_TRACE_UNWIND_SPACES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/event.h"
#include "trace/unwind_memory.h"
#include "trace/unwind_tables.h"

struct unwind_spaces;

/* The kernel side's map of spaces, or what stands in for it. */
struct unwind_space_ops {
	void *context;
	int (*get)(void *context, uint32_t space, struct seep_unwind_space *ret_entry);
	int (*set)(void *context, uint32_t space, const struct seep_unwind_space *entry);
	void (*forget)(void *context, uint32_t space);
};

/* `memory` and `tables` must outlive it. NULL: no memory. */
struct unwind_spaces *unwind_spaces_new(const struct unwind_space_ops *ops,
					struct unwind_memory *memory, struct unwind_tables *tables);
void unwind_spaces_free(struct unwind_spaces *spaces);

/*
 * The kernel side counts what is mapped while a process's maps are read. `changes` is the
 * count before they were: only if it still stands do they say all.
 */
uint32_t unwind_spaces_changes(const struct unwind_spaces *spaces, uint32_t space);
/*
 * Makes `mappings` (by address, at most SEEP_UNWIND_MAPPINGS) those of the space. 0; -ENOSPC
 * without room, -ENOMEM, -errno: what was known stays.
 */
int unwind_spaces_set(struct unwind_spaces *spaces, uint32_t space,
		      const struct seep_unwind_mapping *mappings, size_t nr, uint32_t changes);
/* A space has begun, perhaps with the mappings of another one; false: with none. */
bool unwind_spaces_adopt(struct unwind_spaces *spaces, uint32_t space);
void unwind_spaces_forget(struct unwind_spaces *spaces, uint32_t space);

struct unwind_spaces_stats {
	size_t spaces, blocks; /* and how many different sets of mappings they have */
	size_t mappings; /* in those */
};
struct unwind_spaces_stats unwind_spaces_stats(const struct unwind_spaces *spaces);

#endif

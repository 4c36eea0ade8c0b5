/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Functions, files, lines and inlined calls of a Go program, from what its runtime carries. */
#ifndef SEEP_STACK_GO_TABLE_H
#define SEEP_STACK_GO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/debug_info.h"

struct go_table;

/*
 * The table of the ELF file behind `fd`, which must stay open as long. 0, -ENOENT when it
 * has none that can be read, -ENOMEM.
 */
int go_table_open(int fd, struct go_table **ret_table);
void go_table_free(struct go_table *table);

/* As debug_info_find. */
size_t go_table_find(struct go_table *table, uint64_t address, bool inlined,
		     struct debug_frame frames[DEBUG_FRAMES_MAX]);

struct go_place {
	uint64_t start, end; /* ELF addresses */
	size_t name; /* which of the names */
};
/*
 * Where the functions of these names are, up to `max`; returns how many. A function in assembly
 * and what Go makes around it to call it have one name.
 */
size_t go_table_named(const struct go_table *table, const char *const *names, size_t nr,
		      struct go_place *places, size_t max);

/* The addresses of all its functions. */
void go_table_text(const struct go_table *table, uint64_t *ret_start, uint64_t *ret_end);

size_t go_table_bytes(const struct go_table *table);

#endif

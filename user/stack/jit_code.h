/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Code that comes and goes at addresses, with names and lines. */
#ifndef SEEP_STACK_JIT_CODE_H
#define SEEP_STACK_JIT_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jit_code {
	const char *name;
	const char *file; /* NULL unknown */
	uint32_t line; /* 0 unknown */
};

struct jit_code_table;

struct jit_code_table *jit_code_table_new(void);
void jit_code_table_free(struct jit_code_table *table);

/*
 * A line of the code that is added next: it holds from `offset` on, to the next line's.
 * 0 or -ENOMEM; beyond a bound it is left out.
 */
int jit_code_add_line(struct jit_code_table *table, uint64_t offset, uint32_t line,
		      const char *file);
/* There is no such code: the lines added since the last code are dropped. */
void jit_code_drop_lines(struct jit_code_table *table);

/*
 * Code at [start, end), which replaces all that it overlaps. `shift` is taken off the offsets
 * of its lines. 0 or -ENOMEM; beyond a bound it is left out.
 */
int jit_code_add(struct jit_code_table *table, uint64_t start, uint64_t end, const char *name,
		 uint64_t shift);
/* The code that was last added at `old` is at [start, end) now, with its name and lines. */
int jit_code_move(struct jit_code_table *table, uint64_t old, uint64_t start, uint64_t end);

/* False: none. Strings live as long as the table. */
bool jit_code_find(struct jit_code_table *table, uint64_t address, struct jit_code *ret_code);

/* Pieces of code there are now. */
size_t jit_code_count(struct jit_code_table *table);

#endif

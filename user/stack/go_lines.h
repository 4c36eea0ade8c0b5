/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Go's table of functions, files and lines, the "pclntab", which every Go program carries for
 * its own tracebacks, stripped or not: https://go.dev/s/go12symtab, and src/runtime/symtab.go
 * and src/debug/gosym/pclntab.go of Go. The versions 1.2, 1.16, 1.18 and 1.20 of 64-bit programs.
 */
#ifndef SEEP_STACK_GO_LINES_H
#define SEEP_STACK_GO_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/debug_budget.h"

enum go_version {
	GO_1_2 = 0, /* to 1.15 */
	GO_1_16, /* and 1.17 */
	GO_1_18, /* and 1.19 */
	GO_1_20, /* and later */
};

/* A table that was checked. Its offsets are from the start of the table. */
struct go_lines {
	const uint8_t *bytes; /* the caller's */
	size_t size;
	enum go_version version;
	uint8_t quantum; /* bytes of the shortest instruction */
	uint64_t nr_functions;
	uint64_t text; /* address of the code, from 1.18 on: 0 when it is not in the table */
	uint64_t names, units, files, values, functions;
};

struct go_function {
	uint64_t start, end; /* addresses */
	uint64_t record; /* offset */
};

enum { GO_LINES_HEADER = 8 + 8 * 8 }; /* bytes of the longest header */

/* Do these bytes look like the start of a table? */
bool go_lines_magic(const uint8_t *bytes, size_t size);
/* False when it is no table, or one whose parts lie outside of it. */
bool go_lines_read(const uint8_t *bytes, size_t size, struct go_lines *ret_lines);

/* From the first function's start to the last one's end. */
void go_lines_text(const struct go_lines *lines, uint64_t *ret_start, uint64_t *ret_end);
/* The i-th function by address; false when there is none, or its record is damaged. */
bool go_lines_function(const struct go_lines *lines, uint64_t i, struct go_function *ret);
/* Is this its name, whatever its ABI is (".abi0")? Reads no more than the name's length. */
bool go_lines_is_named(const struct go_lines *lines, const struct go_function *f, const char *name);
/* The function that covers the address. */
bool go_lines_find(const struct go_lines *lines, uint64_t address, struct go_function *ret);
/* The name at an offset among the names; NULL none. It lies in the table, as files do. */
const char *go_lines_name(const struct go_lines *lines, int32_t offset);
const char *go_lines_function_name(const struct go_lines *lines, const struct go_function *f);
/* The file and the line of an address in the function; false when unknown. */
bool go_lines_place(const struct go_lines *lines, const struct go_function *f, uint64_t address,
		    struct debug_budget *budget, const char **ret_file, uint32_t *ret_line);
/*
 * Which entry of the function's tree of inlined calls the address belongs to; -1: it is
 * the function's own. Tables of 1.2 do not say which form their trees have: always -1.
 */
int32_t go_lines_inlined(const struct go_lines *lines, const struct go_function *f,
			 uint64_t address, struct debug_budget *budget);
/*
 * Where that tree is: from 1.18 on an offset from `go:func.*`, before an address. False
 * when the function has none.
 */
bool go_lines_inline_tree(const struct go_lines *lines, const struct go_function *f,
			  uint64_t *ret_where);

#endif

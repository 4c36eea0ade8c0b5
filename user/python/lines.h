/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Line tables of code objects: from an instruction to its line. Pure. */
#ifndef SEEP_PYTHON_LINES_H
#define SEEP_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

/* How a version writes its table. */
enum python_lines_format {
	PYTHON_LNOTAB_UNSIGNED, /* 2.7: co_lnotab */
	PYTHON_LNOTAB, /* 3.6 to 3.9: line steps are signed */
	PYTHON_LINETABLE, /* 3.10: ranges with their ends */
	PYTHON_LOCATIONS, /* from 3.11: PEP 626 and 657 */
};

struct python_lines {
	enum python_lines_format format;
	const uint8_t *bytes;
	size_t size;
	int32_t first; /* co_firstlineno */
};

enum python_lines_format python_lines_format(unsigned major, unsigned minor);

/*
 * The line of the instruction at `instruction` as a frame has it: f_lasti up to 3.10, bytes
 * from the first instruction later; negative: not yet begun, on the first line. 0: on none.
 */
uint32_t python_lines_find(const struct python_lines *lines, int64_t instruction);

#endif

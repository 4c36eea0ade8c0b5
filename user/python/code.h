/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The code objects of a process: function, file and line of what a frame is in. */
#ifndef SEEP_PYTHON_CODE_H
#define SEEP_PYTHON_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strpool.h"
#include "memory/remote.h"
#include "python/layout.h"

struct python_codes;

struct python_location {
	const char *function; /* qualified from 3.11 on, "<module>" for a module */
	const char *file;
	uint32_t line; /* 0: of no line */
	uint64_t name_at, lines_at; /* where the object's name and table are: which it is */
	bool hidden; /* not the program's: the interpreter's own step between two frames */
};

/*
 * `remote` and `names`, which takes the strings, must outlive it. What has been read is
 * kept, and read anew where an address has come to hold another object. NULL: no memory.
 */
struct python_codes *python_codes_new(struct remote *remote, const struct python_layout *layout,
				      struct strpool *names);
void python_codes_free(struct python_codes *codes);

/*
 * `instruction` as in python_lines_find. 0; -EFAULT: no code object is there; -ESRCH: the process
 * is gone, and this was not read before; -EACCES, -ENOMEM.
 */
int python_codes_find(struct python_codes *codes, uint64_t code, int64_t instruction,
		      struct python_location *ret_location);
/* The same from what was read before, without a look at the process; false: nothing was. */
bool python_codes_kept(const struct python_codes *codes, uint64_t code, int64_t instruction,
		       struct python_location *ret_location);
size_t python_codes_bytes(const struct python_codes *codes);

/*
 * The text of a str (2.7: bytes, its str) as UTF-8, for the caller to free; cut after
 * PYTHON_TEXT_MOST characters. -EFAULT for what is none, -ENOMEM, -ESRCH, -EACCES.
 */
enum { PYTHON_TEXT_MOST = 1024 };
int python_text_read(struct remote *remote, const struct python_layout *layout, uint64_t address,
		     char **ret_text);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files, lines and inlined functions of one module, from its DWARF. */
#ifndef SEEP_STACK_DEBUG_INFO_H
#define SEEP_STACK_DEBUG_INFO_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/debug_files.h"

enum { DEBUG_FRAMES_MAX = 128 };

struct debug_frame {
	const char *name; /* mangled where there is such a name; NULL unknown */
	const char *file; /* NULL unknown */
	const char *folder; /* that a relative `file` starts from; NULL unknown */
	uint32_t line; /* 0 unknown */
};

struct debug_info;

/*
 * Opens the DWARF of `elf`, which must stay open as long. 0, -ENOENT when it has none,
 * -EFBIG when it is beyond the bound of memory, -ENOMEM.
 */
int debug_info_open(Elf *elf, const struct debug_search *search, struct debug_info **ret_info);
void debug_info_free(struct debug_info *info);

/*
 * The frames at the address, innermost inlined function first, the physical one last;
 * that alone when not `inlined`. Returns how many, 0 when nothing is known. Strings live
 * as long as `info`. *ret_language as in struct symbol, NULL unknown.
 */
size_t debug_info_find(struct debug_info *info, uint64_t address, bool inlined,
		       struct debug_frame frames[DEBUG_FRAMES_MAX], const char **ret_language);

/* It took too long: nothing more will be found. */
bool debug_info_exhausted(const struct debug_info *info);

/* Bytes of debug sections that it holds. */
size_t debug_info_bytes(const struct debug_info *info);

#endif

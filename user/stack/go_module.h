/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a Go program's tables are: in the file, and in relation to each other. */
#ifndef SEEP_STACK_GO_MODULE_H
#define SEEP_STACK_GO_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "stack/elf_image.h"
#include "stack/go_lines.h"

struct go_module {
	uint64_t table; /* address of the table of functions and lines */
	uint64_t size; /* bytes from there to the end of its section or segment */
	uint64_t inline_trees; /* address that trees are relative to, from 1.18 on; 0 unknown */
	uint64_t text; /* address that functions are relative to, from 1.18 on; 0 unknown */
};

/* Reads what the file has at an ELF address, across no two segments. Bytes read, or 0. */
size_t go_module_read(int fd, const struct image *image, uint64_t address, void *buffer,
		      size_t size);

/* The table in the file: by its section, else by its first bytes. 0 or -ENOENT, -ENOMEM. */
int go_module_find(int fd, const struct image *image, struct go_module *ret_module);

/*
 * Adds what `runtime.firstmoduledata` tells of the table that was read: the text, where
 * the table leaves it to the loader, and the inline trees. 0, or -ENOENT when the
 * functions cannot be placed, -ENOMEM.
 */
int go_module_complete(int fd, const struct image *image, const struct go_lines *lines,
		       struct go_module *module);

#endif

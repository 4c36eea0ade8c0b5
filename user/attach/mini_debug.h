/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mini debug info: the section .gnu_debugdata holds an xz-compressed ELF file whose only
 * use is its .symtab (GDB manual, "MiniDebugInfo").
 */
#ifndef SEEP_ATTACH_MINI_DEBUG_H
#define SEEP_ATTACH_MINI_DEBUG_H

#include "attach/elf_file.h"

/* The inner file, in memory that the caller frees. 0, -ENOENT none, -EINVAL, -ENOMEM. */
int mini_debug_read(const struct elf_file *file, uint8_t **ret_image, size_t *ret_size);

#endif

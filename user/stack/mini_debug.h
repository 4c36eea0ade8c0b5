/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mini debug info: a small ELF file with the symbols that .dynsym lacks, compressed by xz
 * in section .gnu_debugdata
 * (https://sourceware.org/gdb/current/onlinedocs/gdb.html/MiniDebugInfo.html).
 */
#ifndef SEEP_STACK_MINI_DEBUG_H
#define SEEP_STACK_MINI_DEBUG_H

#include <libelf.h>

/*
 * Unpacks it. 0 with an ELF handle to end and, after that, *ret_memory to free; -ENOENT
 * when there is none, -EFBIG when it unpacks to too much, -EINVAL, -ENOMEM.
 */
int mini_debug_open(Elf *elf, Elf **ret_elf, void **ret_memory);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Opening foreign ELF files with libelf, which takes memory and time by what headers
 * claim: in a file with holes that can be more than the machine has.
 */
#ifndef SEEP_STACK_ELF_OPEN_H
#define SEEP_STACK_ELF_OPEN_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_OPEN_HEADERS_MOST = 1 << 16, /* sections, and segments; a linked file has some 50 */
	ELF_BUILD_ID_MOST = 64, /* bytes; 20 and 16 are what linkers write */
};

/*
 * A handle for reading, to be ended by elf_end; NULL for what is no little-endian ELF
 * file, and for one whose headers cannot be right. `fd` stays the caller's and open.
 */
Elf *elf_open(int fd);
/* The same of bytes, which must outlive the handle and into which libelf may write. */
Elf *elf_open_memory(void *bytes, size_t size);

/* The length of the build id, 0 when there is none. */
size_t elf_build_id(Elf *elf, uint8_t ret_build_id[ELF_BUILD_ID_MOST]);

#endif

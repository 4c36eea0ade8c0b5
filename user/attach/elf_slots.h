/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which symbol the loader stores where: the relocations of the GOT, by address. */
#ifndef SEEP_ATTACH_ELF_SLOTS_H
#define SEEP_ATTACH_ELF_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct elf_file;
struct elf_slots;

struct elf_slot {
	uint64_t address;
	uint32_t section; /* number of the relocations' section; it is linked to the symbols */
	uint32_t symbol; /* number of the symbol */
};

/* Reads nothing yet; NULL when out of memory. */
struct elf_slots *elf_slots_new(void);
void elf_slots_free(struct elf_slots *slots);

/*
 * The slot at the address; NULL none. The first time, the relocations of `file`, which is
 * always the same, are read.
 */
const struct elf_slot *elf_slots_find(struct elf_slots *slots, const struct elf_file *file,
				      uint64_t address);

#endif

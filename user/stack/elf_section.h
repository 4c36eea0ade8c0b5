/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sections by name, and no more of them than can be right. */
#ifndef SEEP_STACK_ELF_SECTION_H
#define SEEP_STACK_ELF_SECTION_H

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* NULL when there is none with contents in the file. */
static inline Elf_Scn *elf_section_find(Elf *elf, const char *name)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *found;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(elf, names, header.sh_name);
		if (found && !strcmp(found, name))
			return section;
	}
	return NULL;
}

/* Is the section there and takes no more memory than `most` bytes? libelf reads it whole. */
static inline bool elf_section_fits(Elf_Scn *section, uint64_t most)
{
	GElf_Shdr header;

	return section && gelf_getshdr(section, &header) && header.sh_size <= most;
}

#endif

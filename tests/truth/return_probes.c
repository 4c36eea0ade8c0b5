// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "return_probes.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#include "base/cleanup.h"

struct search {
	Elf *elf;
	const char *pattern;
	unsigned long *offsets;
	size_t most, nr;
};

static void consider(struct search *search, const GElf_Sym *symbol, const char *name)
{
	GElf_Shdr header;

	if (GELF_ST_TYPE(symbol->st_info) != STT_FUNC || !name || search->nr == search->most ||
	    fnmatch(search->pattern, name, 0) ||
	    !gelf_getshdr(elf_getscn(search->elf, symbol->st_shndx), &header))
		return;
	search->offsets[search->nr++] = symbol->st_value - header.sh_addr + header.sh_offset;
}

static void search_section(struct search *search, Elf_Scn *section)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Shdr header;
	GElf_Sym symbol;

	if (!data || !gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
		return;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++)
		consider(search, &symbol, elf_strptr(search->elf, header.sh_link, symbol.st_name));
}

int return_probes_find(const char *path, const char *pattern, unsigned long *offsets, size_t most)
{
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct search search = { .pattern = pattern, .offsets = offsets, .most = most };
	Elf_Scn *section = NULL;

	if (fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	search.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	while (search.elf && (section = elf_nextscn(search.elf, section)))
		search_section(&search, section);
	elf_end(search.elf);
	return search.nr ? (int)search.nr : -ENOENT;
}

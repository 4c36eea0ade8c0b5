// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the name of a variable of C in a mapped file, or in the bss behind it: its symbol where
 * the file has one, else the file and the address in it.
 */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc/maps.h"
#include "python/path.h"

enum { MAX_SYMBOLS = 1 << 20 };

/* The mapping of the file whose data, or bss, the address is in. */
static const struct mapping *file_of(const struct maps *maps, uint64_t address)
{
	const struct mapping *last = NULL;

	for (size_t i = 0; i < maps->nr && maps->items[i].start <= address; i++)
		if (maps->items[i].inode)
			last = &maps->items[i];
	return last;
}

/* Where the file's first byte would be. */
static uint64_t start_of(const struct maps *maps, const struct mapping *file)
{
	const struct mapping *m = file;

	for (; m > maps->items; m--)
		if (m->inode == file->inode && !m->offset)
			return m->start;
	return m->start - m->offset;
}

static bool symbol_in(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, uint64_t at, char *text,
		      size_t size)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; data && i < nr && i < MAX_SYMBOLS; i++) {
		const char *name;

		if (!gelf_getsym(data, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT ||
		    at < symbol.st_value || at - symbol.st_value >= symbol.st_size)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name)
			return false;
		if (at == symbol.st_value)
			snprintf(text, size, "%s", name);
		else
			snprintf(text, size, "%s+0x%" PRIx64, name, at - symbol.st_value);
		return true;
	}
	return false;
}

static bool find_symbol(int fd, uint64_t start, uint64_t address, char *text, size_t size)
{
	Elf *elf;
	Elf_Scn *section = NULL;
	GElf_Ehdr file;
	GElf_Shdr header;
	bool found = false;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && gelf_getehdr(elf, &file)) {
		uint64_t at = file.e_type == ET_EXEC ? address : address - start;

		while (!found && (section = elf_nextscn(elf, section)))
			if (gelf_getshdr(section, &header) &&
			    (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
				found = symbol_in(elf, section, &header, at, text, size);
	}
	elf_end(elf);
	return found;
}

void python_global_name(struct python_reader *reader, uint64_t address, char *text, size_t size)
{
	const struct mapping *file;
	char symbol[160];
	struct maps maps;
	const char *name;
	uint64_t start;
	int fd;

	snprintf(text, size, "0x%" PRIx64, address);
	if (!reader->view.pid || maps_read(reader->view.pid, &maps))
		return;
	file = file_of(&maps, address);
	if (file) {
		name = strrchr(file->path, '/') ? strrchr(file->path, '/') + 1 : file->path;
		start = start_of(&maps, file);
		fd = maps_open(reader->view.pid, file);
		if (fd >= 0 && find_symbol(fd, start, address, symbol, sizeof(symbol)))
			snprintf(text, size, "%s in %s", symbol, name);
		else
			snprintf(text, size, "%s+0x%" PRIx64, name, address - start);
		if (fd >= 0)
			close(fd);
	}
	maps_free(&maps);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what is known of variables of C: their ranges, from the program headers that each
 * mapped file has in memory, and their names. The maps alone do not tell where a bss ends: it is
 * anonymous memory, and so may be what is mapped right behind it, such as an arena
 * full of objects.
 */
#include "python/globals.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc/maps.h"
#include "stack/elf_open.h"

enum {
	MAX_SYMBOLS = 1 << 20,
	MAX_HEADERS = 64,
};

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

/* Of what a header claims, that which is memory; out of order, or over another: not again. */
static int add_range(const struct regions *writable, uint64_t from, uint64_t to,
		     struct regions *ranges)
{
	int err = 0;

	for (size_t i = 0; err != -ENOMEM && i < writable->nr; i++) {
		const struct region *region = &writable->items[i];
		uint64_t start = from > region->start ? from : region->start;
		uint64_t end = to < region->end ? to : region->end;

		if (start < end)
			err = regions_add(ranges, start, end, REGION_FILE);
	}
	return err == -ENOMEM ? err : 0;
}

static int add_segments(struct python_reader *r, uint64_t start, struct regions *ranges)
{
	struct remote *remote = r->view.remote;
	Elf64_Phdr headers[MAX_HEADERS];
	Elf64_Ehdr file;
	uint64_t bias;
	int err = 0;

	if (remote_read(remote, start, &file, sizeof(file)) ||
	    memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 || file.e_phnum > MAX_HEADERS ||
	    file.e_phentsize != sizeof(*headers) ||
	    remote_read(remote, start + file.e_phoff, headers, file.e_phnum * sizeof(*headers)))
		return 0;
	bias = file.e_type == ET_EXEC ? 0 : start;
	for (size_t i = 0; !err && i < file.e_phnum; i++) {
		uint64_t from = (bias + headers[i].p_vaddr + 7) & ~UINT64_C(7);
		uint64_t to = (bias + headers[i].p_vaddr + headers[i].p_memsz) & ~UINT64_C(7);

		if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_W)
			err = add_range(&r->regions, from, to, ranges);
	}
	return err;
}

static int ranges_of_files(struct python_reader *r, struct regions *ret_ranges)
{
	struct regions ranges = { 0 };
	struct maps maps;
	int err = maps_read(r->view.pid, &maps);

	if (err)
		return err;
	for (size_t i = 0; !err && i < maps.nr; i++)
		if (maps.items[i].inode && !maps.items[i].offset && maps.items[i].readable)
			err = add_segments(r, maps.items[i].start, &ranges);
	maps_free(&maps);
	if (err)
		regions_free(&ranges);
	else
		*ret_ranges = ranges;
	return err;
}

static int ranges_of_regions(struct python_reader *r, struct regions *ret_ranges)
{
	struct regions ranges = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < r->regions.nr; i++)
		if (r->regions.items[i].kind == REGION_FILE)
			err = regions_add(&ranges, r->regions.items[i].start,
					  r->regions.items[i].end, REGION_FILE);
	if (err)
		regions_free(&ranges);
	else
		*ret_ranges = ranges;
	return err;
}

int python_globals_ranges(struct python_reader *reader, struct regions *ret_ranges)
{
	return reader->view.pid ? ranges_of_files(reader, ret_ranges)
				: ranges_of_regions(reader, ret_ranges);
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

	elf = elf_open(fd);
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

void python_globals_name(struct python_reader *reader, uint64_t address, char *text, size_t size)
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

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A small ELF reader (System V gABI, chapters 4 and 5). The files come from processes that
 * may be hostile, change while they are read, and be of any size; so everything is read
 * with pread into memory of our own (a mapped file that shrinks would kill us), every
 * table is checked against the file's size, and nothing in the file makes a loop longer
 * than the file. It knows nothing of allocators.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/elf_file.h"
#include "attach/elf_slots.h"
#include "base/vec.h"

#define SECTION_LIMIT ((uint64_t)512 << 20)

enum {
	SEGMENTS_MOST = 4096,
	SECTIONS_MOST = 1 << 16,
	SYMBOLS_AT_ONCE = 2048,
	SYMBOLS_MOST = 1 << 24,
	NAME_MOST = 4096,
};

static bool inside(const struct elf_file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset;
}

/* 0, -EINVAL when the file has not that much, -errno. */
static int read_at(const struct elf_file *file, uint64_t offset, void *bytes, size_t size)
{
	size_t done = 0;

	if (!inside(file, offset, size))
		return -EINVAL;
	if (file->image) {
		memcpy(bytes, file->image + offset, size);
		return 0;
	}
	while (done < size) {
		ssize_t got = pread(file->fd, (char *)bytes + done, size - done, offset + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EINVAL;
		done += got;
	}
	return 0;
}

static int read_segments(struct elf_file *file, const Elf64_Ehdr *header)
{
	if (header->e_phnum == 0)
		return 0;
	if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > SEGMENTS_MOST)
		return -EINVAL;
	for (size_t i = 0; i < header->e_phnum; i++) {
		struct elf_segment *segment;
		Elf64_Phdr entry;
		int err;

		if (header->e_phoff > file->size)
			return -EINVAL;
		err = read_at(file, header->e_phoff + i * sizeof(entry), &entry, sizeof(entry));
		if (err)
			return err;
		if (entry.p_type != PT_LOAD)
			continue;
		if (!inside(file, entry.p_offset, entry.p_filesz) ||
		    entry.p_vaddr + entry.p_filesz < entry.p_vaddr)
			return -EINVAL;
		segment = vec_push(&file->segments, &file->nr_segments, &file->cap_segments);
		if (!segment)
			return -ENOMEM;
		segment->address = entry.p_vaddr;
		segment->offset = entry.p_offset;
		segment->file_size = entry.p_filesz;
		segment->executable = entry.p_flags & PF_X;
	}
	return 0;
}

static int read_sections(struct elf_file *file, const Elf64_Ehdr *header)
{
	uint64_t count = header->e_shnum;
	Elf64_Shdr first;
	int err;

	if (header->e_shoff == 0)
		return 0;
	if (header->e_shentsize != sizeof(Elf64_Shdr))
		return -EINVAL;
	err = read_at(file, header->e_shoff, &first, sizeof(first));
	if (err)
		return err;
	/* Large numbers of sections are in the first entry, which is otherwise empty. */
	if (count == 0)
		count = first.sh_size;
	file->names_section = header->e_shstrndx == SHN_XINDEX ? first.sh_link : header->e_shstrndx;
	if (count > SECTIONS_MOST || !inside(file, header->e_shoff, count * sizeof(first)))
		return -EINVAL;
	file->sections = calloc(count ? count : 1, sizeof(*file->sections));
	if (!file->sections)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct elf_section *section = &file->sections[i];
		Elf64_Shdr entry;

		err = read_at(file, header->e_shoff + i * sizeof(entry), &entry, sizeof(entry));
		if (err)
			return err;
		section->name = entry.sh_name;
		section->type = entry.sh_type;
		section->address = entry.sh_addr;
		section->offset = entry.sh_offset;
		section->size = entry.sh_size;
		section->link = entry.sh_link;
		section->entry_size = entry.sh_entsize;
	}
	file->nr_sections = count;
	return 0;
}

static int read_tables(struct elf_file *file)
{
	Elf64_Ehdr header;
	int err;

	if (file->size < sizeof(header))
		return -ENOEXEC;
	err = read_at(file, 0, &header, sizeof(header));
	if (err)
		return err;
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64))
		return -ENOEXEC;
	file->machine = header.e_machine;
	err = read_segments(file, &header);
	return err ?: read_sections(file, &header);
}

static int open_tables(struct elf_file *file, struct elf_file *ret_file)
{
	int err = read_tables(file);

	if (!err) {
		file->slots = elf_slots_new();
		err = file->slots ? 0 : -ENOMEM;
	}
	if (err)
		elf_file_close(file);
	else
		*ret_file = *file;
	return err;
}

int elf_file_open(int fd, struct elf_file *ret_file)
{
	struct elf_file file = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	file.size = st.st_size;
	return open_tables(&file, ret_file);
}

int elf_file_open_image(const uint8_t *image, size_t size, struct elf_file *ret_file)
{
	struct elf_file file = { .fd = -1, .image = image, .size = size };

	return open_tables(&file, ret_file);
}

void elf_file_close(struct elf_file *file)
{
	free(file->segments);
	free(file->sections);
	elf_slots_free(file->slots);
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

const struct elf_section *elf_file_section(const struct elf_file *file, uint32_t type)
{
	for (size_t i = 0; i < file->nr_sections; i++)
		if (file->sections[i].type == type)
			return &file->sections[i];
	return NULL;
}

static bool section_has_name(const struct elf_file *file, const struct elf_section *section,
			     const char *name)
{
	const struct elf_section *names;
	char text[64];
	size_t size = strlen(name) + 1;

	if (file->names_section >= file->nr_sections || size > sizeof(text))
		return false;
	names = &file->sections[file->names_section];
	if (section->name >= names->size || size > names->size - section->name ||
	    !inside(file, names->offset, names->size))
		return false;
	return read_at(file, names->offset + section->name, text, size) == 0 &&
	       memcmp(text, name, size) == 0;
}

const struct elf_section *elf_file_section_named(const struct elf_file *file, const char *name)
{
	for (size_t i = 0; i < file->nr_sections; i++)
		if (section_has_name(file, &file->sections[i], name))
			return &file->sections[i];
	return NULL;
}

int elf_file_read_section(const struct elf_file *file, const struct elf_section *section,
			  char **ret_bytes)
{
	char *bytes;
	int err;

	if (section->type == SHT_NOBITS || section->size > SECTION_LIMIT ||
	    !inside(file, section->offset, section->size))
		return -EINVAL;
	bytes = malloc(section->size + 1);
	if (!bytes)
		return -ENOMEM;
	err = read_at(file, section->offset, bytes, section->size);
	if (err) {
		free(bytes);
		return err;
	}
	bytes[section->size] = '\0';
	*ret_bytes = bytes;
	return 0;
}

static const struct elf_section *strings_of(const struct elf_file *file,
					    const struct elf_section *table)
{
	return table->link < file->nr_sections ? &file->sections[table->link] : NULL;
}

static int visit_symbol(const Elf64_Sym *entry, const char *strings, uint64_t strings_size,
			elf_symbol_fn each, void *context)
{
	struct elf_symbol symbol = {
		.address = entry->st_value,
		.size = entry->st_size,
		.type = ELF64_ST_TYPE(entry->st_info),
		.defined = entry->st_shndx != SHN_UNDEF && entry->st_shndx != SHN_ABS,
	};
	const char *name, *version;
	char *copy = NULL;
	int result;

	if (entry->st_name == 0 || entry->st_name >= strings_size)
		return 0;
	name = strings + entry->st_name;
	/* No allocator has so long a name; and thousands could share one of megabytes. */
	if (strnlen(name, NAME_MOST) == NAME_MOST)
		return 0;
	/* "malloc@@GLIBC_2.2.5" is how .symtab names it in some files. */
	version = strchr(name, '@');
	if (version > name) {
		copy = strndup(name, version - name);
		if (!copy)
			return -ENOMEM;
	}
	symbol.name = copy ? copy : name;
	result = each(&symbol, context);
	free(copy);
	return result;
}

int elf_file_symbols(const struct elf_file *file, const struct elf_section *table,
		     elf_symbol_fn each, void *context)
{
	const struct elf_section *strings = strings_of(file, table);
	uint64_t whole = table->size / sizeof(Elf64_Sym);
	uint64_t count = whole < SYMBOLS_MOST ? whole : SYMBOLS_MOST;
	Elf64_Sym *entries = NULL;
	char *names = NULL;
	int result;

	if (!strings || table->entry_size != sizeof(Elf64_Sym) || table->type == SHT_NOBITS ||
	    !inside(file, table->offset, table->size))
		return -EINVAL;
	result = elf_file_read_section(file, strings, &names);
	entries = calloc(SYMBOLS_AT_ONCE, sizeof(*entries));
	if (!result && !entries)
		result = -ENOMEM;
	for (uint64_t at = 0; !result && at < count; at += SYMBOLS_AT_ONCE) {
		uint64_t part = count - at < SYMBOLS_AT_ONCE ? count - at : SYMBOLS_AT_ONCE;

		result = read_at(file, table->offset + at * sizeof(*entries), entries,
				 part * sizeof(*entries));
		for (uint64_t i = 0; !result && i < part; i++)
			result = visit_symbol(&entries[i], names, strings->size, each, context);
	}
	free(entries);
	free(names);
	return result;
}

int elf_file_symbol_name(const struct elf_file *file, const struct elf_section *table,
			 uint32_t index, char **ret_name)
{
	const struct elf_section *strings = strings_of(file, table);
	char text[NAME_MOST];
	Elf64_Sym entry;
	uint64_t left;
	char *name;
	int err;

	if (!strings || !inside(file, table->offset, table->size) ||
	    index >= table->size / sizeof(entry) || !inside(file, strings->offset, strings->size))
		return -EINVAL;
	err = read_at(file, table->offset + index * sizeof(entry), &entry, sizeof(entry));
	if (err)
		return err;
	if (entry.st_name >= strings->size)
		return -EINVAL;
	left = strings->size - entry.st_name;
	if (left > sizeof(text) - 1)
		left = sizeof(text) - 1;
	err = read_at(file, strings->offset + entry.st_name, text, left);
	if (err)
		return err;
	text[left] = '\0';
	name = strdup(text);
	if (!name)
		return -ENOMEM;
	*ret_name = name;
	return 0;
}

static const struct elf_segment *segment_of(const struct elf_file *file, uint64_t address)
{
	for (size_t i = 0; i < file->nr_segments; i++) {
		const struct elf_segment *segment = &file->segments[i];

		if (address >= segment->address && address - segment->address < segment->file_size)
			return segment;
	}
	return NULL;
}

const struct elf_segment *elf_file_code_segment(const struct elf_file *file, uint64_t address)
{
	const struct elf_segment *segment = segment_of(file, address);

	return segment && segment->executable ? segment : NULL;
}

size_t elf_file_read(const struct elf_file *file, uint64_t address, void *bytes, size_t size)
{
	const struct elf_segment *segment = segment_of(file, address);
	uint64_t left;

	if (!segment)
		return 0;
	left = segment->file_size - (address - segment->address);
	if (size > left)
		size = left;
	if (read_at(file, segment->offset + (address - segment->address), bytes, size) != 0)
		return 0;
	return size;
}

char *elf_file_slot_symbol(const struct elf_file *file, uint64_t slot)
{
	const struct elf_slot *found = elf_slots_find(file->slots, file, slot);
	const struct elf_section *relocations;
	char *name;

	if (!found)
		return NULL;
	relocations = &file->sections[found->section];
	if (relocations->link >= file->nr_sections ||
	    elf_file_symbol_name(file, &file->sections[relocations->link], found->symbol, &name))
		return NULL;
	return name;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small x86_64 ELF file made in memory: one executable segment, one symbol table. */
#ifndef SEEP_TESTS_ELF_IMAGE_H
#define SEEP_TESTS_ELF_IMAGE_H

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_BASE 0x400000
#define IMAGE_TEXT 0x100
#define IMAGE_TABLE 0x500000

struct elf_image {
	uint8_t bytes[1 << 15];
	size_t size;
	uint8_t text[4096];
	size_t text_size;
	Elf64_Sym symbols[128];
	size_t nr_symbols;
	char names[4096];
	size_t names_size;
	const void *debugdata; /* instead of the symbols: .gnu_debugdata */
	size_t debugdata_size;
	const void *search_table; /* .eh_frame_hdr, at IMAGE_TABLE */
	size_t search_table_size;
};

static inline Elf64_Sym *image_symbol(struct elf_image *image, const char *name, uint64_t address,
				      uint64_t size)
{
	Elf64_Sym *symbol;

	if (!image->nr_symbols) {
		image->nr_symbols = 1;
		image->names_size = 1;
	}
	symbol = &image->symbols[image->nr_symbols++];
	symbol->st_name = image->names_size;
	symbol->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	symbol->st_shndx = 1;
	symbol->st_value = address;
	symbol->st_size = size;
	strcpy(image->names + image->names_size, name);
	image->names_size += strlen(name) + 1;
	return symbol;
}

/* Puts the code into the segment, 64 bytes apart; the address. */
static inline uint64_t image_function(struct elf_image *image, const char *name, const void *code,
				      size_t size)
{
	uint64_t address = IMAGE_BASE + IMAGE_TEXT + image->text_size;

	memcpy(image->text + image->text_size, code, size);
	image->text_size += 64;
	image_symbol(image, name, address, size);
	return address;
}

static inline size_t image_put(struct elf_image *image, const void *bytes, size_t size)
{
	size_t at = (image->size + 7) & ~(size_t)7;

	memcpy(image->bytes + at, bytes, size);
	image->size = at + size;
	return at;
}

/* Lays the file out; the sections are 1 .text, 2 symbols, 3 names, 4 one by name, 5 the names. */
static inline void image_finish(struct elf_image *image)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 6,
		.e_shstrndx = 5,
	};
	Elf64_Phdr segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = IMAGE_BASE };
	static const char section_names[] = "\0.gnu_debugdata\0.eh_frame_hdr";
	Elf64_Shdr sections[6] = {
		{ 0 },
		{ .sh_type = SHT_PROGBITS, .sh_offset = IMAGE_TEXT },
		{ .sh_type = SHT_SYMTAB, .sh_link = 3, .sh_entsize = sizeof(Elf64_Sym) },
		{ .sh_type = SHT_STRTAB },
		{ 0 },
		{ .sh_type = SHT_STRTAB, .sh_size = sizeof(section_names) }
	};

	image->size = IMAGE_TEXT;
	image_put(image, image->text, image->text_size);
	segment.p_filesz = image->size;
	sections[1].sh_size = image->text_size;
	sections[2].sh_size = image->nr_symbols * sizeof(Elf64_Sym);
	sections[2].sh_offset = image_put(image, image->symbols, sections[2].sh_size);
	sections[3].sh_size = image->names_size;
	sections[3].sh_offset = image_put(image, image->names, image->names_size);
	sections[5].sh_offset = image_put(image, section_names, sizeof(section_names));
	if (image->debugdata) {
		sections[2].sh_type = SHT_NULL;
		sections[4].sh_type = SHT_PROGBITS;
		sections[4].sh_name = 1;
		sections[4].sh_size = image->debugdata_size;
		sections[4].sh_offset = image_put(image, image->debugdata, image->debugdata_size);
	}
	if (image->search_table) {
		sections[4].sh_type = SHT_PROGBITS;
		sections[4].sh_name = sizeof("\0.gnu_debugdata");
		sections[4].sh_addr = IMAGE_TABLE;
		sections[4].sh_size = image->search_table_size;
		sections[4].sh_offset =
			image_put(image, image->search_table, image->search_table_size);
	}
	header.e_shoff = image_put(image, sections, sizeof(sections));
	memcpy(image->bytes, &header, sizeof(header));
	memcpy(image->bytes + sizeof(header), &segment, sizeof(segment));
}

/* A file of these bytes that has no name; -1 on failure. */
static inline int image_file(const void *bytes, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, bytes, size) != (ssize_t)size) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif

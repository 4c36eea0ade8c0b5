/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few things that planning probes needs of an ELF file: its symbols, the code at an
 * address, where that is in the file, and which symbol a PLT stub goes to. 64-bit
 * little-endian x86_64 and aarch64 alone. Every size and offset in the file is checked.
 */
#ifndef SEEP_ATTACH_ELF_FILE_H
#define SEEP_ATTACH_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_segment {
	uint64_t address, offset, file_size;
	bool executable;
};

struct elf_section {
	uint64_t address, offset, size, entry_size;
	uint32_t name, type, link;
};

struct elf_file {
	int fd; /* not owned; -1 when `image` is set */
	const uint8_t *image; /* not owned */
	uint64_t size;
	uint16_t machine;
	struct elf_segment *segments; /* PT_LOAD only */
	size_t nr_segments, cap_segments;
	struct elf_section *sections;
	size_t nr_sections;
	uint32_t names_section;
	struct elf_slots *slots; /* read when first asked for */
};

struct elf_symbol {
	const char *name; /* valid during the call; without "@version" */
	uint64_t address, size;
	uint8_t type; /* STT_... */
	bool defined;
};

/* From a descriptor, or from memory. 0, -ENOEXEC (not such a file), -EINVAL, -ENOMEM, -errno. */
int elf_file_open(int fd, struct elf_file *ret_file);
int elf_file_open_image(const uint8_t *image, size_t size, struct elf_file *ret_file);
void elf_file_close(struct elf_file *file);

const struct elf_section *elf_file_section(const struct elf_file *file, uint32_t type);
/* By name; NULL none. */
const struct elf_section *elf_file_section_named(const struct elf_file *file, const char *name);
/* The whole section in memory that the caller frees, a NUL after it. 0 or -errno. */
int elf_file_read_section(const struct elf_file *file, const struct elf_section *section,
			  char **ret_bytes);

typedef int (*elf_symbol_fn)(const struct elf_symbol *symbol, void *context);
/*
 * Calls `each` for every named symbol of a symbol table section until it returns other
 * than 0, which is then returned; -EINVAL for a corrupt table.
 */
int elf_file_symbols(const struct elf_file *file, const struct elf_section *table,
		     elf_symbol_fn each, void *context);
/* The symbol numbered `index` of a table; its name in memory that the caller frees. */
int elf_file_symbol_name(const struct elf_file *file, const struct elf_section *table,
			 uint32_t index, char **ret_name);

/* The executable segment that holds the bytes of this address; NULL none. */
const struct elf_segment *elf_file_code_segment(const struct elf_file *file, uint64_t address);
/* Bytes at an address, of any segment; how many could be read, up to `size`. */
size_t elf_file_read(const struct elf_file *file, uint64_t address, void *bytes, size_t size);
/*
 * The name of the symbol that the loader will store at this address (a GOT slot), in
 * memory that the caller frees; NULL none.
 */
char *elf_file_slot_symbol(const struct elf_file *file, uint64_t slot);

#endif

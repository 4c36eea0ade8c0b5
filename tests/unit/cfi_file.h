/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small ELF file made in memory: code, and call frame information written by hand. */
#ifndef SEEP_TESTS_CFI_FILE_H
#define SEEP_TESTS_CFI_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CFI_TEXT 0x401000 /* address of the code */
#define CFI_TEXT_SIZE 0x3000
#define CFI_FRAMES 0x600000 /* address of the call frame information */
#define CFI_HEADER (CFI_FRAMES - 16) /* of .eh_frame_hdr */

struct cfi_file {
	uint8_t bytes[1 << 16];
	size_t size;
	uint16_t machine; /* 0: x86_64 */
	bool debug; /* .debug_frame, not .eh_frame */
	bool no_sections;
	bool no_header; /* and no PT_GNU_EH_FRAME either */
	uint8_t text[CFI_TEXT_SIZE];
	uint8_t frames[1 << 14];
	size_t frames_size;
};

static inline void cfi_put(struct cfi_file *file, const void *bytes, size_t size)
{
	memcpy(file->frames + file->frames_size, bytes, size);
	file->frames_size += size;
}

static inline void cfi_put_number(struct cfi_file *file, uint64_t value, size_t size)
{
	cfi_put(file, &value, size);
}

/* Ends the entry that starts at `start` and sets its length; 0 is DW_CFA_nop. */
static inline void cfi_end_entry(struct cfi_file *file, size_t start)
{
	uint32_t length;

	while ((file->frames_size - start) % 8)
		cfi_put_number(file, 0, 1);
	length = (uint32_t)(file->frames_size - start - 4);
	memcpy(file->frames + start, &length, 4);
}

/*
 * A CIE: code alignment 1 (aarch64: 4), data alignment -8. `letters` without the 'z'; of
 * what they announce, `data` has the bytes. Returns its place.
 */
static inline size_t cfi_cie(struct cfi_file *file, const char *letters, const void *data,
			     size_t data_size, const void *program, size_t program_size)
{
	bool arm64 = file->machine == EM_AARCH64;
	size_t start = file->frames_size;

	cfi_put_number(file, 0, 4);
	cfi_put_number(file, file->debug ? UINT32_MAX : 0, 4);
	cfi_put_number(file, 1, 1);
	if (!file->debug)
		cfi_put_number(file, 'z', 1);
	cfi_put(file, letters, strlen(letters) + 1);
	cfi_put_number(file, arm64 ? 4 : 1, 1);
	cfi_put_number(file, 0x78, 1); /* -8 */
	cfi_put_number(file, arm64 ? 30 : 16, 1);
	if (!file->debug) {
		cfi_put_number(file, data_size, 1);
		cfi_put(file, data, data_size);
	}
	cfi_put(file, program, program_size);
	cfi_end_entry(file, start);
	return start;
}

/* The usual CIE: CFA sp + 8, return address at CFA - 8; aarch64: CFA sp. */
static inline size_t cfi_usual_cie(struct cfi_file *file)
{
	static const uint8_t x86[] = { 0x0c, 7, 8, 0x90, 1 }, arm64[] = { 0x0c, 31, 0 };
	static const uint8_t absolute;

	if (file->machine == EM_AARCH64)
		return cfi_cie(file, "R", &absolute, 1, arm64, sizeof(arm64));
	return cfi_cie(file, file->debug ? "" : "R", &absolute, 1, x86, sizeof(x86));
}

/* The start of an FDE, up to its range; *ret_start is for cfi_end_entry. */
static inline void cfi_begin_fde(struct cfi_file *file, size_t cie, size_t *ret_start)
{
	*ret_start = file->frames_size;
	cfi_put_number(file, 0, 4);
	cfi_put_number(file, file->debug ? cie : file->frames_size - cie, 4);
}

/* An FDE with absolute pointers for `size` bytes from CFI_TEXT + offset. */
static inline void cfi_fde(struct cfi_file *file, size_t cie, uint64_t offset, uint64_t size,
			   const void *program, size_t program_size)
{
	size_t start;

	cfi_begin_fde(file, cie, &start);
	cfi_put_number(file, CFI_TEXT + offset, 8);
	cfi_put_number(file, size, 8);
	if (!file->debug)
		cfi_put_number(file, 0, 1);
	cfi_put(file, program, program_size);
	cfi_end_entry(file, start);
}

static inline void cfi_append(struct cfi_file *file, const void *bytes, size_t size)
{
	memcpy(file->bytes + file->size, bytes, size);
	file->size += (size + 7) & ~(size_t)7;
}

/* Lays the file out: sections are 1 .text, 2 the frames, 3 names. */
static inline void cfi_finish(struct cfi_file *file)
{
	static const char names[] = "\0.text\0.eh_frame\0.debug_frame\0.shstrtab";
	/* version, pointer relative to itself in 4 bytes, no table */
	static const uint8_t frame_header[16] = { 1, 0x1b, 0xff, 0xff, 12 };
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_machine = file->machine ? file->machine : EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = file->no_header ? 2 : 3,
		.e_shentsize = file->no_sections ? 0 : sizeof(Elf64_Shdr),
		.e_shnum = file->no_sections ? 0 : 4,
		.e_shstrndx = file->no_sections ? 0 : 3,
	};
	Elf64_Phdr segments[3] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = CFI_TEXT },
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = CFI_HEADER },
		{ .p_type = PT_GNU_EH_FRAME, .p_flags = PF_R, .p_vaddr = CFI_HEADER },
	};
	Elf64_Shdr sections[4] = {
		{ 0 },
		{ .sh_type = SHT_PROGBITS, .sh_name = 1, .sh_addr = CFI_TEXT },
		{ .sh_type = SHT_PROGBITS, .sh_name = file->debug ? 17 : 7, .sh_addr = CFI_FRAMES },
		{ .sh_type = SHT_STRTAB, .sh_name = 30, .sh_size = sizeof(names) },
	};

	file->size = sizeof(header) + sizeof(segments);
	segments[0].p_offset = sections[1].sh_offset = file->size;
	segments[0].p_filesz = sections[1].sh_size = sizeof(file->text);
	cfi_append(file, file->text, sizeof(file->text));
	segments[1].p_offset = segments[2].p_offset = file->size;
	segments[1].p_filesz = sizeof(frame_header) + file->frames_size;
	segments[2].p_filesz = sizeof(frame_header);
	cfi_append(file, frame_header, sizeof(frame_header));
	sections[2].sh_offset = file->size;
	sections[2].sh_size = file->frames_size;
	cfi_append(file, file->frames, file->frames_size);
	sections[3].sh_offset = file->size;
	cfi_append(file, names, sizeof(names));
	header.e_shoff = file->no_sections ? 0 : file->size;
	cfi_append(file, sections, sizeof(sections));
	memcpy(file->bytes, &header, sizeof(header));
	memcpy(file->bytes + sizeof(header), segments, sizeof(segments));
}

#endif

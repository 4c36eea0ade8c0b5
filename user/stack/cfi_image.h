/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the compiler of unwind tables needs of an ELF file: its call frame information,
 * with or without section headers, and bytes by address. 64-bit little-endian x86_64 and
 * aarch64 alone. Every size and offset in the file is checked.
 */
#ifndef SEEP_STACK_CFI_IMAGE_H
#define SEEP_STACK_CFI_IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CFI_BUILD_ID_MAX = 64 }; /* ELF_BUILD_ID_MOST */

struct cfi_segment {
	uint64_t address, offset, size; /* size in the file */
	bool executable;
};

struct cfi_image {
	Elf *elf;
	int fd; /* not owned; -1: `memory` */
	uint8_t *memory; /* a copy: libelf writes into what it unpacks */
	uint64_t size;
	uint16_t machine; /* EM_X86_64, EM_AARCH64 */
	struct cfi_segment *segments; /* PT_LOAD with bytes in the file, by address, apart */
	size_t nr_segments, cap_segments;
	uint64_t text_base, data_base; /* of relative pointers; 0 unknown */
	uint64_t eh_frame_hdr; /* address; 0 none */
	uint8_t build_id[CFI_BUILD_ID_MAX];
	size_t build_id_length; /* 0 none */
};

/* A section in memory of its own, freed by cfi_section_free. */
struct cfi_section {
	uint8_t *bytes;
	size_t size;
	uint64_t address;
	bool is_eh; /* the format of .eh_frame, else that of .debug_frame */
	bool open_ended; /* the size is a guess: an entry of length 0 ends it */
};

/* 0, -ENOEXEC for what is no such file, -EINVAL, -ENOMEM, -errno. Bytes are copied. */
int cfi_image_open(int fd, struct cfi_image *ret_image);
int cfi_image_open_memory(const void *bytes, size_t size, struct cfi_image *ret_image);
/* Accepts a zeroed image. */
void cfi_image_close(struct cfi_image *image);

/* The ways to find .eh_frame, each -ENOENT where there is none: by section header, */
int cfi_image_eh_section(const struct cfi_image *image, struct cfi_section *ret_section);
/* through .eh_frame_hdr, */
int cfi_image_eh_header(const struct cfi_image *image, struct cfi_section *ret_section);
/* and by its looks, in files without section headers alone. */
int cfi_image_eh_search(const struct cfi_image *image, struct cfi_section *ret_section);
/* .debug_frame, also compressed. */
int cfi_image_debug_section(const struct cfi_image *image, struct cfi_section *ret_section);
void cfi_section_free(struct cfi_section *section);

/* The segment that has the bytes of the address in the file; NULL none. */
const struct cfi_segment *cfi_image_segment(const struct cfi_image *image, uint64_t address);
/* Bytes at an address; how many could be read, up to `size`. */
size_t cfi_image_read(const struct cfi_image *image, uint64_t address, void *bytes, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What placing an address needs of an ELF file: its segments and its build id. */
#ifndef SEEP_STACK_ELF_IMAGE_H
#define SEEP_STACK_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_segment {
	uint64_t offset, file_size; /* in the file, bytes */
	uint64_t address; /* ELF virtual address */
	bool executable;
};

struct image {
	struct image_segment *segments; /* of type PT_LOAD, with bytes in the file */
	size_t nr_segments, cap_segments;
	char *build_id; /* lower-case hex; NULL none */
};

/*
 * Reads the ELF file behind `fd`, which stays the caller's. 0 with an image to free by
 * image_free, -ENOEXEC for what is no executable or shared object, -ENOMEM.
 */
int image_read(int fd, struct image *ret_image);
/* Has the ELF file of any kind this build id (lower-case hex)? */
bool image_has_build_id(int fd, const char *build_id);
/* Accepts a zeroed image. */
void image_free(struct image *image);

/*
 * The ELF address of file offset `offset`, the start of a mapping of `length` bytes that
 * is `executable` or not. False when no segment is mapped from there.
 */
bool image_address(const struct image *image, uint64_t offset, uint64_t length, bool executable,
		   uint64_t *ret_address);

/*
 * The vDSO of this very process as a file: a descriptor to close, or -errno. All
 * processes of one architecture share it.
 */
int image_vdso(void);

#endif

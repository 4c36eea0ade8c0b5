// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way from a file offset to an ELF virtual address.
 *
 * A loader maps whole pages: a segment's first and last page also hold what lies beside
 * it in the file. One file page may therefore be mapped twice, as the end of one segment
 * and as the start of the next, and rounding alone does not tell the two apart. The
 * segment that shares most bytes with the mapping is meant; permissions decide first.
 *
 * It must not know processes: it is given a descriptor and numbers.
 */
#include "stack/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "stack/elf_open.h"

enum {
	MAX_SEGMENTS = 4096,
	MAX_VDSO = 16 * 4096, /* it has two pages today */
};

static int read_segments(Elf *elf, struct image *image)
{
	size_t nr, i;

	if (elf_getphdrnum(elf, &nr))
		return -ENOEXEC;
	for (i = 0; i < nr && i < MAX_SEGMENTS; i++) {
		struct image_segment *segment;
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header))
			return -ENOEXEC;
		if (header.p_type != PT_LOAD || !header.p_filesz ||
		    header.p_filesz > UINT64_MAX - header.p_offset)
			continue;
		segment = vec_push(&image->segments, &image->nr_segments, &image->cap_segments);
		if (!segment)
			return -ENOMEM;
		segment->offset = header.p_offset;
		segment->file_size = header.p_filesz;
		segment->address = header.p_vaddr;
		segment->executable = header.p_flags & PF_X;
	}
	return 0;
}

static int read_build_id(Elf *elf, char **ret_build_id)
{
	uint8_t bytes[ELF_BUILD_ID_MOST];
	size_t length = elf_build_id(elf, bytes), i;
	char *text;

	if (!length)
		return 0;
	text = malloc(length * 2 + 1);
	if (!text)
		return -ENOMEM;
	for (i = 0; i < length; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	*ret_build_id = text;
	return 0;
}

int image_read(int fd, struct image *ret_image)
{
	struct image image = { 0 };
	int err = -ENOEXEC;
	GElf_Ehdr header;
	Elf *elf;

	elf = elf_open(fd);
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	    (header.e_type == ET_EXEC || header.e_type == ET_DYN)) {
		err = read_segments(elf, &image);
		if (!err)
			err = read_build_id(elf, &image.build_id);
	}
	elf_end(elf);
	if (err)
		image_free(&image);
	else
		*ret_image = image;
	return err;
}

void image_free(struct image *image)
{
	free(image->segments);
	free(image->build_id);
	memset(image, 0, sizeof(*image));
}

bool image_has_build_id(int fd, const char *build_id)
{
	__cleanup(free_text)
	char *found = NULL;
	Elf *elf;

	elf = elf_open(fd);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		read_build_id(elf, &found);
	elf_end(elf);
	return found && !strcmp(found, build_id);
}

/* Bytes that the segment, as it is in the file, has in common with [offset, offset + length). */
static uint64_t shared_bytes(const struct image_segment *segment, uint64_t offset, uint64_t length)
{
	uint64_t end = segment->offset + segment->file_size;
	uint64_t mapped_end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
	uint64_t from = segment->offset > offset ? segment->offset : offset;
	uint64_t to = end < mapped_end ? end : mapped_end;

	return to > from ? to - from : 0;
}

bool image_address(const struct image *image, uint64_t offset, uint64_t length, bool executable,
		   uint64_t *ret_address)
{
	const struct image_segment *best = NULL;
	uint64_t best_shared = 0;
	size_t i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];
		uint64_t shared = shared_bytes(segment, offset, length);
		bool fits_better = best && segment->executable == executable &&
				   best->executable != executable;
		bool fits_worse = best && segment->executable != executable &&
				  best->executable == executable;

		if (!shared || fits_worse || (!fits_better && shared <= best_shared))
			continue;
		best = segment;
		best_shared = shared;
	}
	if (!best)
		return false;
	*ret_address = best->address + (offset - best->offset);
	return true;
}

/* Length of the ELF image in memory at `base`: up to the end of its section headers. */
static size_t vdso_size(const uint8_t *base)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)base;
	size_t size = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(base + header->e_phoff);
	int i;

	for (i = 0; i < header->e_phnum; i++) {
		size_t end = segments[i].p_offset + segments[i].p_filesz;

		if (segments[i].p_type == PT_LOAD && end > size)
			size = end;
	}
	return size;
}

int image_vdso(void)
{
	const uint8_t *base = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	size_t size, done = 0;
	int fd;

	if (!base)
		return -ENOENT;
	size = vdso_size(base);
	if (size > MAX_VDSO)
		return -EFBIG;
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = write(fd, base + done, size - done);

		if (n <= 0) {
			int err = n ? -errno : -EIO;

			close(fd);
			return err;
		}
		done += (size_t)n;
	}
	return fd;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as a whole ELF file, for what reads one before anything is known of it: the
 * placing of addresses, and the compiler of unwind tables from a file and from memory,
 * which must agree.
 */
#include <stdlib.h>

#include "../unit/cfi_file.h"
#include "../unit/elf_image.h"
#include "elf_mutator.h"
#include "stack/elf_image.h"
#include "stack/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static const uint8_t frame[] = { 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6 };
	static struct cfi_file file;

	if (!elf_is_file(data, size)) {
		memset(&file, 0, sizeof(file));
		file.machine = seed & 1 ? EM_AARCH64 : EM_X86_64;
		file.debug = seed & 2;
		file.no_sections = seed & 4;
		cfi_fde(&file, cfi_usual_cie(&file), 16, 4096, frame, sizeof(frame));
		cfi_finish(&file);
		if (file.size > most)
			return LLVMFuzzerMutate(data, size, most);
		memcpy(data, file.bytes, file.size);
		size = file.size;
	}
	return elf_mutate(data, size, most, seed);
}

static void place(int fd, size_t size)
{
	struct image image = { 0 };
	uint64_t address;

	if (image_read(fd, &image))
		return;
	for (uint64_t offset = 0; offset <= size; offset += 4096) {
		image_address(&image, offset, 4096, true, &address);
		image_address(&image, offset, UINT64_MAX - offset / 2, false, &address);
	}
	if (image.build_id && !image_has_build_id(fd, image.build_id))
		abort();
	image_free(&image);
}

static void compile(int fd, const uint8_t *data, size_t size, bool full)
{
	const struct unwind_table_options options = { .full = full };
	struct unwind_table *of_file = NULL, *of_memory = NULL;
	int err = unwind_table_build(fd, &options, &of_file);

	if (err != unwind_table_build_memory(data, size, &options, &of_memory))
		abort();
	if (!err && unwind_table_bytes(of_file) != unwind_table_bytes(of_memory))
		abort();
	unwind_table_free(of_file);
	unwind_table_free(of_memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = image_file(data, size);

	if (fd < 0)
		abort();
	place(fd, size);
	compile(fd, data, size, false);
	compile(fd, data, size, true);
	close(fd);
	return 0;
}

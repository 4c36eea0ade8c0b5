// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An ELF file with symbols, mini debug info and DWARF of anyone's making. The first two
 * bytes say which addresses are looked up, an odd third one that the rest, which is the
 * file, is to be packed as the mini debug info of another one.
 */
#include <lzma.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/elf_image.h"
#include "elf_mutator.h"
#include "stack/elf_image.h"
#include "stack/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

enum { NR_ADDRESSES = 32, HEAD = 3, PACKED_MOST = 1 << 14 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static const uint8_t push[] = { 0x55, 0xc3 };
	static struct elf_image image;

	if (size < HEAD || !elf_is_file(data + HEAD, size - HEAD)) {
		memset(&image, 0, sizeof(image));
		image_function(&image, "outer", push, sizeof(push));
		image_function(&image, "_ZN5inner4nameEv", push, sizeof(push));
		image_finish(&image);
		if (image.size + HEAD > most)
			return LLVMFuzzerMutate(data, size, most);
		data[0] = data[1] = 16;
		data[2] = seed & 1;
		memcpy(data + HEAD, image.bytes, image.size);
		size = image.size + HEAD;
	}
	if (seed % 16 == 0) {
		LLVMFuzzerMutate(data, HEAD, HEAD);
		return size;
	}
	return HEAD + elf_mutate(data + HEAD, size - HEAD, most - HEAD, seed / 16);
}

static void name(struct object *object, uint64_t address)
{
	struct debug_info *info = object_debug_info(object);
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	const char *language;

	object_symbol(object, address);
	if (info)
		debug_info_find(info, address, true, frames, &language);
}

/* A file that has the bytes as its mini debug info; -1 when they do not fit. */
static int pack(const uint8_t *data, size_t size)
{
	static uint8_t packed[PACKED_MOST];
	static struct elf_image image;
	size_t packed_size = 0;

	if (lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data, size, packed, &packed_size,
				    sizeof(packed)) != LZMA_OK)
		return -1;
	memset(&image, 0, sizeof(image));
	image.text_size = 64;
	image.debugdata = packed;
	image.debugdata_size = packed_size;
	image_finish(&image);
	return image_file(image.bytes, image.size);
}

static uint64_t start_of_code(const struct image *image, uint64_t otherwise)
{
	for (size_t i = 0; i < image->nr_segments; i++)
		if (image->segments[i].executable)
			return image->segments[i].address;
	return otherwise;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* No build id, a path without folder: nothing else on this machine is looked at. */
	const struct debug_search search = { .path = "fuzz", .root = -1 };
	struct image image = { 0 };
	struct object *object;
	uint64_t start = 0x1000, i;
	int fd;

	if (size < HEAD)
		return 0;
	fd = data[2] & 1 ? pack(data + HEAD, size - HEAD) : image_file(data + HEAD, size - HEAD);
	if (fd < 0)
		return 0;
	if (!image_read(fd, &image)) {
		start = start_of_code(&image, start);
		image_free(&image);
	}
	if (object_open(fd, &search, true, &object))
		return 0;
	for (i = 0; i < NR_ADDRESSES; i++)
		name(object, start + data[0] + i * data[1]);
	object_free(object);
	return 0;
}

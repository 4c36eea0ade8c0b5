/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Decompression of .gnu_debugdata, bounded: a few kilobytes of xz can claim gigabytes.
 */
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

#include "attach/mini_debug.h"

#define IMAGE_LIMIT ((size_t)64 << 20)
#define DECODER_MEMORY_LIMIT ((uint64_t)128 << 20)

static int decompress(const char *packed, size_t packed_size, uint8_t **ret_image, size_t *ret_size)
{
	size_t capacity = packed_size * 4 + 4096;
	uint8_t *image = NULL;

	while (capacity <= IMAGE_LIMIT) {
		uint64_t memory = DECODER_MEMORY_LIMIT;
		size_t in = 0, out = 0;
		uint8_t *grown = realloc(image, capacity);
		lzma_ret result;

		if (!grown) {
			free(image);
			return -ENOMEM;
		}
		image = grown;
		result = lzma_stream_buffer_decode(&memory, 0, NULL, (const uint8_t *)packed, &in,
						   packed_size, image, &out, capacity);
		if (result == LZMA_OK) {
			grown = realloc(image, out ? out : 1);
			*ret_image = grown ? grown : image;
			*ret_size = out;
			return 0;
		}
		/* It also says so of input that is cut off, for which more room never helps. */
		if (result != LZMA_BUF_ERROR)
			break;
		capacity *= 2;
	}
	free(image);
	return -EINVAL;
}

int mini_debug_read(const struct elf_file *file, uint8_t **ret_image, size_t *ret_size)
{
	const struct elf_section *section = elf_file_section_named(file, ".gnu_debugdata");
	char *packed;
	int err;

	if (!section)
		return -ENOENT;
	if (section->size > IMAGE_LIMIT)
		return -EINVAL;
	err = elf_file_read_section(file, section, &packed);
	if (err)
		return err;
	err = decompress(packed, section->size, ret_image, ret_size);
	free(packed);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the unpacking of mini debug info. It is done here, not by libdw, for the bound: a
 * few kilobytes of xz can unpack to as many gigabytes.
 */
#include "stack/mini_debug.h"

#include <errno.h>
#include <gelf.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>

#include "stack/elf_open.h"
#include "stack/elf_section.h"

enum {
	FIRST_SIZE = 1 << 18,
	MAX_SIZE = 64 << 20, /* unpacked; a large C++ program has 5 MB */
	MAX_WORKSPACE = 96 << 20, /* of the decoder; xz -9 needs 65 MB */
};

/* Unpacks until the end; *memory grows. 0 or -errno. */
static int unpack(lzma_stream *stream, uint8_t **memory, size_t *ret_size)
{
	size_t size = 0;
	lzma_ret ret = LZMA_OK;

	while (ret == LZMA_OK) {
		size_t want = size ? size * 2 : FIRST_SIZE;
		uint8_t *grown;

		if (size >= MAX_SIZE)
			return -EFBIG;
		grown = realloc(*memory, want);
		if (!grown)
			return -ENOMEM;
		*memory = grown;
		stream->next_out = grown + size;
		stream->avail_out = want - size;
		ret = lzma_code(stream, LZMA_FINISH);
		size = want - stream->avail_out;
		if (ret == LZMA_OK && stream->avail_out)
			return -EINVAL;
	}
	*ret_size = size;
	return ret == LZMA_STREAM_END ? 0 : -EINVAL;
}

int mini_debug_open(Elf *elf, Elf **ret_elf, void **ret_memory)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	Elf_Scn *section = elf_section_find(elf, ".gnu_debugdata");
	Elf_Data *data = elf_section_fits(section, MAX_SIZE) ? elf_rawdata(section, NULL) : NULL;
	uint8_t *memory = NULL;
	size_t size = 0;
	Elf *unpacked = NULL;
	int err;

	if (!data || !data->d_buf)
		return -ENOENT;
	if (lzma_stream_decoder(&stream, MAX_WORKSPACE, 0) != LZMA_OK)
		return -ENOMEM;
	stream.next_in = data->d_buf;
	stream.avail_in = data->d_size;
	err = unpack(&stream, &memory, &size);
	lzma_end(&stream);
	if (!err) {
		unpacked = elf_open_memory(memory, size);
		if (!unpacked)
			err = -EINVAL;
	}
	if (err) {
		free(memory);
		return err;
	}
	*ret_elf = unpacked;
	*ret_memory = memory;
	return 0;
}

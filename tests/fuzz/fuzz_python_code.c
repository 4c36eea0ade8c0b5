// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Line tables, and code objects in memory that may say anything. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "python/code.h"
#include "python/lines.h"

#define BASE UINT64_C(0x10000)

struct image {
	const uint8_t *bytes;
	size_t size;
};

static ssize_t read_image(void *context, uint64_t address, void *bytes, size_t size)
{
	const struct image *image = context;
	size_t rest;

	if (address < BASE || address - BASE >= image->size)
		return 0;
	rest = image->size - (address - BASE);
	size = size < rest ? size : rest;
	memcpy(bytes, image->bytes + (address - BASE), size);
	return (ssize_t)size;
}

static const struct remote_ops ops = { .read = read_image };

static void find_lines(const uint8_t *data, size_t size, int64_t instruction)
{
	for (int format = PYTHON_LNOTAB_UNSIGNED; format <= PYTHON_LOCATIONS; format++) {
		struct python_lines lines = { format, data, size, 1 };

		for (int64_t at = -1; at < 64; at++)
			python_lines_find(&lines, at);
		python_lines_find(&lines, instruction);
	}
}

static void find_codes(struct image *image, const struct python_layout *layout, int64_t instruction)
{
	struct remote *remote = remote_new(&ops, image);
	struct strpool *names = strpool_new();
	struct python_codes *codes = python_codes_new(remote, layout, names);
	struct python_location at;
	char *text;

	if (!remote || !names || !codes)
		abort();
	for (uint64_t offset = 0; offset < image->size && offset < 1024; offset += 8) {
		if (!python_text_read(remote, layout, BASE + offset, &text))
			free(text);
		if (!python_codes_find(codes, BASE + offset, instruction, &at) &&
		    (!at.function || !at.file))
			abort();
	}
	python_codes_free(codes);
	strpool_free(names);
	remote_free(remote);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct python_layout layout;
	struct image image;
	int32_t instruction;

	if (size < 8)
		return 0;
	memcpy(&instruction, data + 4, sizeof(instruction));
	if (python_layout_of(data[0] & 1 ? 3 : 2, data[0] & 1 ? 6 + data[1] % 10 : 7, &layout))
		return 0;
	image.bytes = data + 8;
	image.size = size - 8;
	find_lines(image.bytes, image.size, instruction);
	find_codes(&image, &layout, instruction);
	return 0;
}

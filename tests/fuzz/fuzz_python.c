/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hostile memory of a CPython process: a sound image of some version, in which the input then
 * writes what it likes where it likes. Whatever it is, opening, the collector's state and the
 * censuses end, in time and without a fault. Input: the version, the kinds of the objects, then
 * writes of {offset, 3 bytes; how much, 1 byte; value}.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/python_image.h"
#include "python/census.h"
#include "python/gc_state.h"
#include "python/heap.h"

enum { OBJECTS = 24, MAX_WRITES = 256 };

static struct python_image image;

static void make(uint8_t version)
{
	static const uint8_t versions[][2] = {
		{ 2, 7 },  { 3, 6 },  { 3, 7 },	 { 3, 8 },  { 3, 9 },  { 3, 10 },
		{ 3, 11 }, { 3, 12 }, { 3, 13 }, { 3, 14 }, { 3, 15 },
	};
	size_t v = version % (sizeof(versions) / sizeof(*versions));

	image_make(&image, versions[v][0], versions[v][1]);
	image_add_keys(&image, 4);
}

static size_t add_objects(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size && i < OBJECTS; i++) {
		int list = data[i] >> 4 & 3;
		uint64_t at = list < PYTHON_GENERATIONS ||
					      image.layout.gc_permanent == PYTHON_ABSENT
				      ? image_generation(&image, list % PYTHON_GENERATIONS)
				      : image_gc(&image) + image.layout.gc_permanent;

		image_add(&image, at, data[i] % IMAGE_TYPE_COUNT);
	}
	return i;
}

/* Small values are made pointers into the image now and then, else little would be followed. */
static void write_words(const uint8_t *data, size_t size)
{
	for (int i = 0; i < MAX_WRITES && size >= 12; i++, data += 12, size -= 12) {
		uint32_t offset = (data[0] | data[1] << 8 | data[2] << 16) % (IMAGE_BYTES - 8);
		uint64_t value;

		memcpy(&value, data + 4, sizeof(value));
		if (data[3] & 8)
			offset &= ~7u;
		if (data[3] & 16)
			value = IMAGE_BASE + value % IMAGE_BYTES;
		if (data[3] & 32)
			value &= ~15ULL;
		memcpy(image.bytes + offset, &value, 1 + (data[3] & 7));
	}
}

static int walked(void *context, const struct python_object *object)
{
	++*(uint64_t *)context;
	return 0;
}

static void look(struct python_process *process)
{
	const struct census_options options = { .pause = false };
	struct python_types *types = python_types_new(process);
	struct census *census;
	struct runtime_gc gc;
	uint64_t seen = 0;

	python_gc_read(process, &gc);
	if (!python_census(process, &options, &census))
		census_free(census);
	if (types) {
		python_heap_walk(process, types, walked, &seen);
		python_heap_frozen(process, types, walked, &seen);
	}
	python_types_free(types);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct python_process *process;
	char *reason = NULL;
	bool before;
	size_t used;

	if (size < 2)
		return 0;
	make(data[0]);
	/* What is bent after the opening has passed its checks already. */
	before = data[0] & 0x80;
	used = 1 + add_objects(data + 1, size - 1);
	if (before)
		write_words(data + used, size - used);
	if (!python_new(&image.source, &image.build, &process, &reason)) {
		if (!before)
			write_words(data + used, size - used);
		look(process);
		python_close(process);
	}
	free(reason);
	image_free(&image);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory of a CPython process that was never there, of any version: a runtime, an
 * interpreter, its collector, types, and objects in the collector's lists, laid out by
 * python_layout_of at one range of addresses. Tests then bend single words of it.
 */
#ifndef SEEP_TESTS_PYTHON_IMAGE_H
#define SEEP_TESTS_PYTHON_IMAGE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memory/remote.h"
#include "python/process.h"
#include "python_told.h"

enum {
	IMAGE_BYTES = 1 << 18,
	/* Offsets in the image. */
	IMAGE_RUNTIME = 0x1000,
	IMAGE_STATS = 0x2000, /* of 3.15's collector */
	IMAGE_INTERPRETER = 0x3000,
	IMAGE_VARIABLES = 0x5800, /* 2.7 and 3.6: the pointer, then the generations */
	IMAGE_TYPES = 0x6000,
	IMAGE_TYPE_BYTES = 0x400,
	IMAGE_NAMES = 0xe000,
	IMAGE_KEYS = 0xf000,
	IMAGE_OBJECTS = 0x10000,
	IMAGE_OBJECT_BYTES = 0x100,
};

#define IMAGE_BASE UINT64_C(0x7f0000000000)

enum image_type {
	IMAGE_TYPE,
	IMAGE_TUPLE,
	IMAGE_LIST,
	IMAGE_DICT,
	IMAGE_SET,
	IMAGE_USER,
	IMAGE_TYPE_COUNT
};

struct python_image {
	uint8_t bytes[IMAGE_BYTES];
	struct python_layout layout;
	struct python_build build;
	struct python_source source;
	size_t objects;
};

static inline void image_put(struct python_image *image, uint64_t offset, uint64_t value)
{
	memcpy(image->bytes + offset, &value, sizeof(value));
}

static inline uint64_t image_get(const struct python_image *image, uint64_t offset)
{
	uint64_t value;

	memcpy(&value, image->bytes + offset, sizeof(value));
	return value;
}

static inline void image_put_int(struct python_image *image, uint64_t offset, int32_t value)
{
	memcpy(image->bytes + offset, &value, sizeof(value));
}

static inline ssize_t image_read_memory(void *context, uint64_t address, void *bytes, size_t size)
{
	const struct python_image *image = context;

	if (address < IMAGE_BASE || address >= IMAGE_BASE + IMAGE_BYTES)
		return 0;
	if (size > IMAGE_BASE + IMAGE_BYTES - address)
		size = IMAGE_BASE + IMAGE_BYTES - address;
	memcpy(bytes, image->bytes + (address - IMAGE_BASE), size);
	return size;
}

static const struct remote_ops image_ops = { .read = image_read_memory };

static inline int image_regions(void *context, struct regions *ret_regions)
{
	struct regions regions = { 0 };
	int err = regions_add(&regions, IMAGE_BASE, IMAGE_BASE + IMAGE_BYTES, REGION_ANONYMOUS);

	*ret_regions = regions;
	return err;
}

/* Where the state of the collector is, and generation 0. */
static inline uint64_t image_gc(const struct python_image *image)
{
	const struct python_layout *l = &image->layout;

	return l->runtime_gc != PYTHON_ABSENT ? IMAGE_RUNTIME + l->runtime_gc
					      : IMAGE_INTERPRETER + l->interpreter_gc;
}

static inline uint64_t image_generation(const struct python_image *image, int i)
{
	const struct python_layout *l = &image->layout;
	uint64_t first = l->gc_generations == PYTHON_ABSENT ? IMAGE_VARIABLES + 32
							    : image_gc(image) + l->gc_generations;

	return first + (uint64_t)i * l->generation;
}

static inline uint64_t image_type(enum image_type type)
{
	return IMAGE_TYPES + (uint64_t)type * IMAGE_TYPE_BYTES;
}

static inline void image_add_type(struct python_image *image, enum image_type type,
				  const char *name, uint64_t basicsize, uint64_t itemsize,
				  uint64_t flags)
{
	uint64_t at = image_type(type), name_at = IMAGE_NAMES + 64 * (uint64_t)type;

	strcpy((char *)image->bytes + name_at, name);
	image_put(image, at + PYTHON_OB_REFCNT, 1);
	image_put(image, at + PYTHON_OB_TYPE, IMAGE_BASE + image_type(IMAGE_TYPE));
	image_put(image, at + PYTHON_TYPE_NAME, IMAGE_BASE + name_at);
	image_put(image, at + PYTHON_TYPE_BASICSIZE, basicsize);
	image_put(image, at + PYTHON_TYPE_ITEMSIZE, itemsize);
	image_put(image, at + PYTHON_TYPE_FLAGS, flags | PYTHON_FLAG_HAVE_GC | PYTHON_FLAG_READY);
}

static inline void image_add_list(struct python_image *image, uint64_t head)
{
	image_put(image, head, IMAGE_BASE + head);
	image_put(image, head + 8, IMAGE_BASE + head);
}

/* The offset of the object's GC head. */
static inline uint64_t image_head(const struct python_image *image, size_t number)
{
	return IMAGE_OBJECTS + number * IMAGE_OBJECT_BYTES;
}

static inline uint64_t image_object(const struct python_image *image, size_t number)
{
	return image_head(image, number) + image->layout.gc_head;
}

/* Puts an object at the end of a list; its number. */
static inline size_t image_add(struct python_image *image, uint64_t list, enum image_type type)
{
	size_t number = image->objects++;
	uint64_t head = image_head(image, number), object = image_object(image, number);
	uint64_t last = image_get(image, list + 8) - IMAGE_BASE;

	image_put(image, head, IMAGE_BASE + list);
	image_put(image, head + 8, IMAGE_BASE + last);
	if (image->layout.gc_head > 16)
		image_put(image, head + 16, image->layout.major == 2 ? (uint64_t)-3 : (uint64_t)-6);
	image_put(image, last, IMAGE_BASE + head);
	image_put(image, list + 8, IMAGE_BASE + head);
	image_put(image, object + PYTHON_OB_REFCNT, 1);
	image_put(image, object + PYTHON_OB_TYPE, IMAGE_BASE + image_type(type));
	return number;
}

/* A dict's table of 2^log2 entries; all dicts share it in the image, though it says not so. */
static inline void image_add_keys(struct python_image *image, unsigned log2)
{
	image_put(image, IMAGE_KEYS, 1);
	image_put(image, IMAGE_KEYS + 8,
		  image->layout.minor >= 11 ? log2 | log2 << 8 | 1 << 16 : UINT64_C(1) << log2);
}

/* From 3.13 on a process tells its layout, here in the words of a real one. */
static inline void image_describe_itself(struct python_image *image)
{
	uint8_t *at = image->bytes + IMAGE_RUNTIME;

	if (image->layout.minor == 13)
		memcpy(at, told_3_13, sizeof(told_3_13));
	if (image->layout.minor == 14)
		memcpy(at, told_3_14, sizeof(told_3_14));
	if (image->layout.minor == 15)
		memcpy(at, told_3_15, sizeof(told_3_15));
}

/* An image with every list empty. */
static inline void image_make(struct python_image *image, unsigned major, unsigned minor)
{
	const struct python_layout *l = &image->layout;

	memset(image, 0, sizeof(*image));
	python_layout_of(major, minor, &image->layout);
	image->build = (struct python_build){ .major = major, .minor = minor, .micro = 255 };
	snprintf(image->build.version, sizeof(image->build.version), "%u.%u", major, minor);
	if (l->gc_generations == PYTHON_ABSENT) {
		image->build.generation0 = IMAGE_BASE + IMAGE_VARIABLES;
		image_put(image, IMAGE_VARIABLES, IMAGE_BASE + IMAGE_VARIABLES + 32);
	} else {
		image->build.runtime = IMAGE_BASE + IMAGE_RUNTIME;
		image_describe_itself(image);
		image_put(image, IMAGE_RUNTIME + l->runtime_interpreters,
			  IMAGE_BASE + IMAGE_INTERPRETER);
		image_add_list(image, image_gc(image) + l->gc_permanent);
	}
	if (l->stats_ring)
		image_put(image, image_gc(image) + l->gc_stats, IMAGE_BASE + IMAGE_STATS);
	for (int i = 0; i < PYTHON_GENERATIONS; i++) {
		image_add_list(image, image_generation(image, i));
		image_put_int(image, image_generation(image, i) + l->gc_head, 10);
	}
	image_add_type(image, IMAGE_TYPE, "type", 400, 40, PYTHON_FLAG_TYPE);
	image_add_type(image, IMAGE_TUPLE, "tuple", 24, 8, PYTHON_FLAG_TUPLE);
	image_add_type(image, IMAGE_LIST, "list", 40, 0, PYTHON_FLAG_LIST);
	image_add_type(image, IMAGE_DICT, "dict", l->dict_size, 0, PYTHON_FLAG_DICT);
	image_add_type(image, IMAGE_SET, "set", 200, 0, 0);
	image_add_type(image, IMAGE_USER, "shop.models.Order", 48, 0, PYTHON_FLAG_HEAP_TYPE);
	image->source = (struct python_source){
		.remote = remote_new(&image_ops, image),
		.pagemap = -1,
		.regions = image_regions,
		.context = image,
	};
}

#define IMAGE_ZEROS_BASE (IMAGE_BASE + (UINT64_C(1) << 32))
#define IMAGE_ZEROS_BYTES (UINT64_C(256) << 30)

static inline ssize_t image_read_with_zeros(void *context, uint64_t address, void *bytes,
					    size_t size)
{
	if (address < IMAGE_ZEROS_BASE)
		return image_read_memory(context, address, bytes, size);
	memset(bytes, 0, size);
	return size;
}

/* A stack's: not searched for objects. */
static inline int image_regions_with_zeros(void *context, struct regions *ret_regions)
{
	int err = image_regions(context, ret_regions);

	return err ? err
		   : regions_add(ret_regions, IMAGE_ZEROS_BASE,
				 IMAGE_ZEROS_BASE + IMAGE_ZEROS_BYTES, REGION_STACK);
}

/* Memory of zeros behind the image, more than could be looked at in any time. */
static inline void image_add_zeros(struct python_image *image)
{
	static const struct remote_ops ops = { .read = image_read_with_zeros };

	remote_free(image->source.remote);
	image->source.remote = remote_new(&ops, image);
	image->source.regions = image_regions_with_zeros;
}

static inline void image_free(struct python_image *image)
{
	remote_free(image->source.remote);
}

#endif

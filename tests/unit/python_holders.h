/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An image of a CPython process with modules, and in one of them containers of every kind:
 *
 *	modules[app].ROWS      a list of 20 users
 *	modules[app].CACHE     a dict of 20 users by str
 *	modules[app].JOBS      a deque of 20 users
 *	modules[app].SEEN      a set of 20 users
 *
 * and, held by nothing: a list with one reference too many, and one that holds itself.
 */
#ifndef SEEP_TESTS_PYTHON_HOLDERS_H
#define SEEP_TESTS_PYTHON_HOLDERS_H

#include "python_image.h"

enum {
	HOLDERS_ITEMS = 20,
	HOLDERS_MODULES = 18,
	HOLDERS_TABLES = 0x30000, /* raw memory from here on */
	HOLDERS_STR = IMAGE_TYPE_COUNT,
	HOLDERS_MODULE,
	HOLDERS_DEQUE,
};

struct holders {
	struct python_image *image;
	uint64_t raw; /* the next free offset */
	uint64_t rows, cache, jobs, seen, modules; /* offsets of the objects */
	uint64_t lost, itself;
};

static inline uint64_t holders_raw(struct holders *h, uint64_t bytes)
{
	uint64_t at = h->raw;

	h->raw += (bytes + 15) & ~UINT64_C(15);
	return at;
}

static inline uint64_t holders_object(struct holders *h, int type)
{
	size_t number = image_add(h->image, image_generation(h->image, 0), (enum image_type)type);

	return image_object(h->image, number);
}

static inline uint64_t holders_text(struct holders *h, const char *text)
{
	uint64_t at = holders_raw(h, 128);

	image_put(h->image, at, 1);
	image_put(h->image, at + PYTHON_OB_TYPE,
		  IMAGE_BASE + image_type((enum image_type)HOLDERS_STR));
	image_put(h->image, at + PYTHON_OB_SIZE, strlen(text));
	/* One byte a character, compact, ASCII. */
	image_put(h->image, at + 32, (1 | 8 | 16) << 2);
	strcpy((char *)h->image->bytes + at + h->image->layout.text_data, text);
	return at;
}

static inline void holders_fill_dict(struct holders *h, uint64_t dict, const uint64_t *keys,
				     const uint64_t *values, size_t nr)
{
	const struct python_layout *l = &h->image->layout;
	uint64_t table = holders_raw(h, 64 * 25 + 64), entries = table + 40 + 64, entry = 24;

	if (l->major == 2) {
		image_put(h->image, dict + 24, nr);
		image_put(h->image, dict + 32, 63);
		image_put(h->image, dict + 40, IMAGE_BASE + table);
		entries = table;
	} else {
		image_put(h->image, dict + PYTHON_DICT_USED, nr);
		image_put(h->image, dict + PYTHON_DICT_KEYS, IMAGE_BASE + table);
		image_put(h->image, table, 1);
		image_put(h->image, table + 8, l->minor >= 11 ? 6 | 6 << 8 | 1 << 16 : 64);
		image_put(h->image, table + (l->minor >= 11 ? 24 : 32), nr);
	}
	if (l->major == 3 && l->minor >= 11) {
		entries = table + 32 + 64;
		entry = 16;
	}
	for (size_t i = 0; i < nr; i++) {
		image_put(h->image, entries + i * entry + entry - 16, IMAGE_BASE + keys[i]);
		image_put(h->image, entries + i * entry + entry - 8, IMAGE_BASE + values[i]);
	}
}

static inline uint64_t holders_user(struct holders *h)
{
	return holders_object(h, IMAGE_USER);
}

static inline uint64_t holders_list(struct holders *h, size_t nr)
{
	uint64_t list = holders_object(h, IMAGE_LIST), table = holders_raw(h, nr * 8);

	image_put(h->image, list + PYTHON_OB_SIZE, nr);
	image_put(h->image, list + PYTHON_LIST_ITEMS, IMAGE_BASE + table);
	image_put(h->image, list + PYTHON_LIST_ALLOCATED, nr);
	for (size_t i = 0; i < nr; i++)
		image_put(h->image, table + i * 8, IMAGE_BASE + holders_user(h));
	return list;
}

static inline uint64_t holders_deque(struct holders *h, size_t nr)
{
	bool old = h->image->layout.major == 2;
	uint64_t deque = holders_object(h, HOLDERS_DEQUE), block = holders_raw(h, 66 * 8);

	image_put(h->image, deque + (old ? 16 : 24), IMAGE_BASE + block);
	image_put(h->image, deque + (old ? 32 : 40), 3);
	image_put(h->image, deque + (old ? 48 : PYTHON_OB_SIZE), nr);
	for (size_t i = 0; i < nr; i++)
		image_put(h->image, block + (old ? 0 : 8) + (3 + i) * 8,
			  IMAGE_BASE + holders_user(h));
	return deque;
}

static inline uint64_t holders_set(struct holders *h, size_t nr)
{
	uint64_t set = holders_object(h, IMAGE_SET), table = holders_raw(h, 64 * 16);
	uint64_t key = h->image->layout.major == 2 ? 8 : 0;

	image_put(h->image, set + PYTHON_SET_USED, nr);
	image_put(h->image, set + PYTHON_SET_MASK, 63);
	image_put(h->image, set + PYTHON_SET_TABLE, IMAGE_BASE + table);
	for (size_t i = 0; i < nr; i++)
		image_put(h->image, table + i * 3 * 16 + key, IMAGE_BASE + holders_user(h));
	return set;
}

static inline uint64_t holders_dict(struct holders *h, size_t nr)
{
	uint64_t keys[HOLDERS_ITEMS], values[HOLDERS_ITEMS], dict = holders_object(h, IMAGE_DICT);
	char name[16];

	for (size_t i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "secret%zu", i);
		keys[i] = holders_text(h, name);
		values[i] = holders_user(h);
	}
	holders_fill_dict(h, dict, keys, values, nr);
	return dict;
}

static inline uint64_t holders_app(struct holders *h)
{
	uint64_t dict = holders_object(h, IMAGE_DICT), module = holders_object(h, HOLDERS_MODULE);
	uint64_t keys[4], values[4];

	values[0] = h->rows = holders_list(h, HOLDERS_ITEMS);
	values[1] = h->cache = holders_dict(h, HOLDERS_ITEMS);
	values[2] = h->jobs = holders_deque(h, HOLDERS_ITEMS);
	values[3] = h->seen = holders_set(h, HOLDERS_ITEMS);
	keys[0] = holders_text(h, "ROWS");
	keys[1] = holders_text(h, "CACHE");
	keys[2] = holders_text(h, "JOBS");
	keys[3] = holders_text(h, "SEEN");
	holders_fill_dict(h, dict, keys, values, 4);
	image_put(h->image, module + 16, IMAGE_BASE + dict);
	return module;
}

/* The interpreter, and a thread that points back, for the versions that tell of neither. */
static inline void holders_interpreter(struct holders *h)
{
	const struct python_layout *l = &h->image->layout;
	uint64_t thread = holders_raw(h, 1024);

	image_put(h->image, IMAGE_INTERPRETER + l->interpreter_modules, IMAGE_BASE + h->modules);
	image_put(h->image, IMAGE_INTERPRETER + l->interpreter_sysdict,
		  IMAGE_BASE + holders_object(h, IMAGE_DICT));
	image_put(h->image, IMAGE_INTERPRETER + l->interpreter_builtins,
		  IMAGE_BASE + holders_object(h, IMAGE_DICT));
	image_put(h->image, IMAGE_INTERPRETER + l->interpreter_threads, IMAGE_BASE + thread);
	image_put(h->image, thread + l->thread_next + 8, IMAGE_BASE + IMAGE_INTERPRETER);
}

static inline void holders_make(struct holders *h, struct python_image *image, unsigned major,
				unsigned minor)
{
	uint64_t keys[HOLDERS_MODULES], values[HOLDERS_MODULES];
	enum image_type str = (enum image_type)HOLDERS_STR;
	uint64_t table;
	char name[16];

	image_make(image, major, minor);
	*h = (struct holders){ .image = image, .raw = HOLDERS_TABLES };
	image_add_type(image, str, "str", 80, 0, 0);
	image_put(image, image_type(str) + PYTHON_TYPE_FLAGS,
		  PYTHON_FLAG_READY | UINT64_C(1) << (major == 2 ? 27 : 28));
	image_add_type(image, (enum image_type)HOLDERS_MODULE, "module", major == 2 ? 24 : 56, 0,
		       0);
	image_add_type(image, (enum image_type)HOLDERS_DEQUE, "collections.deque", 80, 0, 0);
	for (size_t i = 0; i < HOLDERS_MODULES; i++) {
		snprintf(name, sizeof(name), i ? i == 1 ? "app" : "m%zu" : "sys", i);
		keys[i] = holders_text(h, name);
		values[i] = i == 1 ? holders_app(h) : holders_object(h, HOLDERS_MODULE);
	}
	h->modules = holders_object(h, IMAGE_DICT);
	holders_fill_dict(h, h->modules, keys, values, HOLDERS_MODULES);
	holders_interpreter(h);
	h->lost = holders_list(h, 1);
	h->itself = holders_list(h, 0);
	table = holders_raw(h, 8);
	image_put(image, table, IMAGE_BASE + h->itself);
	image_put(image, h->itself + PYTHON_OB_SIZE, 1);
	image_put(image, h->itself + PYTHON_LIST_ITEMS, IMAGE_BASE + table);
	image_put(image, h->itself + PYTHON_LIST_ALLOCATED, 1);
}

#endif

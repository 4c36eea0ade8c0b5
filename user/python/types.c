// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what is known of a process's type objects. A scan asks for a type at every step that
 * might be an object, mostly one of a few dozen, and as often for an address that is no type:
 * so a small table in front remembers the latest answers of both kinds, and only good ones
 * are kept for good. A type is believed when it says that it is ready, and its own type says
 * that it is a type of types; its figures must be sane. Names are kept as they are: who
 * shows them cleans them.
 */
#include "python/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

enum {
	RECENT = 1 << 13,
	TYPE_BYTES = PYTHON_TYPE_DICTOFFSET + 8,
	MAX_NAME = 256,
	MAX_BASICSIZE = 1 << 20,
	MAX_ITEMSIZE = 1 << 16,
	MAX_BASES = 64,
};

struct recent {
	uint64_t address;
	struct python_type *type; /* NULL: it is none */
};

struct python_types {
	struct python_process *process;
	struct hashmap *by_address; /* to the pointer */
	struct strpool *names;
	struct python_type **items;
	size_t nr, cap;
	uint64_t full;
	struct recent recent[RECENT];
};

struct python_types *python_types_new(struct python_process *process)
{
	struct python_types *types = calloc(1, sizeof(*types));

	if (!types)
		return NULL;
	types->process = process;
	types->by_address = hashmap_new();
	types->names = strpool_new();
	if (!types->by_address || !types->names) {
		python_types_free(types);
		return NULL;
	}
	return types;
}

void python_types_free(struct python_types *types)
{
	if (!types)
		return;
	for (size_t i = 0; i < types->nr; i++)
		free(types->items[i]);
	free(types->items);
	hashmap_free(types->by_address);
	strpool_free(types->names);
	free(types);
}

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

/* The last dotted part, as type.__name__ has it. Foreign bytes still. */
static const char *read_name(struct python_types *types, uint64_t address)
{
	char name[MAX_NAME], *dot;

	if (page_cache_string(types->process->pages, address, name, sizeof(name)) || !name[0])
		return NULL;
	dot = strrchr(name, '.');
	return strpool_add(types->names, dot && dot[1] ? dot + 1 : name);
}

/* Is one of its bases, or itself, the built-in type of that (whole) name? */
static bool derives_from(struct python_types *types, uint64_t address, const char *wanted)
{
	struct page_cache *pages = types->process->pages;
	size_t size = strlen(wanted) + 2;
	char name[32];

	for (int i = 0; address && i < MAX_BASES; i++) {
		uint64_t name_at, flags;

		if (page_cache_u64(pages, address + PYTHON_TYPE_FLAGS, &flags) ||
		    page_cache_u64(pages, address + PYTHON_TYPE_NAME, &name_at))
			return false;
		if (!(flags & PYTHON_FLAG_HEAP_TYPE) &&
		    !page_cache_string(pages, name_at, name, size) && !strcmp(name, wanted))
			return true;
		if (page_cache_u64(pages, address + PYTHON_TYPE_BASE, &address))
			return false;
	}
	return false;
}

/* From 3.12 on the deque is a heap type, of no other name. */
static bool is_deque(const struct python_types *types, const struct python_type *type)
{
	return !strcmp(type->name, "deque") && !type->itemsize && types->process->layout.major == 3;
}

static enum python_shape shape_of(struct python_types *types, const struct python_type *type)
{
	if (type->flags & PYTHON_FLAG_LIST)
		return SHAPE_LIST;
	if (type->flags & PYTHON_FLAG_DICT)
		return SHAPE_DICT;
	if (type->flags & PYTHON_FLAG_INT)
		return SHAPE_INT;
	if (is_deque(types, type))
		return SHAPE_DEQUE;
	if (derives_from(types, type->address, "set") ||
	    derives_from(types, type->address, "frozenset"))
		return SHAPE_SET;
	return SHAPE_PLAIN;
}

static uint16_t header_of(const struct python_layout *layout, uint64_t flags)
{
	uint64_t before = 0;

	if (layout->major == 3 && layout->minor >= 11)
		before |= PYTHON_FLAG_MANAGED_DICT;
	if (layout->major == 3 && layout->minor >= 12)
		before |= PYTHON_FLAG_MANAGED_WEAKREF;
	return (flags & PYTHON_FLAG_HAVE_GC ? layout->gc_head : 0) + (flags & before ? 16 : 0);
}

/* Fills `type` from the process; false when there is no type. */
static bool read_type(struct python_types *types, uint64_t address, struct python_type *type)
{
	struct page_cache *pages = types->process->pages;
	uint64_t metaflags, basicsize, itemsize;
	uint8_t bytes[TYPE_BYTES];

	if (address & 7 || page_cache_read(pages, address, bytes, sizeof(bytes)))
		return false;
	type->address = address;
	type->flags = word_at(bytes, PYTHON_TYPE_FLAGS);
	basicsize = word_at(bytes, PYTHON_TYPE_BASICSIZE);
	itemsize = word_at(bytes, PYTHON_TYPE_ITEMSIZE);
	if (!(type->flags & PYTHON_FLAG_READY) || basicsize < 16 || basicsize > MAX_BASICSIZE ||
	    itemsize > MAX_ITEMSIZE ||
	    page_cache_u64(pages, word_at(bytes, PYTHON_OB_TYPE) + PYTHON_TYPE_FLAGS, &metaflags) ||
	    !(metaflags & PYTHON_FLAG_TYPE) || !(metaflags & PYTHON_FLAG_READY))
		return false;
	type->base = word_at(bytes, PYTHON_TYPE_BASE);
	type->basicsize = basicsize;
	type->itemsize = itemsize;
	type->dictoffset = (int32_t)word_at(bytes, PYTHON_TYPE_DICTOFFSET);
	type->header = header_of(&types->process->layout, type->flags);
	type->name = read_name(types, word_at(bytes, PYTHON_TYPE_NAME));
	if (!type->name)
		return false;
	type->shape = shape_of(types, type);
	return true;
}

static struct python_type *keep(struct python_types *types, const struct python_type *type)
{
	struct python_type *copy, **item;

	copy = types->nr < PYTHON_MAX_TYPES ? malloc(sizeof(*copy)) : NULL;
	item = copy ? vec_push(&types->items, &types->nr, &types->cap) : NULL;
	if (!item || hashmap_put(types->by_address, type->address, (uintptr_t)copy)) {
		types->nr -= item != NULL;
		free(copy);
		return NULL;
	}
	*copy = *type;
	*item = copy;
	return copy;
}

static struct python_type *look_up(struct python_types *types, uint64_t address)
{
	struct python_type type = { 0 }, *kept;
	uint64_t known;

	if (hashmap_get(types->by_address, address, &known))
		return (struct python_type *)(uintptr_t)known;
	if (!read_type(types, address, &type))
		return NULL;
	kept = keep(types, &type);
	types->full += !kept;
	return kept;
}

struct python_type *python_types_get_any(struct python_types *types, uint64_t address)
{
	/* Types are some hundred bytes apart, so the lowest bits say little. */
	struct recent *recent = &types->recent[(address >> 4 ^ address >> 17) % RECENT];

	if (recent->address != address) {
		recent->type = look_up(types, address);
		recent->address = address;
	}
	return recent->type;
}

struct python_type *python_types_get(struct python_types *types, uint64_t address)
{
	struct python_type *type = python_types_get_any(types, address);

	return type && type->flags & PYTHON_FLAG_HAVE_GC ? type : NULL;
}

int python_types_add(struct python_types *types, const struct python_types *others)
{
	types->full += others->full;
	for (size_t i = 0; i < others->nr; i++) {
		struct python_type type = *others->items[i], *own;
		uint64_t known;

		if (hashmap_get(types->by_address, type.address, &known)) {
			own = (struct python_type *)(uintptr_t)known;
			own->count += type.count;
			own->bytes += type.bytes;
			continue;
		}
		type.name = strpool_add(types->names, type.name);
		if (!type.name)
			return -ENOMEM;
		if (!keep(types, &type))
			types->full += type.count;
	}
	return 0;
}

uint64_t python_types_full(const struct python_types *types)
{
	return types->full;
}

struct python_type *python_types_next(struct python_types *types, size_t *cursor)
{
	return *cursor < types->nr ? types->items[(*cursor)++] : NULL;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the sight of a process through a snapshot, and the telling of what an object is: by
 * the flags of its type where CPython has flags (a subclass has them too), by the name of a
 * built-in base where it has none. An object is believed when its type makes sense and
 * somebody holds it; what is at a stale pointer mostly fails that, and what does not fail it
 * costs a wrong edge, no more.
 */
#include "python/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "python/heap.h"

enum {
	CACHED_PAGES = 512,
	STEPS = 1 << 16, /* between two looks at the clock */
	FIRST_WINDOW = 64 << 20,
	TYPE_WEAKLISTOFFSET = 208, /* of PyTypeObject, all versions */
	MAX_BASES = 32,
	LOOK_BYTES = 24,
	SAME_BYTES = 80,
	/* A higher count may be an address, where those are low: then it is taken for one. */
	SURE_REFERENCES = 1 << 16,
	/* struct lru_cache_object, Modules/_functoolsmodule.c */
	CACHE_MAXSIZE = 96,
	CACHE_MAXSIZE_36 = 56,
	DEQUE_MAXLEN = 64,
	DEQUE_LENGTH_27 = 48,
	DICT_USED_27 = 24,
	BYTEARRAY_ALLOCATED = 24,
};

#define LIMIT_BYTES (UINT64_C(8) << 30)
#define ABSURD (UINT64_C(1) << 40)
#define FLAG_BYTES (UINT64_C(1) << 27)
#define FLAG_TEXT (UINT64_C(1) << 28)

int python_reader_open(struct python_process *process, struct python_reader *ret_reader)
{
	struct python_reader r = { .view = *process, .live = process->remote };
	int err = process->source.regions(process->source.context, &r.regions);

	if (err)
		return err;
	r.snapshot = snapshot_new(process->remote, FIRST_WINDOW, LIMIT_BYTES);
	if (r.snapshot) {
		r.view.remote = snapshot_remote(r.snapshot);
		r.view.source.remote = r.view.remote;
		r.view.pages = page_cache_new(r.view.remote, CACHED_PAGES);
	}
	if (!r.snapshot || !r.view.pages) {
		snapshot_free(r.snapshot);
		regions_free(&r.regions);
		return -ENOMEM;
	}
	*ret_reader = r;
	/* The types keep a pointer to the view. */
	ret_reader->types = python_types_new(&ret_reader->view);
	if (ret_reader->types)
		return 0;
	python_reader_close(ret_reader);
	return -ENOMEM;
}

void python_reader_close(struct python_reader *r)
{
	python_types_free(r->types);
	page_cache_free(r->view.pages);
	snapshot_free(r->snapshot);
	regions_free(&r->regions);
	free(r->forms);
	memset(r, 0, sizeof(*r));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void python_reader_allow(struct python_reader *r, double seconds)
{
	r->deadline = now() + seconds;
	r->steps = STEPS;
	r->expired = false;
}

bool python_reader_spend(struct python_reader *r, uint64_t steps)
{
	r->steps += steps;
	if (r->steps >= STEPS) {
		r->steps = 0;
		r->expired = r->deadline > 0 && now() > r->deadline;
	}
	return r->expired;
}

bool python_reader_plausible(struct python_reader *r, uint64_t address)
{
	const struct region *region = r->nearby;

	if (address & 7 || !address)
		return false;
	if (!region || address < region->start || address >= region->end) {
		region = regions_find(&r->regions, address);
		if (!region)
			return false;
		r->nearby = region;
	}
	return region->end - address >= LOOK_BYTES;
}

/* Is it, or one of its bases, a type of C with one of these names? */
static const char *built_in(struct python_reader *r, const struct python_type *type,
			    const char *const *names, size_t nr)
{
	for (int i = 0; type && i < MAX_BASES; i++) {
		for (size_t j = 0; j < nr; j++)
			if (!strcmp(type->name, names[j]))
				return names[j];
		type = type->base ? python_types_get_any(r->types, type->base) : NULL;
	}
	return NULL;
}

static const struct {
	const char *name;
	enum python_kind kind;
} kinds_by_name[] = {
	{ "module", KIND_MODULE },
	{ "function", KIND_FUNCTION },
	{ "frame", KIND_FRAME },
	{ "generator", KIND_GENERATOR },
	{ "coroutine", KIND_GENERATOR },
	{ "async_generator", KIND_GENERATOR },
	{ "weakref", KIND_WEAKREF },
	{ "ReferenceType", KIND_WEAKREF },
	{ "weakproxy", KIND_WEAKREF },
	{ "weakcallableproxy", KIND_WEAKREF },
	{ "_lru_cache_wrapper", KIND_CACHE },
	{ "_lru_list_elem", KIND_CACHE_LINK },
	{ "bytearray", KIND_BYTES },
	{ "float", KIND_LEAF },
	{ "complex", KIND_LEAF },
	{ "NoneType", KIND_LEAF },
	{ "memoryview", KIND_OTHER },
};

static enum python_kind kind_by_name(struct python_reader *r, const struct python_type *type)
{
	const char *names[sizeof(kinds_by_name) / sizeof(*kinds_by_name)];
	size_t nr = sizeof(names) / sizeof(*names);
	const char *found;

	for (size_t i = 0; i < nr; i++)
		names[i] = kinds_by_name[i].name;
	found = built_in(r, type, names, nr);
	for (size_t i = 0; found && i < nr; i++)
		if (kinds_by_name[i].name == found)
			return kinds_by_name[i].kind;
	return KIND_OTHER;
}

static enum python_kind kind_of(struct python_reader *r, const struct python_type *type)
{
	static const char *const deque[] = { "deque" };
	bool tracked = type->flags & PYTHON_FLAG_HAVE_GC;

	if (type->flags & PYTHON_FLAG_TYPE)
		return KIND_TYPE;
	if (type->flags & PYTHON_FLAG_LIST)
		return KIND_LIST;
	if (type->flags & PYTHON_FLAG_TUPLE)
		return KIND_TUPLE;
	if (type->flags & PYTHON_FLAG_DICT)
		return KIND_DICT;
	if (type->flags & FLAG_TEXT)
		return KIND_TEXT;
	if (!tracked && type->flags & (PYTHON_FLAG_INT | FLAG_BYTES))
		return KIND_LEAF;
	if (type->shape == SHAPE_SET)
		return KIND_SET;
	if (tracked && built_in(r, type, deque, 1))
		return KIND_DEQUE;
	return kind_by_name(r, type);
}

/* Where the words of its own begin, behind those that its kind knows. */
static uint32_t members_of(struct python_reader *r, enum python_kind kind)
{
	const struct python_layout *l = &r->view.layout;

	switch (kind) {
	case KIND_LIST:
		return PYTHON_LIST_ALLOCATED + 8;
	case KIND_DICT:
		return l->dict_size;
	case KIND_SET:
		return 200;
	case KIND_DEQUE:
		return 80;
	case KIND_CACHE:
		return 56;
	default:
		return 16;
	}
}

const struct python_form *python_reader_form(struct python_reader *r, struct python_type *type)
{
	static const char *const ordered[] = { "OrderedDict" };
	struct python_form *form;
	uint64_t weaklist;

	if (type->count)
		return &r->forms[type->count - 1];
	form = vec_push(&r->forms, &r->nr_forms, &r->cap_forms);
	if (!form)
		return NULL;
	form->type = type;
	form->kind = kind_of(r, type);
	form->members = members_of(r, form->kind);
	weaklist = python_reader_word(r, type->address + TYPE_WEAKLISTOFFSET);
	form->weaklist = weaklist < type->basicsize ? weaklist : 0;
	form->managed_dict = python_at_least(r, 11) && type->flags & PYTHON_FLAG_MANAGED_DICT;
	form->inline_values = python_at_least(r, 13) && type->flags & PYTHON_FLAG_INLINE_VALUES;
	form->keys_twice = form->kind == KIND_DICT && r->view.layout.major == 3 &&
			   built_in(r, type, ordered, 1);
	type->count = r->nr_forms;
	return form;
}

/*
 * Who has no reference is no object; from 3.12 a count that never changes is one below 0. In
 * freed memory there is a pointer: its upper half is no part of a count, nor of the flags
 * that are in the highest 16 bits from 3.14 on.
 */
static bool references_of(const struct python_reader *r, uint64_t word, uint32_t *ret_references)
{
	uint32_t low = (uint32_t)word;
	uint64_t high = word >> 32;

	if (!low || (python_at_least(r, 14) ? high & 0xffff : high))
		return false;
	*ret_references = python_at_least(r, 12) && (int32_t)low < 0 ? UINT32_MAX : low;
	return true;
}

const struct python_form *python_reader_look(struct python_reader *r, uint64_t address,
					     uint32_t *ret_references)
{
	struct python_type *type;
	uint64_t head[2];
	const uint8_t *at;

	if (!python_reader_plausible(r, address))
		return NULL;
	at = snapshot_bytes(r->snapshot, address, sizeof(head), head);
	if (!at)
		return NULL;
	if (at != (const uint8_t *)head)
		memcpy(head, at, sizeof(head));
	if (!references_of(r, head[0], ret_references))
		return NULL;
	type = python_types_get_any(r->types, head[1]);
	if (!type || (*ret_references > SURE_REFERENCES && type->flags & PYTHON_FLAG_HAVE_GC &&
		      *ret_references != UINT32_MAX && python_reader_plausible(r, head[0])))
		return NULL;
	return python_reader_form(r, type);
}

uint64_t python_reader_length(struct python_reader *r, const struct python_form *form,
			      uint64_t address)
{
	bool old = r->view.layout.major == 2;
	uint64_t length;

	switch (form->kind) {
	case KIND_LIST:
	case KIND_TUPLE:
		length = python_reader_word(r, address + PYTHON_OB_SIZE);
		break;
	case KIND_DICT:
		length = python_reader_word(r, address + (old ? DICT_USED_27 : PYTHON_DICT_USED));
		break;
	case KIND_SET:
		length = python_reader_word(r, address + PYTHON_SET_USED);
		break;
	case KIND_DEQUE:
		length = python_reader_word(r, address + (old ? DEQUE_LENGTH_27 : PYTHON_OB_SIZE));
		break;
	default:
		return 0;
	}
	return length < ABSURD ? length : 0;
}

int64_t python_reader_capacity(struct python_reader *r, const struct python_form *form,
			       uint64_t address)
{
	int64_t capacity = -1;

	if (form->kind == KIND_DEQUE)
		capacity = (int64_t)python_reader_word(r, address + DEQUE_MAXLEN);
	else if (form->kind == KIND_CACHE)
		capacity = (int64_t)python_reader_word(
			r, address + (python_at_least(r, 7) ? CACHE_MAXSIZE : CACHE_MAXSIZE_36));
	return capacity >= 0 && (uint64_t)capacity < ABSURD ? capacity : -1;
}

/*
 * PyUnicodeObject: length, hash, and a word of flags: from bit 2 on, or bit 16 with a wider
 * count of who interned it, the bytes a character (3 bits), compact, ASCII.
 */
static uint64_t text_bytes(struct python_reader *r, const struct python_form *form,
			   uint64_t address)
{
	uint64_t length = python_reader_word(r, address + 16), flags;
	uint64_t ascii = r->view.layout.text_data, own = form->type->header;
	unsigned each;

	if (length > ABSURD)
		return own + form->type->basicsize;
	if (r->view.layout.major == 2)
		return own + form->type->basicsize + 4 * (length + 1);
	flags = (uint32_t)python_reader_word(r, address + 32);
	flags >>= flags >> 2 & 7 ? 2 : 16;
	each = flags & 7;
	if (!(flags & 8) || (each != 1 && each != 2 && each != 4))
		return own + form->type->basicsize;
	return own + (flags & 16 ? ascii : ascii + (python_at_least(r, 12) ? 16 : 24)) +
	       each * (length + 1);
}

static uint64_t bytes_told(struct python_reader *r, const struct python_form *form,
			   uint64_t address)
{
	struct python_object object = { .address = address, .type = form->type };
	uint8_t spill[64];
	uint64_t bytes;

	if (form->kind == KIND_TEXT)
		return text_bytes(r, form, address);
	object.readable = form->type->basicsize < sizeof(spill) ? form->type->basicsize
								: sizeof(spill);
	object.bytes = snapshot_bytes(r->snapshot, address, object.readable, spill);
	if (!object.bytes)
		return 0;
	/* A block may go while a table is looked at. */
	if (object.bytes != spill)
		object.bytes = memcpy(spill, object.bytes, object.readable);
	bytes = python_object_bytes(&r->view, &object);
	if (form->kind == KIND_BYTES)
		bytes += python_reader_word(r, address + BYTEARRAY_ALLOCATED);
	return bytes;
}

uint64_t python_reader_bytes(struct python_reader *r, const struct python_form *form,
			     uint64_t address)
{
	uint64_t bytes = bytes_told(r, form, address);

	/* No object is larger than all memory that objects can be in. */
	return bytes < r->regions.bytes ? bytes : form->type->basicsize;
}

static bool is_same(struct python_reader *r, uint64_t address, size_t size)
{
	uint8_t then[SAME_BYTES], now[SAME_BYTES];
	const uint8_t *at = snapshot_bytes(r->snapshot, address, size, then);

	return at && !remote_read(r->live, address, now, size) && !memcmp(at, now, size);
}

bool python_reader_unchanged(struct python_reader *r, const struct python_form *form,
			     uint64_t address)
{
	/* The collector's links too: another object at the same place mostly has others. */
	size_t head = form->type->flags & PYTHON_FLAG_HAVE_GC ? r->view.layout.gc_head : 0;
	size_t size = head + form->type->basicsize;
	uint64_t items = address + PYTHON_LIST_ITEMS;

	if (!is_same(r, address - head, size < SAME_BYTES ? size : SAME_BYTES))
		return false;
	/* Lists that are made and freed in turn look alike but for what is in them. */
	return form->kind != KIND_LIST || !python_reader_length(r, form, address) ||
	       is_same(r, python_reader_word(r, items), sizeof(uint64_t));
}

int64_t python_reader_text(struct python_reader *r, uint64_t address, char *text, size_t size)
{
	bool old = r->view.layout.major == 2;
	const struct python_form *form;
	uint64_t length, flags;
	uint32_t references;
	const uint8_t *at;
	uint8_t spill[256];

	form = python_reader_look(r, address, &references);
	if (!form || !(old ? (form->type->flags & FLAG_BYTES) != 0 : form->kind == KIND_TEXT))
		return -1;
	length = python_reader_word(r, address + 16);
	flags = (uint32_t)python_reader_word(r, address + 32);
	flags >>= flags >> 2 & 7 ? 2 : 16;
	if (length >= size || length >= sizeof(spill) || (!old && (flags & 31) != (1 | 8 | 16)))
		return -1;
	text[0] = 0;
	if (!length)
		return 0;
	at = snapshot_bytes(r->snapshot, address + r->view.layout.text_data, length, spill);
	if (!at)
		return -1;
	memcpy(text, at, length);
	text[length] = 0;
	return strlen(text) == length ? (int64_t)length : -1;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the finding of references by the kind of an object: exactly where CPython's structure
 * is known, else every word of tp_basicsize that may be one. Every table must lie in
 * writable memory as a whole before it is followed, so no length is longer than the memory
 * of the process.
 *
 * A weak reference owns nothing, and neither does the list of them in an object; a cache's
 * entries are linked, but held by its dict.
 */
#include "python/references.h"

#include <string.h>

#include "python/frames.h"

enum {
	POINTER = 8,
	PART = 512, /* words at a time */
	WEAKREF_CALLBACK = 24,
	/* 3.x BLOCK: left, 64 items, right; 2.7: 62 items, right, left */
	DEQUE_LEFT = 24,
	DEQUE_LEFT_INDEX = 40,
	DEQUE_ITEMS = 64,
	DEQUE_RIGHT = 520,
	DEQUE_LEFT_27 = 16,
	DEQUE_LEFT_INDEX_27 = 32,
	DEQUE_ITEMS_27 = 62,
	DEQUE_RIGHT_27 = 496,
	TYPE_WEAKLIST = 368,
	MODULE_DICT = 16,
	MODULE_DEF = 24,
	MODULE_STATE = 32,
	MODULE_NAME = 48,
	DEF_SIZE = 56, /* PyModuleDef.m_size */
	MAX_STATE = 64 << 10,
	CACHE_NEXT = 24,
	CACHE_LINK_KEY = 40,
	CACHE_LINK_RESULT = 48,
	CACHE_FIELDS = 56,
	NO_EXCEPTION = 0,
};

struct visit {
	struct python_reader *reader;
	const struct python_form *form;
	uint64_t address;
	python_reference_fn each;
	void *context;
};

static int visit_word(const struct visit *v, enum python_edge edge, uint64_t index, uint64_t target)
{
	const struct python_reference reference = {
		.target = target,
		.edge = edge,
		.index = index < UINT32_MAX ? (uint32_t)index : UINT32_MAX,
	};

	return target ? v->each(v->context, &reference) : 0;
}

/* `nr` words at `from`; the index of the first is `index`, and grows by `step`. */
static int visit_array(const struct visit *v, uint64_t from, uint64_t nr, enum python_edge edge,
		       uint64_t index, unsigned step)
{
	struct python_reader *r = v->reader;
	uint64_t part[PART];

	for (uint64_t done = 0; done < nr; done += PART) {
		uint64_t now = nr - done < PART ? nr - done : PART;
		const void *at =
			snapshot_bytes(r->snapshot, from + done * POINTER, now * POINTER, part);

		if (python_reader_spend(r, now))
			break;
		if (!at)
			continue;
		if (at != part)
			memcpy(part, at, now * POINTER);
		for (uint64_t i = 0; i < now; i++) {
			int err = visit_word(v, edge, index + (done + i) * step, part[i]);

			if (err)
				return err;
		}
	}
	return 0;
}

static int visit_items(const struct visit *v, uint64_t items, uint64_t nr)
{
	if (!nr || nr > v->reader->regions.bytes / POINTER ||
	    !regions_hold(&v->reader->regions, items, nr * POINTER))
		return 0;
	return visit_array(v, items, nr, EDGE_ITEM, 0, 1);
}

int python_reference_words(struct python_reader *reader, uint64_t base, uint64_t from, uint64_t to,
			   uint64_t except, enum python_edge edge, python_reference_fn each,
			   void *context)
{
	const struct visit v = { reader, NULL, base, each, context };
	int err = 0;

	if (from >= to)
		return 0;
	if (except >= from && except < to && except) {
		err = visit_array(&v, base + from, (except - from) / POINTER, edge, from, POINTER);
		from = except + POINTER;
	}
	if (!err && from < to)
		err = visit_array(&v, base + from, (to - from) / POINTER, edge, from, POINTER);
	return err;
}

static int visit_words(const struct visit *v, uint64_t from, uint64_t except)
{
	return python_reference_words(v->reader, v->address, from, v->form->type->basicsize, except,
				      EDGE_FIELD, v->each, v->context);
}

static int visit_set(const struct visit *v)
{
	struct python_reader *r = v->reader;
	uint64_t mask = python_reader_word(r, v->address + PYTHON_SET_MASK);
	uint64_t table = python_reader_word(r, v->address + PYTHON_SET_TABLE);
	uint64_t key = r->view.layout.major == 2 ? POINTER : 0;
	int err = 0;

	if (mask > r->regions.bytes / 16 || !regions_hold(&r->regions, table, (mask + 1) * 16))
		return 0;
	for (uint64_t i = 0; !err && i <= mask && !python_reader_spend(r, 1); i++)
		err = visit_word(v, EDGE_MEMBER, i, python_reader_word(r, table + i * 16 + key));
	return err;
}

static int visit_deque(const struct visit *v)
{
	struct python_reader *r = v->reader;
	bool old = r->view.layout.major == 2;
	uint64_t left = python_reader_length(r, v->form, v->address), done = 0;
	uint64_t block = python_reader_word(r, v->address + (old ? DEQUE_LEFT_27 : DEQUE_LEFT));
	uint64_t at =
		python_reader_word(r, v->address + (old ? DEQUE_LEFT_INDEX_27 : DEQUE_LEFT_INDEX));
	uint64_t items = old ? DEQUE_ITEMS_27 : DEQUE_ITEMS;
	int err = 0;

	if (left > r->regions.bytes / POINTER)
		return 0;
	while (!err && left && at < items && !r->expired) {
		uint64_t nr = items - at < left ? items - at : left;

		if (!regions_hold(&r->regions, block, (items + 2) * POINTER))
			return 0;
		err = visit_array(v, block + (old ? 0 : 8) + at * POINTER, nr, EDGE_ITEM, done, 1);
		block = python_reader_word(r, block + (old ? DEQUE_RIGHT_27 : DEQUE_RIGHT));
		done += nr;
		left -= nr;
		at = 0;
	}
	return err;
}

/* What a module of C keeps: PyModule_GetState. */
static int visit_state(const struct visit *v)
{
	struct python_reader *r = v->reader;
	uint64_t definition = python_reader_word(r, v->address + MODULE_DEF);
	uint64_t state = python_reader_word(r, v->address + MODULE_STATE);
	int64_t size = definition ? (int64_t)python_reader_word(r, definition + DEF_SIZE) : 0;

	if (!state || size <= 0 || size > MAX_STATE ||
	    !regions_hold(&r->regions, state, (uint64_t)size))
		return 0;
	return visit_array(v, state, (uint64_t)size / POINTER, EDGE_STATE, 0, POINTER);
}

static int visit_module(const struct visit *v)
{
	int err = python_reference_words(v->reader, v->address, MODULE_DICT, MODULE_DEF, 0,
					 EDGE_FIELD, v->each, v->context);

	if (err || v->reader->view.layout.major == 2)
		return err;
	/* Its definition and its state are no objects, though they may look like some. */
	err = visit_words(v, MODULE_NAME, v->form->weaklist);
	return err ? err : visit_state(v);
}

static int visit_generator(const struct visit *v)
{
	struct python_reader *r = v->reader;
	uint64_t frame = python_frame_within(r, v->form, v->address), end;
	int err;

	if (!frame)
		return visit_words(v, 16, v->form->weaklist);
	end = frame - v->address;
	err = python_reference_words(r, v->address, 16, end, v->form->weaklist, EDGE_FIELD, v->each,
				     v->context);
	/* A generator that has ended, or not begun in some versions, has no code there. */
	if (!err && python_frame_code(r, frame))
		err = python_frame_references(r, frame, v->each, v->context);
	return err;
}

static int visit_frame(const struct visit *v)
{
	uint64_t frame = python_frame_within(v->reader, v->form, v->address);

	if (!python_at_least(v->reader, 11))
		return python_frame_references(v->reader, v->address, v->each, v->context);
	/* f_frame points to the frame, and is no object. */
	return frame ? python_frame_references(v->reader, frame, v->each, v->context)
		     : visit_words(v, 16, 0);
}

static int visit_tuple(const struct visit *v)
{
	return visit_items(v, v->address + v->reader->view.layout.tuple_items,
			   python_reader_length(v->reader, v->form, v->address));
}

static int visit_list(const struct visit *v)
{
	uint64_t length = python_reader_length(v->reader, v->form, v->address);

	if (length > python_reader_word(v->reader, v->address + PYTHON_LIST_ALLOCATED))
		return 0;
	return visit_items(v, python_reader_word(v->reader, v->address + PYTHON_LIST_ITEMS),
			   length);
}

static int visit_cache_link(const struct visit *v)
{
	return python_reference_words(v->reader, v->address, CACHE_LINK_KEY, CACHE_FIELDS,
				      NO_EXCEPTION, EDGE_FIELD, v->each, v->context);
}

/*
 * The entries of a cache with a limit, newest last, in a ring through the cache itself. The
 * type of an entry is no whole type up to 3.9, so they are not met through the dict.
 */
static int visit_cache(const struct visit *v)
{
	struct python_reader *r = v->reader;
	uint64_t at = v->address, most = r->regions.bytes / CACHE_FIELDS;
	int err = visit_words(v, CACHE_FIELDS, v->form->weaklist);

	for (uint64_t i = 0; !err && i < most && !python_reader_spend(r, 1); i++) {
		at = python_reader_word(r, at + CACHE_NEXT);
		if (at == v->address || !regions_hold(&r->regions, at, CACHE_FIELDS))
			break;
		err = visit_word(v, EDGE_ITEM, i, python_reader_word(r, at + CACHE_LINK_RESULT));
	}
	return err;
}

static int visit_weakref(const struct visit *v)
{
	return visit_word(v, EDGE_FIELD, WEAKREF_CALLBACK,
			  python_reader_word(v->reader, v->address + WEAKREF_CALLBACK));
}

/* A type of C is shorter than one made by a class statement: what follows it is not its own. */
static int visit_type(const struct visit *v)
{
	uint64_t flags = python_reader_word(v->reader, v->address + PYTHON_TYPE_FLAGS);

	if (flags & PYTHON_FLAG_HEAP_TYPE)
		return visit_words(v, 16, TYPE_WEAKLIST);
	return python_reference_words(v->reader, v->address, 16, TYPE_WEAKLIST, NO_EXCEPTION,
				      EDGE_FIELD, v->each, v->context);
}

static int visit_kind(const struct visit *v)
{
	switch (v->form->kind) {
	case KIND_LEAF:
	case KIND_TEXT:
	case KIND_BYTES:
		return 0;
	case KIND_LIST:
		return visit_list(v);
	case KIND_TUPLE:
		return visit_tuple(v);
	case KIND_DICT:
		return python_dict_references(v->reader, v->form, v->address, v->each, v->context);
	case KIND_SET:
		return visit_set(v);
	case KIND_DEQUE:
		return visit_deque(v);
	case KIND_MODULE:
		return visit_module(v);
	case KIND_FRAME:
		return visit_frame(v);
	case KIND_GENERATOR:
		return visit_generator(v);
	case KIND_WEAKREF:
		return visit_weakref(v);
	case KIND_CACHE_LINK:
		return visit_cache_link(v);
	case KIND_TYPE:
		return visit_type(v);
	case KIND_CACHE:
		return visit_cache(v);
	case KIND_FUNCTION:
	case KIND_OTHER:
		return visit_words(v, v->form->members, v->form->weaklist);
	}
	return 0;
}

/* The words that a subclass adds to what its kind knows; __slots__ and __dict__ up to 3.10. */
static int visit_own_words(const struct visit *v)
{
	switch (v->form->kind) {
	case KIND_LIST:
	case KIND_DICT:
	case KIND_SET:
	case KIND_DEQUE:
		return visit_words(v, v->form->members, v->form->weaklist);
	default:
		return 0;
	}
}

/* A dict behind the items of what varies in size: tp_dictoffset is then negative. */
static int visit_dict_at_end(const struct visit *v)
{
	const struct python_type *type = v->form->type;
	uint64_t size, items;

	if (type->dictoffset >= 0 || v->form->managed_dict || !type->itemsize)
		return 0;
	items = python_reader_word(v->reader, v->address + PYTHON_OB_SIZE);
	if (items > v->reader->regions.bytes / type->itemsize)
		return 0;
	size = (type->basicsize + items * type->itemsize + 7) & ~UINT64_C(7);
	return visit_word(
		v, EDGE_DICT, 0,
		python_reader_word(v->reader, v->address + size - (uint64_t)-type->dictoffset));
}

int python_references(struct python_reader *reader, const struct python_form *form,
		      uint64_t address, python_reference_fn each, void *context)
{
	const struct visit v = { reader, form, address, each, context };
	int err = visit_kind(&v);

	if (!err)
		err = visit_own_words(&v);
	if (!err)
		err = python_attribute_references(reader, form, address, each, context);
	if (!err)
		err = visit_dict_at_end(&v);
	if (!err && form->type->flags & PYTHON_FLAG_HEAP_TYPE)
		err = visit_word(&v, EDGE_CLASS, 0, form->type->address);
	return err;
}

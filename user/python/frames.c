// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way through a frame. The locals come first, then cells, then the evaluation stack,
 * of which a frame that runs does not tell how much is in use: then up to 3.10 all of it
 * is taken for what it seems to be, from 3.11 on none of it.
 *
 * From 3.11 on: Include/internal/pycore_frame.h; stacktop counts, from 3.14 on it points.
 */
#include <stdio.h>
#include <string.h>

#include "python/frames.h"

enum {
	MAX_SLOTS = 1 << 16,
	FRAME_VALUESTACK = 64, /* PyFrameObject, up to 3.10 */
	FRAME_STACKTOP = 72, /* up to 3.9 */
	FRAME_STACKDEPTH = 80, /* 3.10 */
	FRAME_WITHIN = 24, /* f_frame of PyFrameObject, from 3.11 on */
	GENERATOR_FRAME = 16, /* gi_frame, up to 3.10 */
	POINTER = 8,
};

static bool is_code(struct python_reader *r, uint64_t address)
{
	uint32_t references;
	const struct python_form *form = python_reader_look(r, address, &references);

	return form && !strcmp(form->type->name, "code");
}

uint64_t python_frame_code(struct python_reader *r, uint64_t frame)
{
	uint64_t code = python_untag(python_reader_word(r, frame + r->view.layout.frame_code));

	return is_code(r, code) ? code : 0;
}

uint64_t python_frame_back(struct python_reader *r, uint64_t frame)
{
	return python_reader_word(r, frame + r->view.layout.frame_back);
}

static uint32_t locals_of(struct python_reader *r, uint64_t code)
{
	uint32_t nr = (uint32_t)python_reader_word(r, code + r->view.layout.code_nlocals);

	return code && nr < MAX_SLOTS ? nr : 0;
}

/* Pointers from `from` to `to`, counted from the first local. */
static int visit_slots(struct python_reader *r, uint64_t frame, uint32_t from, uint32_t to,
		       enum python_edge edge, python_reference_fn each, void *context)
{
	uint64_t slots = frame + r->view.layout.frame_localsplus;
	int err = 0;

	for (uint32_t i = from; !err && i < to; i++) {
		uint64_t word = python_reader_word(r, slots + (uint64_t)i * POINTER);
		const struct python_reference reference = {
			.target = python_at_least(r, 14) ? python_untag(word) : word,
			.edge = edge,
			.index = i,
		};

		if (reference.target)
			err = each(context, &reference);
	}
	return err;
}

/* Slots in use, with cells and stack, of a PyFrameObject; `locals` when nothing is told. */
static uint32_t used_slots_old(struct python_reader *r, uint64_t frame, uint32_t locals)
{
	uint64_t slots = frame + r->view.layout.frame_localsplus;
	uint64_t all = python_reader_word(r, frame + PYTHON_OB_SIZE);
	uint64_t stack = python_reader_word(r, frame + FRAME_VALUESTACK);
	uint64_t top = python_reader_word(r, frame + FRAME_STACKTOP);
	int32_t depth;

	if (python_at_least(r, 10)) {
		depth = (int32_t)python_reader_word(r, frame + FRAME_STACKDEPTH);
		top = depth < 0 ? 0 : stack + (uint64_t)depth * POINTER;
	}
	if (all >= MAX_SLOTS)
		return locals;
	if (top >= slots && (top - slots) / POINTER <= all)
		return (top - slots) / POINTER;
	return all < locals ? locals : all;
}

static uint32_t used_slots(struct python_reader *r, uint64_t frame, uint32_t locals)
{
	uint64_t slots = frame + r->view.layout.frame_localsplus, word;
	int32_t top;

	if (!python_at_least(r, 11))
		return used_slots_old(r, frame, locals);
	word = python_reader_word(r, frame + r->view.layout.frame_stack);
	if (python_at_least(r, 14)) {
		uint64_t used = word > slots ? (word - slots) / POINTER : 0;

		return used > locals && used < MAX_SLOTS ? used : locals;
	}
	top = (int32_t)word;
	return top > 0 && (uint32_t)top > locals && top < MAX_SLOTS ? (uint32_t)top : locals;
}

/* Names of cells are not among the locals up to 3.10. */
static uint32_t named_slots(struct python_reader *r, uint64_t code)
{
	uint32_t nr = locals_of(r, code);

	if (!python_at_least(r, 11) && code)
		for (int i = 1; i <= 2; i++) {
			uint64_t names = python_reader_word(
				r, code + r->view.layout.code_local_names + i * POINTER);
			uint64_t more = python_reader_word(r, names + PYTHON_OB_SIZE);

			nr += more < MAX_SLOTS ? more : 0;
		}
	return nr;
}

int python_frame_references(struct python_reader *r, uint64_t frame, python_reference_fn each,
			    void *context)
{
	const struct python_layout *l = &r->view.layout;
	uint32_t locals = named_slots(r, python_frame_code(r, frame));
	uint32_t used = used_slots(r, frame, locals);
	/* A frame below is held by its own thread. */
	uint64_t back = python_at_least(r, 11) ? l->frame_back : 0;
	uint64_t from = python_at_least(r, 11) ? 0 : 16;
	uint64_t to = python_at_least(r, 11) ? l->frame_instruction : FRAME_VALUESTACK;
	int err =
		visit_slots(r, frame, 0, locals < used ? locals : used, EDGE_LOCAL, each, context);

	if (!err)
		err = visit_slots(r, frame, locals, used, EDGE_TEMPORARY, each, context);
	return err ? err
		   : python_reference_words(r, frame, from, to, back, EDGE_FRAME, each, context);
}

uint64_t python_frame_within(struct python_reader *r, const struct python_form *form,
			     uint64_t object)
{
	uint64_t frame, size;

	if (!python_at_least(r, 11))
		return form->kind == KIND_FRAME ? object : 0;
	if (form->kind == KIND_GENERATOR)
		return object + form->type->basicsize - r->view.layout.frame_localsplus;
	frame = python_reader_word(r, object + FRAME_WITHIN);
	size = form->type->basicsize + python_reader_word(r, object + PYTHON_OB_SIZE) * POINTER;
	/* Elsewhere it is a thread's, or a generator's. */
	return frame > object && frame - object < size && size < MAX_SLOTS * POINTER ? frame : 0;
}

static uint64_t tuple_item(struct python_reader *r, uint64_t tuple, uint64_t index)
{
	uint32_t references;
	const struct python_form *form = python_reader_look(r, tuple, &references);

	if (!form || form->kind != KIND_TUPLE || index >= python_reader_length(r, form, tuple))
		return 0;
	return python_reader_word(r, tuple + r->view.layout.tuple_items + index * POINTER);
}

static uint64_t tuple_length(struct python_reader *r, uint64_t tuple)
{
	uint32_t references;
	const struct python_form *form = python_reader_look(r, tuple, &references);

	return form && form->kind == KIND_TUPLE ? python_reader_length(r, form, tuple) : 0;
}

/* co_varnames (co_localsplusnames from 3.11 on), and up to 3.10 co_freevars, co_cellvars. */
static uint64_t names_of(struct python_reader *r, uint64_t code, int which)
{
	return python_reader_word(r, code + r->view.layout.code_local_names +
					     (uint64_t)which * POINTER);
}

uint64_t python_code_local(struct python_reader *r, uint64_t code, uint32_t index)
{
	static const int order[] = { 0, 2, 1 };
	uint64_t at = index, length;

	if (python_at_least(r, 11))
		return tuple_item(r, names_of(r, code, 0), index);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		length = i ? tuple_length(r, names_of(r, code, order[i])) : locals_of(r, code);
		if (at < length)
			return tuple_item(r, names_of(r, code, order[i]), at);
		at -= length;
	}
	return 0;
}

uint64_t python_code_free_variable(struct python_reader *r, uint64_t code, uint32_t index,
				   uint64_t cells)
{
	uint64_t all;

	if (!python_at_least(r, 11))
		return tuple_item(r, names_of(r, code, 1), index);
	all = tuple_length(r, names_of(r, code, 0));
	return cells <= all ? tuple_item(r, names_of(r, code, 0), all - cells + index) : 0;
}

bool python_code_title(struct python_reader *r, uint64_t code, char *text, size_t size)
{
	const struct python_layout *l = &r->view.layout;
	char name[128], file[256], *slash;
	int32_t line;

	if (!is_code(r, code))
		return false;
	line = (int32_t)python_reader_word(r, code + l->code_firstlineno);
	if (python_reader_text(r, python_reader_word(r, code + l->code_name), name, sizeof(name)) <
	    0)
		strcpy(name, "?");
	if (python_reader_text(r, python_reader_word(r, code + l->code_filename), file,
			       sizeof(file)) < 0)
		strcpy(file, "?");
	slash = strrchr(file, '/');
	snprintf(text, size, "%s (%s:%d)", name, slash ? slash + 1 : file, line);
	return true;
}

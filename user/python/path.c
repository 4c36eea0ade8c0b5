// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the words of a path. Steps that a programmer does not write are left out: the dict
 * of a module, class or instance; a function's tuple of cells, and the cell. What lies at
 * an offset of a structure is named by the type's own member descriptors (__slots__ has
 * them too), and by its offset where there is none.
 *
 * Names of modules, attributes, variables and functions are shown, being part of the program;
 * keys of other dicts may be anybody's data.
 */
#include "python/path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/frames.h"
#include "python/globals.h"

enum {
	MAX_STEPS = 40, /* of a longer path the first and the last are shown */
	SHOWN_FIRST = 24,
	SHOWN_LAST = 12,
	MAX_DEPTH = 1 << 24,
	MAX_NAME = 64,
	MAX_SHOWN_KEY = 48,
	MODULE_DICT = 16,
	TYPE_MRO = 344,
	MAX_MRO = 64,
	DESCRIPTOR_NAME = 24,
	DESCRIPTOR_MEMBER = 40, /* PyMemberDef *: name, type, offset; 2.7: 8 less */
	MEMBER_OFFSET = 16,
	OLD_CLASS_DICT = 24,
	DUMMY_DICT = 16, /* of a thread-local's localdummy */
};

struct writer {
	struct python_graph *graph;
	struct python_reader *reader;
	enum python_path_style style;
	FILE *out;
};

static bool is_root(uint32_t parent)
{
	return parent & PYTHON_PARENT_ROOT;
}

static bool is_name(const char *text)
{
	if (!isalpha((unsigned char)text[0]) && text[0] != '_')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_')
			return false;
	return true;
}

/* A name of the program; "?" for what is not spelled like one. */
static bool read_name(struct python_reader *r, uint64_t text, char name[MAX_NAME])
{
	if (python_reader_text(r, text, name, MAX_NAME) > 0 && is_name(name))
		return true;
	strcpy(name, "?");
	return false;
}

/* Members. */

struct member_search {
	struct python_reader *reader;
	uint64_t offset;
	char *name;
};

static int try_descriptor(void *context, const struct python_reference *reference)
{
	struct member_search *s = context;
	struct python_reader *r = s->reader;
	const struct python_form *form;
	uint64_t member;
	uint32_t references;

	if (reference->edge != EDGE_VALUE)
		return 0;
	form = python_reader_look(r, reference->target, &references);
	if (!form || strcmp(form->type->name, "member_descriptor") != 0)
		return 0;
	member = python_reader_word(r, reference->target + DESCRIPTOR_MEMBER -
					       (r->view.layout.major == 2 ? 8 : 0));
	if (python_reader_word(r, member + MEMBER_OFFSET) != s->offset)
		return 0;
	return read_name(r, python_reader_word(r, reference->target + DESCRIPTOR_NAME), s->name);
}

/* In the dicts of the type and its bases. */
static bool member_name(struct python_reader *r, const struct python_type *type, uint64_t offset,
			char name[MAX_NAME])
{
	struct member_search search = { r, offset, name };

	for (int i = 0; type && i < MAX_MRO; i++) {
		uint64_t dict = python_reader_word(r, type->address + PYTHON_TYPE_DICT);
		const struct python_form *form;
		struct python_form copy;
		uint32_t references;

		form = dict ? python_reader_look(r, dict, &references) : NULL;
		if (form && form->kind == KIND_DICT) {
			copy = *form;
			if (python_dict_references(r, &copy, dict, try_descriptor, &search) > 0)
				return true;
		}
		type = type->base ? python_types_get_any(r->types, type->base) : NULL;
	}
	return false;
}

/* Where functions keep what no member tells: before the closure. */
static uint64_t closure_offset(const struct python_reader *r)
{
	if (r->view.layout.major == 2)
		return 40;
	return python_at_least(r, 10) ? 72 : 48;
}

static const char *function_field(const struct python_reader *r, uint64_t offset)
{
	uint64_t closure = closure_offset(r);

	if (offset == closure)
		return "__closure__";
	if (r->view.layout.major == 2)
		return offset == closure - 8 ? "__defaults__" : NULL;
	return offset == closure - 16  ? "__defaults__"
	       : offset == closure - 8 ? "__kwdefaults__"
				       : NULL;
}

static const char *known_field(const struct python_reader *r, const struct python_form *form,
			       uint64_t offset)
{
	if (form->kind == KIND_FUNCTION)
		return function_field(r, offset);
	if (form->kind == KIND_CACHE && offset == (python_at_least(r, 7) ? 72 : 88))
		return "cache";
	if (form->kind == KIND_CACHE_LINK)
		return offset == 40 ? "key" : "result";
	if (form->kind == KIND_TYPE && offset == PYTHON_TYPE_DICT)
		return "__dict__";
	if (form->type->dictoffset > 0 && (uint64_t)form->type->dictoffset == offset)
		return "__dict__";
	/* Old classes of 2.7, and their instances. */
	if (r->view.layout.major == 2 && offset == OLD_CLASS_DICT &&
	    (!strcmp(form->type->name, "instance") || !strcmp(form->type->name, "classobj")))
		return "__dict__";
	if (!strcmp(form->type->name, "cell"))
		return "cell_contents";
	return NULL;
}

/* Does a thread-local object keep it? */
static bool is_locals(const struct python_graph *g, uint32_t parent)
{
	return !is_root(parent) && !strcmp(python_graph_form(g, parent)->type->name, "_local");
}

/* Which field of its parent is this node? NULL: no field. */
static const char *field_of(struct python_graph *g, uint32_t node, char name[MAX_NAME])
{
	const struct python_node *n = &g->nodes[node];
	const struct python_form *form;
	const char *known;

	if (is_root(n->parent) || (n->edge != EDGE_FIELD && n->edge != EDGE_DICT))
		return NULL;
	form = python_graph_form(g, n->parent);
	if (n->edge == EDGE_DICT || (form->kind == KIND_MODULE && n->index == MODULE_DICT))
		return "__dict__";
	known = known_field(g->reader, form, n->index);
	if (known)
		return known;
	return member_name(g->reader, form->type, n->index, name) ? name : NULL;
}

static bool is_field(struct python_graph *g, uint32_t node, const char *wanted)
{
	char name[MAX_NAME];
	const char *field = is_root(node) ? NULL : field_of(g, node, name);

	return field && !strcmp(field, wanted);
}

static bool is_dummys(struct python_graph *g, uint32_t node)
{
	const struct python_node *n = &g->nodes[node];

	return !is_root(n->parent) && n->edge == EDGE_FIELD && n->index == DUMMY_DICT &&
	       !strcmp(python_graph_form(g, n->parent)->type->name, "_localdummy");
}

/* The dict of a thread-local: of 3.13 on, in a dict of the local object itself. */
static bool is_thread_locals(struct python_graph *g, uint32_t node)
{
	uint32_t parent = g->nodes[node].parent;

	if (is_dummys(g, node))
		return true;
	if (is_root(parent))
		return false;
	return is_locals(g, g->nodes[parent].parent) &&
	       python_graph_form(g, node)->kind == KIND_DICT;
}

bool python_path_is_namespace(struct python_graph *g, uint32_t node)
{
	return python_graph_form(g, node)->kind == KIND_DICT &&
	       (is_field(g, node, "__dict__") || is_thread_locals(g, node));
}

/* Steps. */

static void put_key(struct writer *w, uint64_t key)
{
	const struct python_form *form;
	char text[MAX_SHOWN_KEY];
	uint32_t references;
	uint64_t length;

	form = python_reader_look(w->reader, key, &references);
	if (w->style == PATH_SHAPE || !form) {
		fputs("[*]", w->out);
	} else if (w->style == PATH_KEYS &&
		   python_reader_text(w->reader, key, text, sizeof(text)) >= 0) {
		fprintf(w->out, "[\"%s\"]", text);
	} else if (form->kind == KIND_TEXT || form->type->flags & (UINT64_C(1) << 27)) {
		length = python_reader_word(w->reader, key + PYTHON_OB_SIZE);
		fprintf(w->out, "[%s of %llu]", form->type->name, (unsigned long long)length);
	} else {
		length = python_reader_length(w->reader, form, key);
		fprintf(w->out, length ? "[%s of %llu]" : "[%s]", form->type->name,
			(unsigned long long)length);
	}
}

static void put_place(struct writer *w, uint32_t index)
{
	if (w->style == PATH_SHAPE || index == PYTHON_MAX_INDEX)
		fputs("[*]", w->out);
	else
		fprintf(w->out, "[%u]", index);
}

static void put_value(struct writer *w, const struct python_node *n)
{
	uint64_t dict = w->graph->nodes[n->parent].address;
	uint64_t key = python_dict_key(w->reader, dict, n->index);
	uint32_t above = w->graph->nodes[n->parent].parent;
	char name[256];

	if (is_root(above) && w->graph->roots[above & ~PYTHON_PARENT_ROOT].kind == ROOT_MODULES) {
		if (python_reader_text(w->reader, key, name, sizeof(name)) < 0)
			strcpy(name, "?");
		fprintf(w->out, "[%s]", name);
	} else if (python_path_is_namespace(w->graph, n->parent) &&
		   read_name(w->reader, key, name)) {
		fprintf(w->out, ".%s", name);
	} else if (is_locals(w->graph, above)) {
		fputs(".<thread-local>", w->out);
	} else {
		put_key(w, key);
	}
}

static void put_closure(struct writer *w, const struct python_node *n)
{
	struct python_graph *g = w->graph;
	uint32_t tuple = n->parent, function = g->nodes[tuple].parent;
	uint64_t closure = closure_offset(w->reader);
	uint64_t code_at = python_at_least(w->reader, 10) ? closure - 24 : 16;
	uint64_t code = python_reader_word(w->reader, g->nodes[function].address + code_at);
	uint64_t cells = python_reader_length(w->reader, python_graph_form(g, tuple),
					      g->nodes[tuple].address);
	char name[MAX_NAME];

	read_name(w->reader, python_code_free_variable(w->reader, code, n->index, cells), name);
	fprintf(w->out, ".<closure %s>", name);
}

static bool is_in_closure(struct python_graph *g, const struct python_node *n)
{
	return n->edge == EDGE_ITEM && !is_root(n->parent) && is_field(g, n->parent, "__closure__");
}

static void put_field(struct writer *w, uint32_t node, bool last)
{
	struct python_graph *g = w->graph;
	const struct python_node *n = &g->nodes[node];
	char buffer[MAX_NAME];
	const char *name = field_of(g, node, buffer);

	/* The dict of threads in a thread-local, and the dict of one of them. */
	if (!last && (is_thread_locals(g, node) || is_locals(g, n->parent)))
		return;
	if (!name) {
		fprintf(w->out, ".+0x%x", n->index);
		return;
	}
	if (!last && (!strcmp(name, "__dict__") || !strcmp(name, "__closure__")))
		return;
	if (!strcmp(name, "cell_contents") && is_in_closure(g, &g->nodes[n->parent]))
		return;
	fprintf(w->out, ".%s", name);
}

static void put_frame_part(struct writer *w, const struct python_node *n, uint64_t code)
{
	char name[MAX_NAME];

	if (n->edge == EDGE_LOCAL &&
	    read_name(w->reader, python_code_local(w->reader, code, n->index), name))
		fprintf(w->out, " local %s", name);
	else if (n->edge == EDGE_LOCAL)
		fputs(" local", w->out);
	else if (n->edge == EDGE_TEMPORARY)
		fputs(" temporary", w->out);
	else
		fputs(" part", w->out);
}

static void put_frame_of_object(struct writer *w, const struct python_node *n)
{
	struct python_graph *g = w->graph;
	uint64_t object = g->nodes[n->parent].address;
	uint64_t frame = python_frame_within(w->reader, python_graph_form(g, n->parent), object);
	char title[400];

	if (!frame || !python_code_title(w->reader, python_frame_code(w->reader, frame), title,
					 sizeof(title)))
		strcpy(title, "?");
	fprintf(w->out, ".<frame %s>", title);
	put_frame_part(w, n, frame ? python_frame_code(w->reader, frame) : 0);
}

static void put_attribute(struct writer *w, const struct python_node *n)
{
	char name[MAX_NAME];
	const struct python_form *form = python_graph_form(w->graph, n->parent);

	read_name(w->reader, python_attribute_name(w->reader, form, n->index), name);
	fprintf(w->out, ".%s", name);
}

static void put_step(struct writer *w, uint32_t node, bool last)
{
	const struct python_node *n = &w->graph->nodes[node];

	switch ((enum python_edge)n->edge) {
	case EDGE_FIELD:
	case EDGE_DICT:
		put_field(w, node, last);
		break;
	case EDGE_ITEM:
		if (is_in_closure(w->graph, n))
			put_closure(w, n);
		else
			put_place(w, n->index);
		break;
	case EDGE_KEY:
		fputs(".<key>", w->out);
		break;
	case EDGE_VALUE:
		put_value(w, n);
		break;
	case EDGE_MEMBER:
		fputs(".<member>", w->out);
		break;
	case EDGE_ATTRIBUTE:
		put_attribute(w, n);
		break;
	case EDGE_LOCAL:
	case EDGE_TEMPORARY:
	case EDGE_FRAME:
		put_frame_of_object(w, n);
		break;
	case EDGE_STATE:
		fprintf(w->out, ".<C state+0x%x>", n->index);
		break;
	case EDGE_CLASS:
		fputs(".__class__", w->out);
		break;
	}
}

static void put_root(struct writer *w, const struct python_node *n)
{
	const struct python_root *root;
	char text[400];
	uint64_t code;

	if (n->parent == PYTHON_PARENT_NONE) {
		fprintf(w->out, "<dead %s>", w->graph->reader->forms[n->form].type->name);
		return;
	}
	root = &w->graph->roots[n->parent & ~PYTHON_PARENT_ROOT];
	switch (root->kind) {
	case ROOT_MODULES:
		fputs("modules", w->out);
		break;
	case ROOT_FRAME:
		code = python_frame_code(w->reader, root->address);
		if (!python_code_title(w->reader, code, text, sizeof(text)))
			strcpy(text, "?");
		fprintf(w->out, "<frame %s>", text);
		put_frame_part(w, n, code);
		break;
	case ROOT_THREAD_LOCALS:
		fputs("<thread's locals>", w->out);
		break;
	case ROOT_THREAD:
		fputs("<thread state>", w->out);
		break;
	case ROOT_INTERPRETER:
		fputs("<interpreter>", w->out);
		break;
	case ROOT_GLOBAL:
		python_globals_name(w->reader, root->address, text, sizeof(text));
		fprintf(w->out, "<C global %s>", text);
		break;
	case ROOT_MOVING:
		fputs("<changing>", w->out);
		break;
	case ROOT_HELD:
		fprintf(w->out, "<held from C: %s>", w->reader->forms[n->form].type->name);
		break;
	}
}

static size_t depth_of(const struct python_graph *g, uint32_t node)
{
	size_t depth = 1;

	while (!is_root(g->nodes[node].parent) && depth < MAX_DEPTH) {
		node = g->nodes[node].parent;
		depth++;
	}
	return depth;
}

/* The nodes of the path, root first; of a long one its beginning and its end. */
static size_t collect(const struct python_graph *g, uint32_t node, size_t depth,
		      uint32_t steps[MAX_STEPS])
{
	size_t nr = depth < MAX_STEPS ? depth : SHOWN_FIRST + SHOWN_LAST;

	for (size_t i = depth; i-- > 0;) {
		size_t from_end = depth - 1 - i;

		if (depth < MAX_STEPS)
			steps[i] = node;
		else if (i < SHOWN_FIRST)
			steps[i] = node;
		else if (from_end < SHOWN_LAST)
			steps[nr - 1 - from_end] = node;
		node = g->nodes[node].parent;
	}
	return nr;
}

char *python_path(struct python_graph *g, uint32_t node, enum python_path_style style)
{
	struct writer w = { .graph = g, .reader = g->reader, .style = style };
	uint32_t steps[MAX_STEPS];
	size_t depth = depth_of(g, node), nr, size;
	char *text = NULL;

	w.out = open_memstream(&text, &size);
	if (!w.out)
		return NULL;
	nr = collect(g, node, depth, steps);
	put_root(&w, &g->nodes[steps[0]]);
	for (size_t i = 1; i < nr; i++) {
		if (depth > nr && i == SHOWN_FIRST)
			fprintf(w.out, style == PATH_SHAPE ? "..." : "...%zu more...", depth - nr);
		put_step(&w, steps[i], i + 1 == nr);
	}
	if (fclose(w.out)) {
		free(text);
		return NULL;
	}
	return text;
}

const char *python_path_root(const struct python_graph *g, uint32_t node)
{
	static const char *const names[] = {
		[ROOT_MODULES] = "module",
		[ROOT_FRAME] = "frame",
		[ROOT_THREAD_LOCALS] = "thread",
		[ROOT_THREAD] = "thread",
		[ROOT_INTERPRETER] = "interpreter",
		[ROOT_GLOBAL] = "global",
		[ROOT_HELD] = "c",
		[ROOT_MOVING] = "none",
	};

	for (size_t i = 0; i < MAX_DEPTH && !is_root(g->nodes[node].parent); i++)
		node = g->nodes[node].parent;
	if (g->nodes[node].parent == PYTHON_PARENT_NONE)
		return "none";
	return names[g->roots[g->nodes[node].parent & ~PYTHON_PARENT_ROOT].kind];
}

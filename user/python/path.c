// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the words of a path. Steps that a programmer does not write are left out: the dict
 * of a module, class or instance; a function's tuple of cells, and the cell.
 *
 * Names of modules, attributes, variables and functions are shown, being part of the program;
 * keys of other dicts may be anybody's data.
 */
#include "python/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/fields.h"
#include "python/frames.h"
#include "python/globals.h"

enum {
	MAX_STEPS = 40, /* of a longer path the first and the last are shown */
	SHOWN_FIRST = 24,
	SHOWN_LAST = 12,
	MAX_DEPTH = 1 << 24,
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

	if (python_parent_is_root(above) &&
	    w->graph->roots[above & ~PYTHON_PARENT_ROOT].kind == ROOT_MODULES) {
		if (python_reader_text(w->reader, key, name, sizeof(name)) < 0)
			strcpy(name, "?");
		fprintf(w->out, "[%s]", name);
	} else if (python_path_is_namespace(w->graph, n->parent) &&
		   python_name_read(w->reader, key, name)) {
		fprintf(w->out, ".%s", name);
	} else if (python_field_in_local(w->graph, above)) {
		fputs(".<thread-local>", w->out);
	} else {
		put_key(w, key);
	}
}

static void put_closure(struct writer *w, const struct python_node *n)
{
	struct python_graph *g = w->graph;
	uint32_t tuple = n->parent, function = g->nodes[tuple].parent;
	uint64_t closure = python_closure_offset(w->reader);
	uint64_t code_at = python_at_least(w->reader, 10) ? closure - 24 : 16;
	uint64_t code = python_reader_word(w->reader, g->nodes[function].address + code_at);
	uint64_t cells = python_reader_length(w->reader, python_graph_form(g, tuple),
					      g->nodes[tuple].address);
	char name[PYTHON_MAX_NAME];

	python_name_read(w->reader, python_code_free_variable(w->reader, code, n->index, cells),
			 name);
	fprintf(w->out, ".<closure %s>", name);
}

static bool is_in_closure(struct python_graph *g, const struct python_node *n)
{
	return n->edge == EDGE_ITEM && !python_parent_is_root(n->parent) &&
	       python_field_is(g, n->parent, "__closure__");
}

static void put_field(struct writer *w, uint32_t node, bool last)
{
	struct python_graph *g = w->graph;
	const struct python_node *n = &g->nodes[node];
	char buffer[PYTHON_MAX_NAME];
	const char *name = python_field_of(g, node, buffer);

	/* The dict of threads in a thread-local, and the dict of one of them. */
	if (!last && (python_field_is_locals(g, node) || python_field_in_local(g, n->parent)))
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
	char name[PYTHON_MAX_NAME];

	if (n->edge == EDGE_LOCAL &&
	    python_name_read(w->reader, python_code_local(w->reader, code, n->index), name))
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
	char name[PYTHON_MAX_NAME];
	const struct python_form *form = python_graph_form(w->graph, n->parent);

	python_name_read(w->reader, python_attribute_name(w->reader, form, n->index), name);
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

	while (!python_parent_is_root(g->nodes[node].parent) && depth < MAX_DEPTH) {
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

	for (size_t i = 0; i < MAX_DEPTH && !python_parent_is_root(g->nodes[node].parent); i++)
		node = g->nodes[node].parent;
	if (g->nodes[node].parent == PYTHON_PARENT_NONE)
		return "none";
	return names[g->roots[g->nodes[node].parent & ~PYTHON_PARENT_ROOT].kind];
}

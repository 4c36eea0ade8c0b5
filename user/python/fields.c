// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the names of what lies at an offset of a structure: the type's own member
 * descriptors tell most (__slots__ has them too); what they do not tell of functions,
 * caches, cells and thread-locals is known here.
 */
#include "python/fields.h"

#include <ctype.h>
#include <string.h>

enum {
	MODULE_DICT = 16,
	MAX_BASES = 64,
	DESCRIPTOR_NAME = 24,
	DESCRIPTOR_MEMBER = 40, /* PyMemberDef *: name, type, offset; 2.7: 8 less */
	MEMBER_OFFSET = 16,
	OLD_CLASS_DICT = 24,
	DUMMY_DICT = 16, /* of a thread-local's localdummy */
};

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
bool python_name_read(struct python_reader *r, uint64_t text, char name[PYTHON_MAX_NAME])
{
	if (python_reader_text(r, text, name, PYTHON_MAX_NAME) > 0 && is_name(name))
		return true;
	strcpy(name, "?");
	return false;
}

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
	return python_name_read(r, python_reader_word(r, reference->target + DESCRIPTOR_NAME),
				s->name);
}

/* In the dicts of the type and its bases. */
static bool member_name(struct python_reader *r, const struct python_type *type, uint64_t offset,
			char name[PYTHON_MAX_NAME])
{
	struct member_search search = { r, offset, name };

	for (int i = 0; type && i < MAX_BASES; i++) {
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
uint64_t python_closure_offset(const struct python_reader *r)
{
	if (r->view.layout.major == 2)
		return 40;
	return python_at_least(r, 10) ? 72 : 48;
}

static const char *function_field(const struct python_reader *r, uint64_t offset)
{
	uint64_t closure = python_closure_offset(r);

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
bool python_field_in_local(const struct python_graph *g, uint32_t parent)
{
	return !python_parent_is_root(parent) &&
	       !strcmp(python_graph_form(g, parent)->type->name, "_local");
}

/* Which field of its parent is this node? NULL: no field. */
const char *python_field_of(struct python_graph *g, uint32_t node, char name[PYTHON_MAX_NAME])
{
	const struct python_node *n = &g->nodes[node];
	const struct python_form *form;
	const char *known;

	if (python_parent_is_root(n->parent) || (n->edge != EDGE_FIELD && n->edge != EDGE_DICT))
		return NULL;
	form = python_graph_form(g, n->parent);
	if (n->edge == EDGE_DICT || (form->kind == KIND_MODULE && n->index == MODULE_DICT))
		return "__dict__";
	known = known_field(g->reader, form, n->index);
	if (known)
		return known;
	return member_name(g->reader, form->type, n->index, name) ? name : NULL;
}

bool python_field_is(struct python_graph *g, uint32_t node, const char *wanted)
{
	char name[PYTHON_MAX_NAME];
	const char *field = python_parent_is_root(node) ? NULL : python_field_of(g, node, name);

	return field && !strcmp(field, wanted);
}

static bool is_dummys(struct python_graph *g, uint32_t node)
{
	const struct python_node *n = &g->nodes[node];

	return !python_parent_is_root(n->parent) && n->edge == EDGE_FIELD &&
	       n->index == DUMMY_DICT &&
	       !strcmp(python_graph_form(g, n->parent)->type->name, "_localdummy");
}

/* The dict of a thread-local: of 3.13 on, in a dict of the local object itself. */
bool python_field_is_locals(struct python_graph *g, uint32_t node)
{
	uint32_t parent = g->nodes[node].parent;

	if (is_dummys(g, node))
		return true;
	if (python_parent_is_root(parent))
		return false;
	return python_field_in_local(g, g->nodes[parent].parent) &&
	       python_graph_form(g, node)->kind == KIND_DICT;
}

bool python_path_is_namespace(struct python_graph *g, uint32_t node)
{
	return python_graph_form(g, node)->kind == KIND_DICT &&
	       (python_field_is(g, node, "__dict__") || python_field_is_locals(g, node));
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the figures of what no root reaches, by type: what is held from C, what waits for the
 * collector, and what the collector gave up.
 */
#include <errno.h>

#include "python/look.h"

enum { MAX_GARBAGE = 1 << 20 };

/* Of the dead and the held: those that the collector knows, and which are not immortal. */
static bool is_counted(struct look *look, uint32_t node)
{
	const struct python_form *form = python_graph_form(&look->graph, node);
	uint32_t references;

	return form->type->flags & PYTHON_FLAG_HAVE_GC &&
	       python_reader_look(&look->reader, look->graph.nodes[node].address, &references) &&
	       references != UINT32_MAX;
}

static int count_unreached(struct look *look)
{
	struct python_graph *g = &look->graph;
	struct why *why = look->why;
	int err = 0;

	for (size_t i = g->reached; !err && i < g->nr; i++) {
		enum python_state state = python_graph_state(g, i);
		uint64_t bytes = python_graph_bytes(g, i);
		bool direct = g->nodes[i].parent & PYTHON_PARENT_ROOT;

		if (state == STATE_REACHED)
			continue;
		if (state == STATE_HELD)
			why->held_bytes += bytes;
		else
			why->dead_bytes += bytes;
		if (!direct || !is_counted(look, i))
			continue;
		err = census_add(state == STATE_HELD ? why->held : why->dead,
				 python_graph_form(g, i)->type->name, 1, bytes);
	}
	if (err)
		return err;
	census_sort(why->held);
	census_sort(why->dead);
	return 0;
}

/* gc.garbage: a list that each collector keeps; where it is not known, the module's. */
static uint64_t garbage_list(struct look *look, uint64_t state)
{
	const struct python_layout *l = &look->reader.view.layout;
	uint64_t at = l->gc_garbage == PYTHON_ABSENT ? look->process->build.garbage
						     : state + l->gc_garbage;

	return at ? python_reader_word(&look->reader, at) : 0;
}

static int count_garbage_item(void *context, const struct python_reference *reference)
{
	struct look *look = context;
	const struct python_form *form;
	uint32_t references;

	if (reference->edge != EDGE_ITEM)
		return 0;
	if (look->why->garbage->objects >= MAX_GARBAGE)
		return 1;
	form = python_reader_look(&look->reader, reference->target, &references);
	return form ? census_add(look->why->garbage, form->type->name, 1, 0) : 0;
}

static int count_garbage(struct look *look)
{
	uint64_t states[PYTHON_MAX_INTERPRETERS];
	size_t nr;
	int err = python_gc_states(&look->reader.view, states, &nr);

	for (size_t i = 0; !err && i < nr; i++) {
		uint64_t list = garbage_list(look, states[i]);
		const struct python_form *form;
		struct python_form copy;
		uint32_t references;

		form = python_reader_look(&look->reader, list, &references);
		if (!form || form->kind != KIND_LIST)
			continue;
		copy = *form;
		err = python_references(&look->reader, &copy, list, count_garbage_item, look);
	}
	census_sort(look->why->garbage);
	return err > 0 || err == -EFAULT ? 0 : err;
}

/* What is missing may hold what nothing else does: then nobody knows who is held or dead. */
int python_look_unreached(struct look *look)
{
	int err = look->graph.cut ? 0 : count_unreached(look);

	return err ? err : count_garbage(look);
}

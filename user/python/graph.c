// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the nodes, the table that finds one by its address, and the walk over all references,
 * breadth first from one kind of root after the other: so the path to an object is the
 * shortest from the best kind of root, and a variable of C is named only for what nothing
 * of Python holds.
 * What is then left is for unreached.c.
 *
 * Bytes are attributed along that tree: what an object holds is its own memory and that of
 * everything first reached through it. That costs one pass; and says too much only where
 * something is held along a longer path as well.
 *
 * 24 bytes a node, 5 to 11 in the table; references are not kept but read again.
 */
#include "python/graph_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "python/heap.h"

enum {
	FIRST_SLOTS = 1 << 12,
	WALK_WINDOW = 512 << 20, /* bytes besides those with tracked objects */
};

void python_graph_begin(struct python_graph *g, struct python_reader *reader, double seconds,
			size_t most)
{
	memset(g, 0, sizeof(*g));
	g->reader = reader;
	g->most = most && most < PYTHON_MAX_NODES ? most : PYTHON_MAX_NODES;
	python_reader_allow(reader, seconds);
}

void python_graph_release(struct python_graph *g)
{
	free(g->nodes);
	free(g->slots);
	free(g->roots);
	free(g->tracked);
	free(g->held);
	free(g->incoming);
	free(g->claimed);
	memset(g, 0, sizeof(*g));
}

static bool out_of_time(struct python_graph *g)
{
	g->cut |= python_reader_spend(g->reader, 1);
	return g->cut;
}

static int note_tracked(void *context, const struct python_object *object)
{
	struct python_graph *g = context;
	uint64_t *slot;

	if (g->nr_tracked >= PYTHON_MAX_NODES) {
		g->cut = true;
		return 0;
	}
	slot = vec_push(&g->tracked, &g->nr_tracked, &g->cap_tracked);
	if (!slot)
		return -ENOMEM;
	*slot = object->address;
	snapshot_keep(g->reader->snapshot, object->address);
	return 0;
}

int python_graph_scan(struct python_graph *g)
{
	const struct python_scanner scanner = { &g->reader->view, g->reader->types, g };
	int err = python_heap_scan(&scanner, 1, note_tracked);

	snapshot_set_window(g->reader->snapshot, WALK_WINDOW);
	return err;
}

/* The slot of an address, or the empty one where it would be. */
static size_t slot_of(const struct python_graph *g, uint64_t address)
{
	size_t at = hash_mix(address) & g->mask;

	while (g->slots[at] && g->nodes[g->slots[at] - 1].address != address)
		at = (at + 1) & g->mask;
	return at;
}

uint32_t python_graph_find(const struct python_graph *g, uint64_t address)
{
	/* An empty slot wraps around to "none". */
	return g->slots ? g->slots[slot_of(g, address)] - 1 : UINT32_MAX;
}

static int grow_table(struct python_graph *g)
{
	size_t nr = g->slots ? (g->mask + 1) * 2 : FIRST_SLOTS;
	uint32_t *slots;

	if (g->slots && g->nr * 4 < (g->mask + 1) * 3)
		return 0;
	slots = calloc(nr, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(g->slots);
	g->slots = slots;
	g->mask = nr - 1;
	for (size_t i = 0; i < g->nr; i++)
		g->slots[slot_of(g, g->nodes[i].address)] = i + 1;
	return 0;
}

/* Half as much again, not twice: nodes are most of what is held. */
static int grow_nodes(struct python_graph *g)
{
	size_t want = g->cap + g->cap / 2 + 4096;
	struct python_node *grown;

	if (g->nr < g->cap)
		return 0;
	grown = reallocarray(g->nodes, want, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	g->nodes = grown;
	g->cap = want;
	return 0;
}

int python_graph_add_node(struct python_graph *g, const struct python_form *form, uint64_t address,
			  uint32_t parent, const struct python_reference *by)
{
	uint64_t units = (python_reader_bytes(g->reader, form, address) + 7) / 8;
	int err = grow_nodes(g);

	if (!err)
		err = grow_table(g);
	if (err)
		return err;
	g->slots[slot_of(g, address)] = g->nr + 1;
	g->nodes[g->nr++] = (struct python_node){
		.address = address,
		.parent = parent,
		.edge = by ? by->edge : EDGE_FIELD,
		.index = by && by->index < PYTHON_MAX_INDEX ? by->index : PYTHON_MAX_INDEX,
		.form = form->type->count - 1,
		.bytes = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX,
	};
	return 0;
}

int python_graph_meet(struct python_graph *g, uint32_t parent,
		      const struct python_reference *reference)
{
	const struct python_form *form;
	uint32_t known, references;
	int err;

	if (out_of_time(g) || !python_reader_plausible(g->reader, reference->target))
		return 0;
	known = python_graph_find(g, reference->target);
	if (known != UINT32_MAX) {
		if (g->counting && known >= g->reached)
			g->incoming[known - g->reached]++;
		return 0;
	}
	if (g->nr >= g->most) {
		g->cut = true;
		return 0;
	}
	form = python_reader_look(g->reader, reference->target, &references);
	if (!form)
		return 0;
	err = python_graph_add_node(g, form, reference->target, parent, reference);
	return err;
}

int python_graph_add_root(struct python_graph *g, const struct python_root *root,
			  uint32_t *ret_root)
{
	struct python_root *slot = vec_push(&g->roots, &g->nr_roots, &g->cap_roots);

	if (!slot)
		return -ENOMEM;
	*slot = *root;
	*ret_root = (uint32_t)(g->nr_roots - 1) | PYTHON_PARENT_ROOT;
	return 0;
}

int python_graph_reach(struct python_graph *g, uint32_t root,
		       const struct python_reference *reference)
{
	return python_graph_meet(g, root, reference);
}

static int meet_from(void *context, const struct python_reference *reference)
{
	const struct python_from *from = context;

	return python_graph_meet(from->graph, from->node, reference);
}

int python_graph_follow(struct python_graph *g, uint32_t node, python_reference_fn each)
{
	/* The forms may move when a new type is met. */
	const struct python_form form = *python_graph_form(g, node);
	struct python_from from = { g, node };

	/* One may have all memory for its items, and none of them be an object. */
	if (out_of_time(g))
		return 0;
	return python_references(g->reader, &form, g->nodes[node].address, each, &from);
}

int python_graph_spread(struct python_graph *g)
{
	int err = 0;

	while (!err && g->spread < g->nr && !g->cut)
		err = python_graph_follow(g, g->spread++, meet_from);
	g->reached = g->nr;
	return err;
}

static int allot_held(struct python_graph *g)
{
	g->held = calloc(g->nr ? g->nr : 1, sizeof(*g->held));
	if (!g->held)
		return -ENOMEM;
	for (size_t i = 0; i < g->nr; i++)
		g->held[i] = python_graph_bytes(g, i);
	return 0;
}

static void give_to_parent(struct python_graph *g, uint32_t node)
{
	uint32_t parent = g->nodes[node].parent;

	if (!(parent & PYTHON_PARENT_ROOT))
		g->held[parent] += g->held[node];
}

int python_graph_add_up(struct python_graph *g)
{
	int err = allot_held(g);

	if (err)
		return err;
	/* A node comes after the one that it was reached by, or claimed. */
	for (size_t i = g->nr_claimed; i-- > 0;)
		give_to_parent(g, g->claimed[i]);
	for (size_t i = g->reached; i-- > 0;)
		give_to_parent(g, i);
	return 0;
}

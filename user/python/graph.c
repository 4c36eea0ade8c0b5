// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the nodes, the table that finds one by its address, and the walk over all references,
 * breadth first from one kind of root after the other: so the path to an object is the
 * shortest from the best kind of root, and a variable of C is named only for what nothing
 * of Python holds.
 *
 * Bytes are attributed along that tree: what an object holds is its own memory and that of
 * everything first reached through it. That costs one pass; and says too much only where
 * something is held along a longer path as well.
 *
 * 24 bytes a node, 5 to 11 in the table; references are not kept but read again.
 */
#include "python/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "python/heap.h"

enum {
	FIRST_SLOTS = 1 << 12,
	CHECK_EVERY = 1 << 16, /* references between two looks at the clock */
	WALK_WINDOW = 512 << 20, /* bytes besides those with tracked objects */
};

void python_graph_begin(struct python_graph *g, struct python_reader *reader, double seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	memset(g, 0, sizeof(*g));
	g->reader = reader;
	g->deadline = t.tv_sec + t.tv_nsec / 1e9 + seconds;
}

void python_graph_release(struct python_graph *g)
{
	free(g->nodes);
	free(g->slots);
	free(g->roots);
	free(g->tracked);
	free(g->states);
	free(g->held);
	free(g->incoming);
	memset(g, 0, sizeof(*g));
}

static bool out_of_time(struct python_graph *g)
{
	struct timespec t;

	if (g->visited++ % CHECK_EVERY)
		return g->cut;
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (t.tv_sec + t.tv_nsec / 1e9 > g->deadline)
		g->cut = true;
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
	struct python_visit visit;
	int err = python_heap_scan(&g->reader->view, g->reader->types, note_tracked, g, &visit);

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

static int add_node(struct python_graph *g, const struct python_form *form, uint64_t address,
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

static int meet(struct python_graph *g, uint32_t parent, const struct python_reference *reference)
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
	if (g->nr >= PYTHON_MAX_NODES) {
		g->cut = true;
		return 0;
	}
	form = python_reader_look(g->reader, reference->target, &references);
	if (!form)
		return 0;
	err = add_node(g, form, reference->target, parent, reference);
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
	return meet(g, root, reference);
}

struct from {
	struct python_graph *graph;
	uint32_t node;
};

static int meet_from(void *context, const struct python_reference *reference)
{
	const struct from *from = context;

	return meet(from->graph, from->node, reference);
}

static int follow(struct python_graph *g, uint32_t node, python_reference_fn each)
{
	/* The forms may move when a new type is met. */
	const struct python_form form = *python_graph_form(g, node);
	struct from from = { g, node };

	return python_references(g->reader, &form, g->nodes[node].address, each, &from);
}

int python_graph_spread(struct python_graph *g)
{
	int err = 0;

	while (!err && g->spread < g->nr && !g->cut)
		err = follow(g, g->spread++, meet_from);
	g->reached = g->nr;
	return err;
}

/* The unreached. */

static bool is_tracked_type(const struct python_form *form)
{
	return form->type->flags & PYTHON_FLAG_HAVE_GC;
}

static int add_unreached(struct python_graph *g)
{
	const struct python_form *form;
	uint32_t references;
	int err = 0;

	for (size_t i = 0; !err && i < g->nr_tracked; i++) {
		uint64_t address = g->tracked[i];

		if (python_graph_find(g, address) != UINT32_MAX || g->nr >= PYTHON_MAX_NODES)
			continue;
		form = python_reader_look(g->reader, address, &references);
		if (form)
			err = add_node(g, form, address, PYTHON_PARENT_NONE, NULL);
	}
	return err;
}

static int resize_incoming(struct python_graph *g, size_t *size)
{
	size_t want = g->nr - g->reached + 1, more = want + want / 2 + 1024;
	uint32_t *grown;

	if (want <= *size)
		return 0;
	grown = reallocarray(g->incoming, more, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + *size, 0, (more - *size) * sizeof(*grown));
	g->incoming = grown;
	*size = more;
	return 0;
}

struct counter {
	struct python_graph *graph;
	size_t size;
};

/* An object that is met here first is held by what is unreached: no root leads to it. */
static int count_one(void *context, const struct python_reference *reference)
{
	struct counter *counter = context;
	struct python_graph *g = counter->graph;
	size_t before = g->nr;
	int err = meet(g, PYTHON_PARENT_NONE, reference);

	if (!err)
		err = resize_incoming(g, &counter->size);
	if (!err && g->nr > before)
		g->incoming[before - g->reached]++;
	return err;
}

static int count_references(struct python_graph *g)
{
	struct counter counter = { g, 0 };
	int err = resize_incoming(g, &counter.size);

	g->counting = true;
	for (size_t i = g->reached; !err && i < g->nr && !g->cut; i++) {
		const struct python_form form = *python_graph_form(g, i);

		err = python_references(g->reader, &form, g->nodes[i].address, count_one, &counter);
	}
	g->counting = false;
	return err;
}

/* Is it held by more than the objects that were found to hold it? */
static bool is_held(struct python_graph *g, size_t node)
{
	uint32_t references;
	const struct python_form *form =
		python_reader_look(g->reader, g->nodes[node].address, &references);

	return form && is_tracked_type(form) && references != UINT32_MAX &&
	       references > g->incoming[node - g->reached];
}

/* The held ones in the order in which they were found: parents before children. */
struct holding {
	struct python_graph *graph;
	uint32_t parent;
	uint32_t *order;
	size_t nr;
};

static void hold(struct holding *h, uint32_t node, uint32_t parent)
{
	h->graph->nodes[node].parent = parent;
	h->graph->states[node - h->graph->reached] = STATE_HELD;
	h->order[h->nr++] = node;
}

static int hold_one(void *context, const struct python_reference *reference)
{
	struct holding *h = context;
	struct python_graph *g = h->graph;
	uint32_t node = python_graph_find(g, reference->target);

	if (out_of_time(g) || node == UINT32_MAX || node < g->reached ||
	    g->nodes[node].parent != PYTHON_PARENT_NONE)
		return 0;
	g->nodes[node].edge = reference->edge;
	g->nodes[node].index = reference->index < PYTHON_MAX_INDEX ? reference->index
								   : PYTHON_MAX_INDEX;
	hold(h, node, h->parent);
	return 0;
}

static int spread_held(struct python_graph *g, struct holding *h, uint32_t root)
{
	int err = 0;

	for (size_t i = g->reached; i < g->nr; i++)
		if (is_held(g, i))
			hold(h, i, root);
	for (size_t i = 0; !err && i < h->nr && !g->cut; i++) {
		const struct python_form form = *python_graph_form(g, h->order[i]);

		h->parent = h->order[i];
		err = python_references(g->reader, &form, g->nodes[h->parent].address, hold_one, h);
	}
	return err;
}

static void sum_held(struct python_graph *g, const uint32_t *order, size_t nr)
{
	for (size_t i = nr; i-- > 0;) {
		uint32_t parent = g->nodes[order[i]].parent;

		if (!(parent & PYTHON_PARENT_ROOT))
			g->held[parent] += g->held[order[i]];
	}
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

int python_graph_judge(struct python_graph *g)
{
	const struct python_root held = { .kind = ROOT_HELD };
	struct holding h = { .graph = g };
	size_t unreached;
	uint32_t root;
	int err = g->cut ? 0 : add_unreached(g);

	if (!err)
		err = count_references(g);
	if (!err)
		err = allot_held(g);
	if (!err)
		err = python_graph_add_root(g, &held, &root);
	if (err)
		return err;
	unreached = g->nr - g->reached;
	h.order = calloc(unreached + 1, sizeof(*h.order));
	g->states = malloc(unreached + 1);
	if (h.order && g->states) {
		memset(g->states, STATE_DEAD, unreached + 1);
		err = spread_held(g, &h, root);
		if (!err)
			sum_held(g, h.order, h.nr);
	} else {
		err = -ENOMEM;
	}
	free(h.order);
	return err;
}

int python_graph_add_up(struct python_graph *g)
{
	int err = g->held ? 0 : allot_held(g);

	/* A node comes after the one that it was reached by. */
	for (size_t i = g->reached; !err && i-- > 0;) {
		uint32_t parent = g->nodes[i].parent;

		if (!(parent & PYTHON_PARENT_ROOT))
			g->held[parent] += g->held[i];
	}
	return err;
}

enum python_state python_graph_state(const struct python_graph *g, uint32_t node)
{
	if (node < g->reached || !g->states)
		return STATE_REACHED;
	return g->states[node - g->reached];
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the nodes, the table that finds one by its address, and the walk over all references,
 * breadth first from one kind of root after the other: so the path to an object is the
 * shortest from the best kind of root, and a variable of C is named only for what nothing
 * of Python holds.
 *
 * What is then left is counted: references to each object among the left ones. More references than
 * that are held by something that is no object: a variable of C, if one points there, or
 * nobody who would give them back. All others hold each other alone: dead cycles.
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
	free(g->held);
	free(g->incoming);
	free(g->claimed);
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

static int resize_incoming(struct python_graph *g)
{
	size_t want = g->nr - g->reached + 1, more = want + want / 2 + 1024;
	uint32_t *grown;

	if (want <= g->nr_incoming)
		return 0;
	grown = reallocarray(g->incoming, more, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + g->nr_incoming, 0, (more - g->nr_incoming) * sizeof(*grown));
	g->incoming = grown;
	g->nr_incoming = more;
	return 0;
}

/* An object that is met here first is held by what is unreached: no root leads to it. */
static int count_one(void *context, const struct python_reference *reference)
{
	struct python_graph *g = context;
	size_t before = g->nr;
	int err = meet(g, PYTHON_PARENT_NONE, reference);

	if (!err)
		err = resize_incoming(g);
	if (!err && g->nr > before)
		g->incoming[before - g->reached]++;
	return err;
}

int python_graph_count(struct python_graph *g)
{
	int err = g->cut ? 0 : add_unreached(g);

	if (!err)
		err = resize_incoming(g);
	g->counting = true;
	for (size_t i = g->reached; !err && i < g->nr && !g->cut; i++) {
		const struct python_form form = *python_graph_form(g, i);

		err = python_references(g->reader, &form, g->nodes[i].address, count_one, g);
	}
	g->counting = false;
	for (size_t i = g->reached; i < g->nr; i++)
		g->nodes[i].state = STATE_DEAD;
	return err;
}

/* References that no object accounts for; UINT32_MAX when they are not counted. */
static uint32_t unexplained(struct python_graph *g, uint32_t node)
{
	const struct python_form *form;
	uint32_t references, known = 0;

	if (node - g->reached < g->nr_incoming)
		known = g->incoming[node - g->reached];
	form = python_reader_look(g->reader, g->nodes[node].address, &references);
	if (!form)
		return 0;
	return references == UINT32_MAX ? UINT32_MAX : references > known ? references - known : 0;
}

static int claim(struct python_graph *g, uint32_t node, uint32_t parent, enum python_state state)
{
	uint32_t *slot = vec_push(&g->claimed, &g->nr_claimed, &g->cap_claimed);

	if (!slot)
		return -ENOMEM;
	*slot = node;
	g->nodes[node].parent = parent;
	g->nodes[node].state = state;
	return 0;
}

int python_graph_claim(struct python_graph *g, uint64_t variable, uint64_t target)
{
	const struct python_root root = { .kind = ROOT_GLOBAL, .address = variable };
	const struct python_reference reference = { .target = target, .edge = EDGE_FIELD };
	uint32_t node = python_graph_find(g, target), index;
	int err = 0;

	if (!python_reader_plausible(g->reader, target))
		return 0;
	/* What the collector does not know is met here first. */
	if (node == UINT32_MAX) {
		err = meet(g, PYTHON_PARENT_NONE, &reference);
		node = python_graph_find(g, target);
	}
	if (err || node == UINT32_MAX || node < g->reached ||
	    g->nodes[node].parent != PYTHON_PARENT_NONE || !unexplained(g, node))
		return err;
	err = python_graph_add_root(g, &root, &index);
	return err ? err : claim(g, node, index, STATE_REACHED);
}

int python_graph_claim_within(struct python_graph *g, const struct regions *variables)
{
	int err = 0;

	for (size_t i = g->reached; !err && i < g->nr; i++) {
		const struct python_root root = { ROOT_GLOBAL, g->nodes[i].address, 0 };
		uint32_t index;

		if (g->nodes[i].parent != PYTHON_PARENT_NONE ||
		    !regions_find(variables, root.address))
			continue;
		err = python_graph_add_root(g, &root, &index);
		if (!err)
			err = claim(g, i, index, STATE_REACHED);
	}
	return err;
}

/* All that a claimed node holds is held in the same way. */
static int claim_one(void *context, const struct python_reference *reference)
{
	const struct from *from = context;
	struct python_graph *g = from->graph;
	enum python_state state = g->nodes[from->node].state;
	int err = meet(g, PYTHON_PARENT_NONE, reference);
	uint32_t node = python_graph_find(g, reference->target);

	if (err || node == UINT32_MAX || node < g->reached ||
	    g->nodes[node].parent != PYTHON_PARENT_NONE)
		return err;
	g->nodes[node].edge = reference->edge;
	g->nodes[node].index = reference->index < PYTHON_MAX_INDEX ? reference->index
								   : PYTHON_MAX_INDEX;
	return claim(g, node, from->node, state);
}

static int spread_claims(struct python_graph *g, size_t from)
{
	int err = 0;

	for (size_t i = from; !err && i < g->nr_claimed && !g->cut; i++)
		err = follow(g, g->claimed[i], claim_one);
	return err;
}

static int claim_held(struct python_graph *g)
{
	const struct python_root held = { .kind = ROOT_HELD }, moved = { .kind = ROOT_MOVING };
	uint32_t root, moving, references;
	struct python_form form;
	int err = python_graph_add_root(g, &held, &root);
	bool same;

	if (!err)
		err = python_graph_add_root(g, &moved, &moving);

	for (size_t i = g->reached; !err && i < g->nr; i++) {
		if (g->nodes[i].parent != PYTHON_PARENT_NONE ||
		    !is_tracked_type(python_graph_form(g, i)))
			continue;
		references = unexplained(g, i);
		if (!references || references == UINT32_MAX)
			continue;
		/*
		 * What was made or freed while its holder was read looks lost. What is lost
		 * stays as it is.
		 */
		form = *python_graph_form(g, i);
		same = python_reader_unchanged(g->reader, &form, g->nodes[i].address);
		err = claim(g, i, same ? root : moving, same ? STATE_HELD : STATE_REACHED);
	}
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

int python_graph_judge(struct python_graph *g)
{
	int err = spread_claims(g, 0);
	size_t claimed = g->nr_claimed;

	if (!err)
		err = claim_held(g);
	return err ? err : spread_claims(g, claimed);
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

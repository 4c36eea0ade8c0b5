// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the judgement of what no root reaches. References to each such object among all of
 * them are counted. More references than that are held by something that is no object: a variable
 * of C, if one points there, or nobody who would give them back. All others hold each other
 * alone: dead cycles.
 */
#include "python/graph_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

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

		if (python_graph_find(g, address) != UINT32_MAX)
			continue;
		if (g->nr >= g->most) {
			g->cut = true;
			break;
		}
		form = python_reader_look(g->reader, address, &references);
		if (form)
			err = python_graph_add_node(g, form, address, PYTHON_PARENT_NONE, NULL);
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
	int err = python_graph_meet(g, PYTHON_PARENT_NONE, reference);

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

		g->cut |= python_reader_spend(g->reader, 1);
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
		err = python_graph_meet(g, PYTHON_PARENT_NONE, &reference);
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
	const struct python_from *from = context;
	struct python_graph *g = from->graph;
	enum python_state state = g->nodes[from->node].state;
	int err = python_graph_meet(g, PYTHON_PARENT_NONE, reference);
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
		err = python_graph_follow(g, g->claimed[i], claim_one);
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

int python_graph_judge(struct python_graph *g)
{
	int err = spread_claims(g, 0);
	size_t claimed = g->nr_claimed;

	if (!err)
		err = claim_held(g);
	return err ? err : spread_claims(g, claimed);
}

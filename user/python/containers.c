// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the choice of the containers to be shown: those that grew most since the first look,
 * those that hold most, and the longest; and what is said of each. sys.modules and the
 * attributes of modules and classes hold everything, so they count only when they grow. What
 * the interpreter lists for itself, sys.modules and the interned strings, grows with the
 * code that is loaded, and is told apart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "python/heap.h"
#include "python/look.h"
#include "python/path.h"

enum {
	MAX_HOLDS_SEEN = 20000,
	MAX_HOLD_TYPES = 64,
	MAX_MODULES = 5000, /* more than any program imports: somebody makes them */
	INTERNED_SEEN = 16, /* entries that tell what a dict is */
};

static const char *type_name(struct look *look, uint32_t node)
{
	return strpool_add(look->why->names, python_graph_form(&look->graph, node)->type->name);
}

static uint64_t length_of(struct look *look, uint32_t node)
{
	return python_reader_length(&look->reader, python_graph_form(&look->graph, node),
				    look->graph.nodes[node].address);
}

/* What the log knows a container by. */
static uint64_t identity(const struct python_graph *g, uint32_t node)
{
	return python_container_number(g->nodes[node].address,
				       python_graph_form(g, node)->type->address);
}

/*
 * What the log knows its place by: an attribute, a field, or a variable of a module. 0: in
 * places that come and go, such as an item of a list, nothing follows from what was there.
 */
static uint64_t place_identity(struct python_graph *g, uint32_t node)
{
	const struct python_node *n = &g->nodes[node];
	bool stays = n->edge == EDGE_FIELD || n->edge == EDGE_ATTRIBUTE;

	if (n->parent & PYTHON_PARENT_ROOT)
		return 0;
	if (!stays && (n->edge != EDGE_VALUE || !python_path_is_namespace(g, n->parent)))
		return 0;
	return hash_mix(hash_mix(g->nodes[n->parent].address + n->edge) + n->index + 1);
}

static bool is_container(const struct python_graph *g, uint32_t node)
{
	switch (python_graph_form(g, node)->kind) {
	case KIND_LIST:
	case KIND_TUPLE:
	case KIND_DICT:
	case KIND_SET:
	case KIND_DEQUE:
		return true;
	default:
		return false;
	}
}

struct candidate {
	uint32_t node;
	uint64_t length, bytes, growth;
	bool chosen;
};

struct candidates {
	struct candidate *items;
	size_t nr, cap;
};

static int compare(uint64_t x, uint64_t y)
{
	return x < y ? 1 : x > y ? -1 : 0;
}

static int by_length(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = compare(x->length, y->length);

	return order ? order : compare(y->node, x->node);
}

static int by_bytes(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return compare(x->bytes, y->bytes);
}

static int by_growth(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return compare(x->growth, y->growth);
}

/* What never changes cannot grow; a new one at its place is another. */
static bool may_grow(const struct python_graph *g, uint32_t node)
{
	return python_graph_form(g, node)->kind != KIND_TUPLE;
}

static bool is_modules(const struct python_graph *g, uint32_t node)
{
	uint32_t parent = g->nodes[node].parent;

	return parent & PYTHON_PARENT_ROOT && parent != PYTHON_PARENT_NONE &&
	       g->roots[parent & ~PYTHON_PARENT_ROOT].kind == ROOT_MODULES;
}

struct pairs {
	uint64_t key;
	uint32_t seen, same;
};

static int count_pair(void *context, const struct python_reference *reference)
{
	struct pairs *pairs = context;

	if (reference->edge == EDGE_KEY)
		pairs->key = reference->target;
	if (reference->edge != EDGE_VALUE)
		return 0;
	pairs->same += reference->target == pairs->key;
	return ++pairs->seen >= INTERNED_SEEN;
}

/* A dict that no object holds, and in which each key is its own value. */
static bool is_interned(struct look *look, uint32_t node)
{
	struct python_graph *g = &look->graph;
	struct python_form form = *python_graph_form(g, node);
	struct pairs pairs = { 0 };

	if (!(g->nodes[node].parent & PYTHON_PARENT_ROOT) || form.kind != KIND_DICT)
		return false;
	python_references(&look->reader, &form, g->nodes[node].address, count_pair, &pairs);
	return pairs.seen && pairs.same == pairs.seen;
}

static int log_length(struct look *look, uint32_t node, uint64_t length)
{
	struct container_log *log = look->log->containers;
	uint64_t place = place_identity(&look->graph, node);
	int err = container_log_add(log, identity(&look->graph, node), length);

	return !err && place ? container_log_add(log, place, length) : err;
}

/* All that are long enough, into the log and among the candidates. */
static int find_candidates(struct look *look, struct candidates *all)
{
	struct python_graph *g = &look->graph;
	int err = container_log_begin(look->log->containers, look->why->time);

	for (size_t i = 0; !err && i < g->nr; i++) {
		struct candidate *candidate;
		uint64_t length;

		if (!is_container(g, i))
			continue;
		length = length_of(look, i);
		if (python_graph_state(g, i) == STATE_DEAD)
			continue;
		if (is_modules(g, i))
			look->why->modules = length;
		if (may_grow(g, i))
			err = log_length(look, i, length);
		if (err || length < CONTAINER_LEAST)
			continue;
		candidate = vec_push(&all->items, &all->nr, &all->cap);
		if (!candidate)
			return -ENOMEM;
		*candidate = (struct candidate){ .node = i, .length = length, .bytes = g->held[i] };
	}
	return err;
}

/* The lengths that were taken besides, where they go back further; NULL: not of this one. */
static const struct container_log *longer_log(struct look *look, uint32_t node)
{
	const struct container_log *lengths = look->options->lengths;

	if (!lengths || container_log_looks(lengths) <= container_log_looks(look->log->containers))
		return NULL;
	return container_log_is_old(lengths, identity(&look->graph, node)) ? lengths : NULL;
}

static int64_t delta_of(struct look *look, uint32_t node)
{
	const struct container_log *log = longer_log(look, node);
	uint64_t number = identity(&look->graph, node);

	if (log)
		return container_log_delta(log, number, 0);
	if (container_log_looks(look->log->containers) < 2)
		return 0;
	return container_log_delta(look->log->containers, number,
				   place_identity(&look->graph, node));
}

static bool growth_of(struct look *look, uint32_t node, struct container_growth *growth)
{
	const struct container_log *log = longer_log(look, node);
	uint64_t number = identity(&look->graph, node);

	if (log)
		return container_log_growth(log, number, 0, growth);
	return container_log_looks(look->log->containers) > 1 &&
	       container_log_growth(look->log->containers, number,
				    place_identity(&look->graph, node), growth);
}

static void set_growth(struct look *look, struct candidates *all)
{
	for (size_t i = 0; i < all->nr; i++) {
		uint32_t node = all->items[i].node;
		int64_t delta = may_grow(&look->graph, node) ? delta_of(look, node) : 0;

		all->items[i].growth = delta > 0 ? delta : 0;
	}
}

/* The attributes of modules and sys.modules hold everything: that says nothing. */
static bool is_scaffold(struct look *look, uint32_t node)
{
	uint32_t parent = look->graph.nodes[node].parent;

	if (parent & PYTHON_PARENT_ROOT)
		return parent == PYTHON_PARENT_NONE ||
		       look->graph.roots[parent & ~PYTHON_PARENT_ROOT].kind == ROOT_MODULES;
	return python_path_is_namespace(&look->graph, node);
}

static void choose(struct look *look, struct candidates *all,
		   int (*order)(const void *, const void *), bool grown)
{
	size_t left = look->options->limit ? look->options->limit : all->nr;

	qsort(all->items, all->nr, sizeof(*all->items), order);
	for (size_t i = 0; i < all->nr && left; i++) {
		struct candidate *c = &all->items[i];

		if (grown ? !c->growth : is_scaffold(look, c->node))
			continue;
		c->chosen = true;
		left--;
	}
}

struct holding {
	struct look *look;
	struct {
		uint32_t form;
		uint32_t count;
	} types[MAX_HOLD_TYPES];
	size_t nr;
	uint32_t seen;
};

static int count_hold(void *context, const struct python_reference *reference)
{
	struct holding *h = context;
	const struct python_form *form;
	uint32_t references, index;

	/* Items, not what else is in the object. */
	if (reference->edge == EDGE_KEY || reference->edge == EDGE_CLASS ||
	    reference->edge == EDGE_FIELD || reference->edge == EDGE_DICT)
		return 0;
	if (h->seen >= MAX_HOLDS_SEEN)
		return 1;
	form = python_reader_look(&h->look->reader, reference->target, &references);
	if (!form)
		return 0;
	h->seen++;
	index = form->type->count;
	for (size_t i = 0; i < h->nr; i++)
		if (h->types[i].form == index)
			return h->types[i].count++, 0;
	if (h->nr < MAX_HOLD_TYPES) {
		h->types[h->nr].form = index;
		h->types[h->nr++].count = 1;
	}
	return 0;
}

/* What its first thousands of items are. */
static void set_holds(struct look *look, uint32_t node, struct why_container *c)
{
	struct holding h = { .look = look };
	const struct python_form *held;
	struct python_form form;

	/* What a cache's dict has are its own entries. */
	if (!strcmp(c->type, "lru_cache") && c->capacity > 0)
		node = look->graph.nodes[node].parent;
	form = *python_graph_form(&look->graph, node);

	python_references(&look->reader, &form, look->graph.nodes[node].address, count_hold, &h);
	while (c->nr_holds < WHY_HOLDS) {
		size_t most = 0;

		for (size_t i = 1; i < h.nr; i++)
			if (h.types[i].count > h.types[most].count)
				most = i;
		if (!h.nr || !h.types[most].count)
			break;
		held = &look->reader.forms[h.types[most].form - 1];
		c->weak |= held->kind == KIND_WEAKREF && h.types[most].count > h.seen / 2;
		c->holds[c->nr_holds++] = (struct why_share){
			strpool_add(look->why->names, held->type->name),
			(double)h.types[most].count / h.seen,
		};
		h.types[most].count = 0;
	}
}

/* The dict of an lru_cache is the cache, with its limit. */
static void set_kind(struct look *look, uint32_t node, struct why_container *c)
{
	struct python_graph *g = &look->graph;
	uint32_t parent = g->nodes[node].parent;

	c->type = type_name(look, node);
	c->capacity = python_reader_capacity(&look->reader, python_graph_form(g, node),
					     g->nodes[node].address);
	if (parent & PYTHON_PARENT_ROOT || python_graph_form(g, node)->kind != KIND_DICT ||
	    python_graph_form(g, parent)->kind != KIND_CACHE)
		return;
	c->type = "lru_cache";
	c->bytes = g->held[parent];
	c->capacity = python_reader_capacity(&look->reader, python_graph_form(g, parent),
					     g->nodes[parent].address);
}

static int add_container(struct look *look, const struct candidate *candidate)
{
	struct why *why = look->why;
	struct why_container *c =
		vec_push(&why->containers, &why->nr_containers, &why->cap_containers);
	enum python_path_style style = look->options->show_keys ? PATH_KEYS : PATH_PLACES;
	uint32_t node = candidate->node;

	if (!c)
		return -ENOMEM;
	c->length = candidate->length;
	c->bytes = candidate->bytes;
	c->own = (is_modules(&look->graph, node) && c->length < MAX_MODULES) ||
		 is_interned(look, node);
	set_kind(look, node, c);
	c->path = python_path(&look->graph, node, style);
	c->shape = python_path(&look->graph, node, PATH_SHAPE);
	c->root = python_path_root(&look->graph, node);
	set_holds(look, node, c);
	c->number = may_grow(&look->graph, node) ? identity(&look->graph, node) : 0;
	c->has_growth = c->number && growth_of(look, node, &c->growth);
	return c->path && c->shape && c->type ? 0 : -ENOMEM;
}

int python_look_containers(struct look *look)
{
	struct candidates all = { 0 };
	int err = find_candidates(look, &all);

	if (!err && all.nr) {
		set_growth(look, &all);
		choose(look, &all, by_growth, true);
		choose(look, &all, by_bytes, false);
		choose(look, &all, by_length, false);
		qsort(all.items, all.nr, sizeof(*all.items), by_growth);
		for (size_t i = 0; !err && i < all.nr; i++)
			if (all.items[i].chosen && all.items[i].growth)
				err = add_container(look, &all.items[i]);
		qsort(all.items, all.nr, sizeof(*all.items), by_length);
		for (size_t i = 0; !err && i < all.nr; i++)
			if (all.items[i].chosen && !all.items[i].growth)
				err = add_container(look, &all.items[i]);
	}
	free(all.items);
	return err;
}

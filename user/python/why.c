// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the order of a look for holders: a scan for all tracked objects, undisturbed by a
 * collection if that can be had; the roots and what they reach; what they do not; and of
 * all that the few containers and paths to be shown.
 */
#include "python/why.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "python/graph.h"
#include "python/heap.h"
#include "python/path.h"
#include "python/roots.h"

enum {
	TRIES = 3,
	WAIT_MS = 2000, /* for a collection under way */
	MAX_HOLDS_SEEN = 20000,
	MAX_HOLD_TYPES = 64,
	MAX_SHAPES = 256,
	MAX_GARBAGE = 1 << 20,
};

struct look {
	struct python_process *process;
	const struct why_options *options;
	struct why_log *log;
	struct why *why;
	struct python_reader reader;
	struct python_graph graph;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int quiet_moment(struct python_process *process, struct python_moment *ret_moment)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0;; i++) {
		int err = python_heap_moment(process, ret_moment);

		if (err || !ret_moment->collecting || !process->pid || i == WAIT_MS)
			return err;
		nanosleep(&pause, NULL);
	}
}

static int scan_once(struct look *look)
{
	struct python_moment before, after;
	int err = python_reader_open(look->process, &look->reader);

	if (err)
		return err;
	python_graph_begin(&look->graph, &look->reader, look->options->seconds);
	err = quiet_moment(look->process, &before);
	err = err ? err : python_graph_scan(&look->graph);
	err = err ? err : quiet_moment(look->process, &after);
	look->why->consistent = !err && !python_heap_disturbed(&before, &after);
	return err;
}

static void end_look(struct look *look)
{
	python_graph_release(&look->graph);
	python_reader_close(&look->reader);
}

static int scan(struct look *look)
{
	for (int i = 1;; i++) {
		int err = scan_once(look);

		if (err || look->why->consistent || i == TRIES)
			return err;
		end_look(look);
	}
}

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
	return hash_mix(g->nodes[node].address ^
			hash_mix(python_graph_form(g, node)->type->address));
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

/* The unreached. */

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

/* Containers. */

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
		if (length < CONTAINER_LEAST || python_graph_state(g, i) == STATE_DEAD)
			continue;
		candidate = vec_push(&all->items, &all->nr, &all->cap);
		if (!candidate)
			return -ENOMEM;
		*candidate = (struct candidate){ .node = i, .length = length, .bytes = g->held[i] };
		/* What never changes cannot grow; a new one at its place is another. */
		if (python_graph_form(g, i)->kind != KIND_TUPLE)
			err = container_log_add(look->log->containers, identity(g, i), length);
	}
	return err;
}

static void set_growth(struct look *look, struct candidates *all)
{
	if (container_log_looks(look->log->containers) < 2)
		return;
	for (size_t i = 0; i < all->nr; i++) {
		uint32_t node = all->items[i].node;
		int64_t delta = 0;

		if (python_graph_form(&look->graph, node)->kind != KIND_TUPLE)
			delta = container_log_delta(look->log->containers,
						    identity(&look->graph, node));
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
		c->holds[c->nr_holds++] = (struct why_share){
			strpool_add(look->why->names,
				    look->reader.forms[h.types[most].form - 1].type->name),
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
	set_kind(look, node, c);
	c->path = python_path(&look->graph, node, style);
	c->shape = python_path(&look->graph, node, PATH_SHAPE);
	c->root = python_path_root(&look->graph, node);
	set_holds(look, node, c);
	c->has_growth = container_log_looks(look->log->containers) > 1 &&
			python_graph_form(&look->graph, node)->kind != KIND_TUPLE &&
			container_log_growth(look->log->containers, identity(&look->graph, node),
					     &c->growth);
	return c->path && c->shape && c->type ? 0 : -ENOMEM;
}

static int fill_containers(struct look *look)
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

/* Paths to objects of a type. */

static int add_path(struct look *look, uint32_t node)
{
	enum python_path_style style = look->options->show_keys ? PATH_KEYS : PATH_PLACES;
	struct why *why = look->why;
	char *shape = python_path(&look->graph, node, PATH_SHAPE);
	struct why_path *path;

	if (!shape)
		return -ENOMEM;
	for (size_t i = 0; i < why->nr_paths; i++) {
		if (strcmp(why->paths[i].shape, shape) != 0)
			continue;
		why->paths[i].count++;
		free(shape);
		return 0;
	}
	path = why->nr_paths < MAX_SHAPES ? vec_push(&why->paths, &why->nr_paths, &why->cap_paths)
					  : NULL;
	if (!path) {
		free(shape);
		return why->nr_paths < MAX_SHAPES ? -ENOMEM : 0;
	}
	path->shape = shape;
	path->count = 1;
	path->root = python_path_root(&look->graph, node);
	path->example = python_path(&look->graph, node, style);
	return path->example ? 0 : -ENOMEM;
}

static int by_count(const void *a, const void *b)
{
	const struct why_path *x = a, *y = b;
	int order = compare(x->count, y->count);

	return order ? order : strcmp(x->shape, y->shape);
}

static bool is_of_type(struct look *look, uint32_t node)
{
	return !strcmp(python_graph_form(&look->graph, node)->type->name, look->options->type);
}

/* Objects evenly spread over all of the type. */
static int fill_paths(struct look *look)
{
	struct python_graph *g = &look->graph;
	struct why *why = look->why;
	uint64_t step, nr = 0;
	int err = 0;

	if (!look->options->type)
		return 0;
	for (size_t i = 0; i < g->nr; i++)
		why->of_type += is_of_type(look, i);
	step = look->options->samples ? why->of_type / look->options->samples + 1 : 1;
	for (size_t i = 0; !err && i < g->nr; i++) {
		if (!is_of_type(look, i) || nr++ % step)
			continue;
		err = add_path(look, i);
		why->sampled++;
	}
	if (why->nr_paths)
		qsort(why->paths, why->nr_paths, sizeof(*why->paths), by_count);
	return err;
}

static int build(struct look *look)
{
	struct python_graph *g = &look->graph;
	int err = python_roots_reach(g);

	if (!err)
		err = python_graph_count(g);
	if (!err)
		err = python_roots_claim(g);
	if (!err)
		err = python_graph_judge(g);
	if (!err)
		err = python_graph_add_up(g);
	if (!err)
		err = count_unreached(look);
	if (!err)
		err = count_garbage(look);
	if (!err)
		err = fill_containers(look);
	if (!err)
		err = fill_paths(look);
	for (size_t i = 0; !err && i < g->nr; i++)
		look->why->bytes += python_graph_bytes(g, i);
	look->why->objects = g->nr;
	look->why->cut = g->cut;
	return err;
}

static uint64_t memory_of(const struct look *look)
{
	const struct python_graph *g = &look->graph;

	return snapshot_peak(look->reader.snapshot) + g->cap * sizeof(*g->nodes) +
	       (g->mask + 1) * sizeof(*g->slots) + g->cap_tracked * sizeof(*g->tracked) +
	       g->nr * sizeof(*g->held);
}

int python_why(struct python_process *process, const struct why_options *options,
	       struct why_log *log, struct why **ret_why)
{
	uint64_t read_before = remote_bytes_read(process->remote);
	struct look look = { .process = process, .options = options, .log = log };
	struct python_moment moment;
	int err;

	look.why = why_new();
	if (!look.why)
		return -ENOMEM;
	look.why->time = now();
	err = scan(&look);
	if (!err)
		err = build(&look);
	/* Gone meanwhile: then what could not be read was taken for nothing. */
	if (!err)
		err = python_heap_moment(process, &moment);
	look.why->seconds = now() - look.why->time;
	look.why->bytes_read = remote_bytes_read(process->remote) - read_before;
	if (look.reader.snapshot)
		look.why->memory = memory_of(&look);
	end_look(&look);
	if (err) {
		why_free(look.why);
		return err;
	}
	*ret_why = look.why;
	return 0;
}

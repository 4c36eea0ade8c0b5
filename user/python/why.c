// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the order of a look for holders: a scan for all tracked objects, undisturbed by a
 * collection if that can be had; the roots and what they reach; what they do not; and the
 * few paths to be shown.
 */
#include "python/why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "python/heap.h"
#include "python/look.h"
#include "python/path.h"
#include "python/roots.h"

enum {
	TRIES = 3,
	WAIT_MS = 2000, /* for a collection under way */
	MAX_SHAPES = 256,
	MAX_GARBAGE = 1 << 20,
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
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->shape, y->shape);
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
		err = python_look_containers(look);
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

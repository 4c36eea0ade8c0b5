// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the paths to objects of the type that was asked for, grouped by their shape. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "python/look.h"
#include "python/path.h"

enum { MAX_SHAPES = 256 };

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
int python_look_paths(struct look *look)
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

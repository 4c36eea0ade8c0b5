/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way from a root to an object, as one would write it in Python:
 * modules[app.cache].SESSIONS[str of 12].items[3]. Keys by type and length unless asked
 * for; values never.
 */
#ifndef SEEP_PYTHON_PATH_H
#define SEEP_PYTHON_PATH_H

#include "python/graph.h"

enum python_path_style {
	PATH_PLACES, /* keys as type and length, places as numbers */
	PATH_KEYS, /* with the keys themselves */
	PATH_SHAPE, /* [*] for both: equal for all items of a container */
};

/* The caller's to free. NULL when out of memory. */
char *python_path(struct python_graph *graph, uint32_t node, enum python_path_style style);
/* What its root is: "module", "frame", "thread", "interpreter", "global", "c", "none". */
const char *python_path_root(const struct python_graph *graph, uint32_t node);

/*
 * A dict that is the attributes of a module, class or instance: its keys are names, not
 * data.
 */
bool python_path_is_namespace(struct python_graph *graph, uint32_t node);

#endif

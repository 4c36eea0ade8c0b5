/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside python_graph: nodes, for those who add them. */
#ifndef SEEP_PYTHON_GRAPH_WALK_H
#define SEEP_PYTHON_GRAPH_WALK_H

#include "python/graph.h"

/* What python_graph_follow gives to `each`: the node whose references they are. */
struct python_from {
	struct python_graph *graph;
	uint32_t node;
};

/* A node that is not known yet; `reference` as it was met, or NULL. 0 or -ENOMEM. */
int python_graph_add_node(struct python_graph *graph, const struct python_form *form,
			  uint64_t address, uint32_t parent,
			  const struct python_reference *reference);
/* A reference of `parent`: adds its target, unless it is known, or none. 0 or -ENOMEM. */
int python_graph_meet(struct python_graph *graph, uint32_t parent,
		      const struct python_reference *reference);
/* All references of a node. 0 or what `each` returned. */
int python_graph_follow(struct python_graph *graph, uint32_t node, python_reference_fn each);

#endif

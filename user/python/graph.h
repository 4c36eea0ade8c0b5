/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every object of a process, and for each the one by which it was first reached from a
 * root: a tree of shortest paths. What no root reaches is told apart by its reference
 * counts: held from C, or a dead cycle.
 */
#ifndef SEEP_PYTHON_GRAPH_H
#define SEEP_PYTHON_GRAPH_H

#include "python/references.h"

enum python_root_kind {
	ROOT_MODULES, /* sys.modules */
	ROOT_FRAME, /* of a thread */
	ROOT_THREAD_LOCALS, /* the dict of a thread */
	ROOT_THREAD, /* other words of a thread's state */
	ROOT_INTERPRETER,
	ROOT_GLOBAL, /* a variable of C */
	ROOT_HELD, /* more references than objects that hold it */
	ROOT_MOVING, /* changed while it was looked at: nothing can be said */
};

struct python_root {
	enum python_root_kind kind;
	uint64_t address; /* of the frame, thread state, interpreter, variable */
	uint64_t thread; /* its id, of frames and threads */
};

enum python_state {
	STATE_REACHED,
	STATE_HELD, /* from C alone, or by what is so held */
	STATE_DEAD, /* in a cycle that nothing holds, or held by one */
};

/* A parent is a node, or with this bit a root. */
#define PYTHON_PARENT_ROOT (UINT32_C(1) << 31)
#define PYTHON_PARENT_NONE UINT32_MAX

struct python_node {
	uint64_t address;
	uint32_t parent;
	uint32_t edge : 4, index : 28; /* enum python_edge; see python_reference */
	uint32_t form : 30, state : 2; /* index in the reader's forms; enum python_state */
	uint32_t bytes; /* own, in units of 8; UINT32_MAX at most */
};

enum { PYTHON_MAX_NODES = 1 << 28, PYTHON_MAX_INDEX = (1 << 28) - 1 };

struct python_graph {
	struct python_reader *reader;
	struct python_node *nodes;
	size_t nr, cap, most; /* that there are, have room, may be */
	uint32_t *slots; /* of a hash table: index + 1 of a node */
	size_t mask;
	struct python_root *roots;
	size_t nr_roots, cap_roots;
	uint64_t *tracked; /* objects that the collector knows */
	size_t nr_tracked, cap_tracked;
	size_t spread; /* nodes whose references have been followed */
	size_t reached; /* nodes before this one were reached from a root */
	uint64_t *held; /* bytes of a node and of what was first reached through it */
	bool cut; /* it took too long, or was too big: the rest is missing */
	bool counting; /* references to unreached nodes */
	uint32_t *incoming; /* of the nodes from `reached` on */
	size_t nr_incoming;
	uint32_t *claimed; /* unreached nodes that something holds, parents first */
	size_t nr_claimed, cap_claimed;
};

/*
 * `seconds` bounds the work of all that follows, `most` (0: what can be numbered) the nodes.
 * Accepts no NULL; free with _release.
 */
void python_graph_begin(struct python_graph *graph, struct python_reader *reader, double seconds,
			size_t most);
void python_graph_release(struct python_graph *graph);

/* Finds the objects that the collector knows. 0, -ESRCH, -EACCES, -ENOMEM. */
int python_graph_scan(struct python_graph *graph);
/* A root that a target's parent can be. 0 or -ENOMEM. */
int python_graph_add_root(struct python_graph *graph, const struct python_root *root,
			  uint32_t *ret_root);
/* What a root refers to; nothing happens when it is no object, or known. 0 or -ENOMEM. */
int python_graph_reach(struct python_graph *graph, uint32_t root,
		       const struct python_reference *reference);
/* Follows all references of what was reached. 0 or -ENOMEM. */
int python_graph_spread(struct python_graph *graph);
/* After the last root: adds the unreached, and counts what holds them. 0 or -ENOMEM. */
int python_graph_count(struct python_graph *graph);
/*
 * After that: a word of C that may hold the target. It is believed where references are not
 * accounted for, since free lists are full of pointers that hold nothing. 0 or -ENOMEM.
 */
int python_graph_claim(struct python_graph *graph, uint64_t variable, uint64_t target);
/* Those that lie among the variables of C: built-in types. 0 or -ENOMEM. */
int python_graph_claim_within(struct python_graph *graph, const struct regions *variables);
/* After all of these: tells the rest apart. 0 or -ENOMEM. */
int python_graph_judge(struct python_graph *graph);
/* Adds up what each node holds. 0 or -ENOMEM. */
int python_graph_add_up(struct python_graph *graph);

/* The node of an address; UINT32_MAX none. */
uint32_t python_graph_find(const struct python_graph *graph, uint64_t address);

static inline const struct python_form *python_graph_form(const struct python_graph *graph,
							  uint32_t node)
{
	return &graph->reader->forms[graph->nodes[node].form];
}

static inline enum python_state python_graph_state(const struct python_graph *graph, uint32_t node)
{
	return graph->nodes[node].state;
}

static inline uint64_t python_graph_bytes(const struct python_graph *graph, uint32_t node)
{
	return (uint64_t)graph->nodes[node].bytes * 8;
}

#endif

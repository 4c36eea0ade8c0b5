/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a place inside an object is called in Python. */
#ifndef SEEP_PYTHON_FIELDS_H
#define SEEP_PYTHON_FIELDS_H

#include "python/path.h"

enum { PYTHON_MAX_NAME = 64 };

static inline bool python_parent_is_root(uint32_t parent)
{
	return parent & PYTHON_PARENT_ROOT;
}

/* A name of the program; "?", and false, for what is not spelled like one. */
bool python_name_read(struct python_reader *reader, uint64_t text, char name[PYTHON_MAX_NAME]);
/* Which field of its parent a node is: a constant, or `name`. NULL: none that is known. */
const char *python_field_of(struct python_graph *graph, uint32_t node, char name[PYTHON_MAX_NAME]);
bool python_field_is(struct python_graph *graph, uint32_t node, const char *wanted);
/* Is the node the dict of one thread's attributes of a thread-local? */
bool python_field_is_locals(struct python_graph *graph, uint32_t node);
/* Is the parent a thread-local object itself? */
bool python_field_in_local(const struct python_graph *graph, uint32_t parent);
/* Where a function has its tuple of cells; its code is 24 bytes before, or at 16 up to 3.9. */
uint64_t python_closure_offset(const struct python_reader *reader);

#endif

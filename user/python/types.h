/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The type objects of a process, read once each and then known by address. */
#ifndef SEEP_PYTHON_TYPES_H
#define SEEP_PYTHON_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/process.h"

/* How the bytes of an object beyond tp_basicsize are found. */
enum python_shape {
	SHAPE_PLAIN, /* tp_itemsize for each of ob_size */
	SHAPE_LIST,
	SHAPE_DICT,
	SHAPE_SET,
	SHAPE_DEQUE,
	SHAPE_INT, /* from 3.12 its ob_size holds the sign too */
};

struct python_type {
	uint64_t address;
	const char *name; /* as gc's objects' type(o).__name__: the last dotted part */
	uint64_t flags;
	uint64_t base; /* tp_base; 0 none */
	uint32_t basicsize, itemsize;
	int32_t dictoffset;
	uint16_t header; /* bytes before the object that are its own: GC head, dict, weakrefs */
	enum python_shape shape;
	uint64_t count, bytes; /* for a census's use */
};

struct python_types;

enum { PYTHON_MAX_TYPES = 1 << 18 };

/* NULL when out of memory. Uses the process's page cache. */
struct python_types *python_types_new(struct python_process *process);
void python_types_free(struct python_types *types);

/*
 * The type at an address; NULL when there is none that makes sense, or no room for it
 * (python_types_full then counts). Valid until the types are freed.
 */
struct python_type *python_types_get(struct python_types *types, uint64_t address);
/* Also one without HAVE_GC (str, int...), which python_types_get refuses. */
struct python_type *python_types_get_any(struct python_types *types, uint64_t address);
uint64_t python_types_full(const struct python_types *types);
/* Adds the counts of others of the same process, and the types that are missing. 0 or -ENOMEM. */
int python_types_add(struct python_types *types, const struct python_types *others);
/* All that were found, in no order: start with *cursor = 0; NULL at the end. */
struct python_type *python_types_next(struct python_types *types, size_t *cursor);

#endif

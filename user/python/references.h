/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The references that an object holds, and where in it each one is. */
#ifndef SEEP_PYTHON_REFERENCES_H
#define SEEP_PYTHON_REFERENCES_H

#include <stdint.h>

#include "python/reader.h"

enum python_edge {
	EDGE_FIELD, /* at this offset of the object */
	EDGE_ITEM, /* of a list, tuple or deque, by its place */
	EDGE_KEY, /* of a dict's entry, by the entry's place in its table */
	EDGE_VALUE,
	EDGE_MEMBER, /* of a set, by the place in its table */
	EDGE_ATTRIBUTE, /* inline value, by the place of its name */
	EDGE_DICT, /* the dict of an instance, where that is not in the object */
	EDGE_LOCAL, /* of a frame, by its place */
	EDGE_TEMPORARY, /* on a frame's evaluation stack */
	EDGE_FRAME, /* another part of a frame */
	EDGE_STATE, /* in what a C module keeps for itself, at this offset */
	EDGE_CLASS, /* the object's type */
};

struct python_reference {
	uint64_t target; /* as read: may be anything */
	enum python_edge edge;
	uint32_t index; /* what it is depends on the edge; UINT32_MAX: too far to tell */
};

/* Other than 0 ends the visit and is returned. */
typedef int (*python_reference_fn)(void *context, const struct python_reference *reference);

/* All of an object, bounded by the memory that there is. 0 or what `each` returned. */
int python_references(struct python_reader *reader, const struct python_form *form,
		      uint64_t address, python_reference_fn each, void *context);

/* The words from `from` to `to` (offsets from `base`), but the one at `except`. */
int python_reference_words(struct python_reader *reader, uint64_t base, uint64_t from, uint64_t to,
			   uint64_t except, enum python_edge edge, python_reference_fn each,
			   void *context);

/* A dict's (dict.c). */
int python_dict_references(struct python_reader *reader, const struct python_form *form,
			   uint64_t address, python_reference_fn each, void *context);
/* The key of an entry; 0 none. */
uint64_t python_dict_key(struct python_reader *reader, uint64_t dict, uint32_t index);
/* The value of a key that is an ASCII str, looked for entry by entry; 0 none. */
uint64_t python_dict_find(struct python_reader *reader, uint64_t dict, const char *key);
/* An instance's values that are in no dict, and its dict (dict.c). */
int python_attribute_references(struct python_reader *reader, const struct python_form *form,
				uint64_t address, python_reference_fn each, void *context);
/* The name (a str) of an instance's inline value; 0 none. */
uint64_t python_attribute_name(struct python_reader *reader, const struct python_form *form,
			       uint32_t index);

#endif

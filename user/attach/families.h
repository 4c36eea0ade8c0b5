/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The allocators that seep knows, as one table: a family is how its objects are told
 * apart and which entry points it has. Adding an allocator is adding one entry.
 */
#ifndef SEEP_ATTACH_FAMILIES_H
#define SEEP_ATTACH_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct family_function {
	const char *symbol; /* as in the symbol table, without version and prefix */
	uint8_t op; /* enum seep_op */
	bool throws; /* C++ operator new: an exception may pass through it */
	bool wrapper; /* calls another entry point of the family for all its work */
	uint8_t shift; /* arguments before those of the op: mi_heap_malloc(heap, size) has 1 */
};

struct family {
	uint8_t id; /* from 1; stable in captures by its name only */
	const char
		*name; /* "glibc", "musl", "jemalloc", "tcmalloc", "mimalloc", "generic", "pair" */
	/*
	 * An object belongs to the family when it defines one of these symbols, or when its
	 * file name matches the glob (either may be NULL). The first family that matches wins;
	 * "generic" matches every definition of malloc.
	 */
	const char *const *marks;
	const char *file_glob;
	const char *const
		*prefixes; /* of symbols: "", "je_", "_rjem_", "tc_", "mi_"; ended by NULL */
	const struct family_function *functions;
	size_t nr_functions;
	bool null_realloc_frees; /* realloc(p, 0) frees p and returns NULL */
};

extern const struct family families[];
extern const size_t nr_families;

/* Never NULL: "unknown". Static strings. */
const char *family_name(uint8_t id);
const struct family *family_find(const char *name);
/* "malloc", "calloc", "new", ...: of an enum seep_op. Never NULL. */
const char *operation_name(uint8_t op);

/*
 * --pair 'lib:acquire=release', with options after the functions: 'acquire@2' the handle
 * is stored through argument 2 (from 1) instead of being returned, 'release@2' it is
 * argument 2 of the release. `lib` is a glob on the mapped file's base name or a path.
 */
struct pair {
	char *library, *acquire, *release;
	uint8_t acquire_argument; /* 0: returned */
	uint8_t release_argument; /* from 1 */
};
/* 0 or -EINVAL, with a message in *ret_message (the caller frees it) saying which part. */
int pair_parse(const char *text, struct pair *ret_pair, char **ret_message);
void pair_free(struct pair *pair);

#endif

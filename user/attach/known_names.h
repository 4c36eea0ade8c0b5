/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every name of a symbol that is worth finding in a file: of the families' functions with
 * their prefixes and of what --alloc and --pair add, and the marks that tell families apart.
 */
#ifndef SEEP_ATTACH_KNOWN_NAMES_H
#define SEEP_ATTACH_KNOWN_NAMES_H

#include "attach/plan.h"

/* A name to look for: of a family's function, of a pair's, or a mark (neither). */
struct known_name {
	char *name;
	uint32_t rank;
	const struct family *family; /* NULL: the loader's mark */
	const struct family_function *function;
	const struct pair *pair;
	bool acquire; /* of a pair */
	bool prefixed; /* belongs to its family in any file */
};

struct known_names {
	struct known_name *items;
	size_t nr, cap;
};

/* 0 or -ENOMEM; free in both cases. Pairs are those whose library `path` is. */
int known_names_collect(struct known_names *names, const char *path,
			const struct plan_options *options);
void known_names_free(struct known_names *names);
/* The first of the items that have this name, in the order of the tables; NULL none. */
const struct known_name *known_names_find(const struct known_names *names, const char *symbol);

/* Does --alloc name this file as an allocator? */
bool known_names_is_allocator(const struct plan_options *options, const char *path);
/* Does the pair's library (a glob on the base name, or a path) mean this file? */
bool known_names_is_library(const char *glob, const char *path);
/* Is this the name of a function of any family, and of one that gives memory back? */
bool known_names_is_release(const char *symbol);
bool known_names_is_known(const char *symbol);

#endif

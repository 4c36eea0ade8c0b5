/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The names to look for, from the table of families and from the user. It knows no file.
 *
 * --alloc TEXT adds names: a TEXT with '/', '.' or '*' is a library, whose plain names
 * (operator new and delete alone too) are then taken as an allocator's; any other TEXT is
 * a prefix, as in "my_" for my_malloc, my_free, ...
 */
#include <errno.h>
#include <fnmatch.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/event.h"
#include "attach/known_names.h"
#include "base/vec.h"

/* What the dynamic loader of glibc alone defines. */
static const char loader_mark[] = "_rtld_global";

static int add_name(struct known_names *names, const char *prefix, const char *symbol,
		    struct known_name name)
{
	struct known_name *item = vec_push(&names->items, &names->nr, &names->cap);

	if (!item)
		return -ENOMEM;
	*item = name;
	item->rank = names->nr;
	if (asprintf(&item->name, "%s%s", prefix, symbol) < 0) {
		item->name = NULL;
		names->nr--;
		return -ENOMEM;
	}
	return 0;
}

static int add_functions(struct known_names *names, const struct family *family, const char *prefix)
{
	/* The C library's reserved names are aliased by allocators that replace it. */
	bool prefixed = prefix[0] && strcmp(prefix, "__libc_") != 0;
	int err = 0;

	for (size_t i = 0; !err && i < family->nr_functions; i++) {
		struct known_name name = {
			.family = family,
			.function = &family->functions[i],
			.prefixed = prefixed,
		};

		err = add_name(names, prefix, family->functions[i].symbol, name);
	}
	return err;
}

static int add_family(struct known_names *names, const struct family *family)
{
	int err = 0;

	for (size_t i = 0; !err && family->marks && family->marks[i]; i++)
		err = add_name(names, "", family->marks[i],
			       (struct known_name){ .family = family });
	for (size_t i = 0; !err && family->prefixes[i]; i++)
		err = add_functions(names, family, family->prefixes[i]);
	return err;
}

static bool is_library_text(const char *text)
{
	return strpbrk(text, "/.*") != NULL;
}

bool known_names_is_library(const char *glob, const char *path)
{
	const char *slash = strrchr(path, '/');

	return fnmatch(glob, slash ? slash + 1 : path, 0) == 0 || fnmatch(glob, path, 0) == 0;
}

bool known_names_is_allocator(const struct plan_options *options, const char *path)
{
	for (size_t i = 0; options->extra_families && options->extra_families[i]; i++)
		if (is_library_text(options->extra_families[i]) &&
		    known_names_is_library(options->extra_families[i], path))
			return true;
	return false;
}

static int add_pair(struct known_names *names, const struct pair *pair)
{
	struct known_name name = { .family = family_find("pair"), .pair = pair };
	int err = add_name(names, "", pair->release, name);

	name.acquire = true;
	return err ?: add_name(names, "", pair->acquire, name);
}

static int by_name(const void *a, const void *b)
{
	const struct known_name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ?: (x->rank > y->rank) - (x->rank < y->rank);
}

int known_names_collect(struct known_names *names, const char *path,
			const struct plan_options *options)
{
	int err = add_name(names, "", loader_mark, (struct known_name){ 0 });

	for (size_t i = 0; !err && i < nr_families; i++)
		err = add_family(names, &families[i]);
	for (size_t i = 0; !err && options->extra_families && options->extra_families[i]; i++)
		if (!is_library_text(options->extra_families[i]))
			err = add_functions(names, family_find("generic"),
					    options->extra_families[i]);
	for (size_t i = 0; !err && i < options->nr_pairs; i++)
		if (known_names_is_library(options->pairs[i].library, path))
			err = add_pair(names, &options->pairs[i]);
	if (!err)
		qsort(names->items, names->nr, sizeof(*names->items), by_name);
	return err;
}

const struct known_name *known_names_find(const struct known_names *names, const char *symbol)
{
	size_t low = 0, high = names->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->items[middle].name, symbol) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == names->nr || strcmp(names->items[low].name, symbol) != 0)
		return NULL;
	return &names->items[low];
}

void known_names_free(struct known_names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		free(names->items[i].name);
	free(names->items);
	memset(names, 0, sizeof(*names));
}

static const struct family_function *function_named(const char *symbol)
{
	for (size_t i = 0; i < nr_families; i++) {
		const struct family *family = &families[i];

		for (size_t p = 0; family->prefixes[p]; p++) {
			size_t length = strlen(family->prefixes[p]);

			if (strncmp(symbol, family->prefixes[p], length) != 0)
				continue;
			for (size_t f = 0; f < family->nr_functions; f++)
				if (strcmp(symbol + length, family->functions[f].symbol) == 0)
					return &family->functions[f];
		}
	}
	return NULL;
}

bool known_names_is_release(const char *symbol)
{
	const struct family_function *function = function_named(symbol);

	return function && function->op == SEEP_OP_FREE;
}

bool known_names_is_known(const char *symbol)
{
	return function_named(symbol) != NULL;
}

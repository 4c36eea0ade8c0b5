/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Matches the table of families with the symbols of one file.
 *
 * All names that any family, option or pair asks for are in one sorted array
 * (known_names.c), and the symbols are looked up in it in one pass. A name that several
 * families share (malloc, __libc_free, sdallocx) belongs to the file's owner: the first
 * family of which the file defines a mark, else "generic" when it defines both malloc and
 * free. Other names (mi_free, _rjem_malloc, mallocx) belong to their family in any file.
 */
#include <elf.h>
#include <errno.h>
#include <fnmatch.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/event.h"
#include "attach/entry_points.h"
#include "attach/known_names.h"
#include "attach/mini_debug.h"
#include "attach/thread_end.h"
#include "base/vec.h"

enum { ALIASES_LENGTH_MOST = 1024 };

struct found {
	const struct known_name *name; /* the first of those that are equal */
	uint64_t address, size;
	bool indirect;
};

struct search {
	struct known_names names;
	struct found *found;
	size_t nr_found, cap_found;
	struct entry_points *points;
	bool marked[UINT8_MAX + 1]; /* by family id */
	bool has_malloc, has_free;
};

/* Is `name` one more of those that are equal to `first`? */
static bool is_equal(const struct search *search, const struct known_name *first,
		     const struct known_name *name)
{
	return name < search->names.items + search->names.nr &&
	       strcmp(name->name, first->name) == 0;
}

static void note_marks(struct search *search, const struct known_name *first)
{
	for (const struct known_name *name = first; is_equal(search, first, name); name++) {
		if (name->function || name->pair)
			continue;
		if (name->family)
			search->marked[name->family->id] = true;
		else
			search->points->loader = true;
	}
}

static int on_symbol(const struct elf_symbol *symbol, void *context)
{
	struct search *search = context;
	const struct known_name *name;
	struct found *found;

	search->points->nr_symbols++;
	if (!symbol->defined)
		return 0;
	name = known_names_find(&search->names, symbol->name);
	if (!name)
		return 0;
	note_marks(search, name);
	if (symbol->type != STT_FUNC && symbol->type != STT_GNU_IFUNC)
		return 0;
	if (strcmp(symbol->name, "malloc") == 0)
		search->has_malloc = true;
	if (strcmp(symbol->name, "free") == 0)
		search->has_free = true;
	if (search->nr_found == ENTRY_POINTS_MOST) {
		search->points->overflow = true;
		return 0;
	}
	found = vec_push(&search->found, &search->nr_found, &search->cap_found);
	if (!found)
		return -ENOMEM;
	found->name = name;
	found->address = symbol->address;
	found->size = symbol->size;
	found->indirect = symbol->type == STT_GNU_IFUNC;
	return 0;
}

static int read_symbols(const struct elf_file *file, struct search *search)
{
	const struct elf_section *dynamic = elf_file_section(file, SHT_DYNSYM);
	const struct elf_section *full = elf_file_section(file, SHT_SYMTAB);
	struct elf_file inner;
	uint8_t *image;
	size_t size;
	int err = 0;

	if (dynamic)
		err = elf_file_symbols(file, dynamic, on_symbol, search);
	if (!err && full)
		err = elf_file_symbols(file, full, on_symbol, search);
	if (err || full || mini_debug_read(file, &image, &size) != 0)
		return err;
	if (elf_file_open_image(image, size, &inner) == 0) {
		full = elf_file_section(&inner, SHT_SYMTAB);
		if (full)
			err = elf_file_symbols(&inner, full, on_symbol, search);
		elf_file_close(&inner);
	}
	free(image);
	return err;
}

static const struct family *find_owner(const struct search *search, const char *path, bool named)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;

	if (!named && (!search->has_malloc || !search->has_free))
		return NULL;
	for (size_t i = 0; i < nr_families; i++)
		if (search->marked[families[i].id] ||
		    (families[i].file_glob && fnmatch(families[i].file_glob, base, 0) == 0))
			return &families[i];
	return family_find("generic");
}

/* Of the equal names of functions, the one whose family this file's symbol belongs to. */
static const struct known_name *family_name_of(const struct search *search,
					       const struct known_name *first)
{
	const struct known_name *other = NULL;
	bool shared = false;

	for (const struct known_name *name = first; is_equal(search, first, name); name++) {
		if (!name->function)
			continue;
		if (name->family == search->points->owner)
			return name;
		shared = shared || (other && other->family != name->family && !name->prefixed);
		if (!other)
			other = name;
	}
	/* "malloc" is shared; "mallocx" is not, and no "malloc" of a file without owner is ours. */
	return other && (other->prefixed || !shared) ? other : NULL;
}

static int add_point(struct search *search, const struct found *found,
		     const struct known_name *name)
{
	struct entry_points *points = search->points;
	struct entry_point *point = vec_push(&points->items, &points->nr, &points->cap);

	if (!point)
		return -ENOMEM;
	point->family = name->family;
	point->rank = name->rank;
	point->address = found->address;
	point->size = found->size;
	point->indirect = found->indirect;
	if (name->pair) {
		const struct pair *pair = name->pair;

		point->op = !name->acquire	     ? SEEP_OP_RELEASE
			    : pair->acquire_argument ? SEEP_OP_ACQUIRE_ARG
						     : SEEP_OP_ACQUIRE;
		point->argument = name->acquire ? pair->acquire_argument : pair->release_argument;
	} else {
		point->op = name->function->op;
		point->argument = name->function->shift;
		point->throws = name->function->throws;
		point->wrapper = name->function->wrapper;
	}
	point->symbol = strdup(name->name);
	return point->symbol ? 0 : -ENOMEM;
}

static int add_points(struct search *search)
{
	int err = 0;

	for (size_t i = 0; !err && i < search->nr_found; i++) {
		const struct found *found = &search->found[i];
		const struct known_name *of_family = family_name_of(search, found->name);

		if (of_family)
			err = add_point(search, found, of_family);
		for (const struct known_name *name = found->name;
		     !err && is_equal(search, found->name, name); name++)
			if (name->pair)
				err = add_point(search, found, name);
	}
	return err;
}

static int by_address(const void *a, const void *b)
{
	const struct entry_point *x = a, *y = b;
	bool x_pair = x->op >= SEEP_OP_ACQUIRE, y_pair = y->op >= SEEP_OP_ACQUIRE;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x_pair != y_pair)
		return x_pair - y_pair;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int by_rank(const void *a, const void *b)
{
	const struct entry_point *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

/* Is `other` only one more name of `point`? A pair's function may be an allocator's too. */
static bool is_alias(const struct entry_point *point, const struct entry_point *other)
{
	bool point_pair = point->op >= SEEP_OP_ACQUIRE, other_pair = other->op >= SEEP_OP_ACQUIRE;

	if (point->address != other->address || point_pair != other_pair)
		return false;
	return !point_pair || (point->op == other->op && point->argument == other->argument);
}

static bool has_alias(const struct entry_point *point, const char *name)
{
	size_t length = strlen(name);
	const char *at = point->aliases;

	if (strcmp(point->symbol, name) == 0)
		return true;
	while (at && (at = strstr(at, name))) {
		bool starts = at == point->aliases || at[-1] == ' ';

		if (starts && (at[length] == ',' || at[length] == '\0'))
			return true;
		at += length;
	}
	return false;
}

static int merge_alias(struct entry_point *point, struct entry_point *other)
{
	char *aliases;

	/* One address called malloc and operator new may be called either way: it may throw. */
	point->throws = point->throws && other->throws;
	point->wrapper = point->wrapper && other->wrapper;
	if (other->size > point->size)
		point->size = other->size;
	if (!has_alias(point, other->symbol) &&
	    (!point->aliases || strlen(point->aliases) < ALIASES_LENGTH_MOST)) {
		if (asprintf(&aliases, "%s%s%s", point->aliases ? point->aliases : "",
			     point->aliases ? ", " : "", other->symbol) < 0)
			return -ENOMEM;
		free(point->aliases);
		point->aliases = aliases;
	}
	return 0;
}

static void free_point(struct entry_point *point)
{
	free(point->symbol);
	free(point->aliases);
}

static int merge_points(struct entry_points *points)
{
	size_t kept = 0;
	int err = 0;

	if (points->nr == 0)
		return 0;
	qsort(points->items, points->nr, sizeof(*points->items), by_address);
	for (size_t i = 1; i < points->nr; i++) {
		struct entry_point *last = &points->items[kept], *next = &points->items[i];

		if (!is_alias(last, next)) {
			points->items[++kept] = *next;
			continue;
		}
		if (!err)
			err = merge_alias(last, next);
		free_point(next);
	}
	points->nr = kept + 1;
	qsort(points->items, points->nr, sizeof(*points->items), by_rank);
	return err;
}

/* What glibc does when a thread ends has a name in .symtab alone. */
static int add_thread_end(const struct elf_file *file, struct entry_points *points)
{
	uint64_t address, size;
	struct entry_point *point;
	int err;

	if (!points->owner || points->owner != family_find("glibc") || points->loader)
		return 0;
	for (size_t i = 0; i < points->nr; i++)
		if (points->items[i].op == SEEP_OP_PURGE)
			return 0;
	err = thread_end_find(file, points, &address, &size);
	if (err || !address)
		return err;
	point = vec_push(&points->items, &points->nr, &points->cap);
	if (!point)
		return -ENOMEM;
	*point = (struct entry_point){
		.symbol = strdup("__malloc_arena_thread_freeres"),
		.family = points->owner,
		.rank = UINT32_MAX,
		.op = SEEP_OP_PURGE,
		.address = address,
		.size = size,
	};
	return point->symbol ? 0 : -ENOMEM;
}

int entry_points_find(const struct elf_file *file, const char *path,
		      const struct plan_options *options, struct entry_points *ret_points)
{
	struct entry_points points = { 0 };
	struct search search = { .points = &points };
	int err = known_names_collect(&search.names, path, options);

	if (!err)
		err = read_symbols(file, &search);
	if (!err) {
		points.owner = find_owner(&search, path, known_names_is_allocator(options, path));
		err = add_points(&search);
	}
	if (!err)
		err = merge_points(&points);
	if (!err)
		err = add_thread_end(file, &points);
	known_names_free(&search.names);
	free(search.found);
	if (err)
		entry_points_free(&points);
	else
		*ret_points = points;
	return err;
}

void entry_points_free(struct entry_points *points)
{
	for (size_t i = 0; i < points->nr; i++)
		free_point(&points->items[i]);
	free(points->items);
	memset(points, 0, sizeof(*points));
}

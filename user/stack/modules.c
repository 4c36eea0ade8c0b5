// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which file every executable address of the traced processes belongs to.
 *
 * A space's mappings are an immutable table sorted by address, which a forked child
 * shares until either reads its maps again. Only executable memory is kept: what is
 * placed are the addresses of code.
 *
 * It must not know symbols.
 */
#include "stack/modules.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "proc/maps.h"
#include "stack/module_files.h"

struct space_table {
	unsigned int users; /* spaces that share it */
	size_t nr, cap;
	struct module_mapping *items; /* by address */
};

struct modules {
	struct module_files *files;
	struct hashmap *spaces; /* space -> struct space_table * */
};

struct modules *modules_new(void)
{
	struct modules *modules = calloc(1, sizeof(*modules));

	if (!modules)
		return NULL;
	modules->files = module_files_new();
	modules->spaces = hashmap_new();
	if (!modules->files || !modules->spaces) {
		modules_free(modules);
		return NULL;
	}
	return modules;
}

static void release_table(struct space_table *table)
{
	if (!table || --table->users)
		return;
	free(table->items);
	free(table);
}

static struct space_table *find_table(const struct modules *modules, uint32_t space)
{
	uint64_t value;

	if (!hashmap_get(modules->spaces, space, &value))
		return NULL;
	return (struct space_table *)(uintptr_t)value;
}

void modules_free(struct modules *modules)
{
	uint64_t space, table;
	size_t cursor = 0;

	if (!modules)
		return;
	while (modules->spaces && hashmap_next(modules->spaces, &cursor, &space, &table))
		release_table((struct space_table *)(uintptr_t)table);
	hashmap_free(modules->spaces);
	module_files_free(modules->files);
	free(modules);
}

static int place_mapping(struct modules *modules, pid_t pid, const struct mapping *mapping,
			 struct space_table *table)
{
	struct module_mapping *placed;
	uint32_t module;
	int err = module_files_see(modules->files, pid, mapping, &module);

	if (err)
		return err;
	placed = vec_push(&table->items, &table->nr, &table->cap);
	if (!placed)
		return -ENOMEM;
	*placed = (struct module_mapping){ mapping->start, mapping->end, mapping->start, module };
	if (module != PLACE_NONE)
		placed->offset = module_files_address(modules->files, module, mapping);
	return 0;
}

static int set_table(struct modules *modules, uint32_t space, struct space_table *table)
{
	struct space_table *old = find_table(modules, space);
	int err = hashmap_put(modules->spaces, space, (uintptr_t)table);

	if (err)
		return err;
	table->users++;
	release_table(old);
	return 0;
}

int modules_refresh(struct modules *modules, uint32_t space, pid_t pid)
{
	struct space_table *table;
	struct maps maps = { 0 };
	size_t i;
	int err = maps_read(pid, &maps);

	if (err)
		return err;
	table = calloc(1, sizeof(*table));
	if (!table)
		err = -ENOMEM;
	else if (!maps.nr)
		err = -ESRCH;
	for (i = 0; !err && i < maps.nr; i++) {
		if (maps.items[i].executable)
			err = place_mapping(modules, pid, &maps.items[i], table);
	}
	if (!err)
		err = set_table(modules, space, table);
	if (err && table) {
		free(table->items);
		free(table);
	}
	maps_free(&maps);
	return err;
}

int modules_fork(struct modules *modules, uint32_t parent, uint32_t child)
{
	struct space_table *table = find_table(modules, parent);

	if (!table)
		return -ENOENT;
	if (table == find_table(modules, child))
		return 0;
	return set_table(modules, child, table);
}

void modules_forget(struct modules *modules, uint32_t space)
{
	release_table(find_table(modules, space));
	hashmap_remove(modules->spaces, space);
}

bool modules_place(const struct modules *modules, uint32_t space, uint64_t address,
		   struct place *ret_place)
{
	const struct space_table *table = find_table(modules, space);
	size_t low = 0, high = table ? table->nr : 0;

	*ret_place = (struct place){ PLACE_NONE, address, address };
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct module_mapping *placed = &table->items[middle];

		if (address < placed->start) {
			high = middle;
		} else if (address >= placed->end) {
			low = middle + 1;
		} else {
			ret_place->module = placed->module;
			ret_place->offset = placed->offset + (address - placed->start);
			return true;
		}
	}
	return false;
}

bool modules_mapping(const struct modules *modules, uint32_t space, size_t i,
		     struct module_mapping *ret_mapping)
{
	const struct space_table *table = find_table(modules, space);

	if (!table || i >= table->nr)
		return false;
	*ret_mapping = table->items[i];
	return true;
}

struct module_info modules_info(const struct modules *modules, uint32_t module)
{
	return module_files_info(modules->files, module);
}

int modules_open(struct modules *modules, uint32_t module)
{
	return module_files_open(modules->files, module);
}

bool modules_code_distance(const struct modules *modules, uint32_t module, uint64_t *ret_distance)
{
	return module_files_code_distance(modules->files, module, ret_distance);
}

int modules_root(const struct modules *modules, uint32_t module)
{
	return module_files_root(modules->files, module);
}

void modules_limit(struct modules *modules, size_t descriptors)
{
	module_files_limit(modules->files, descriptors);
}

size_t modules_descriptors(const struct modules *modules)
{
	return module_files_descriptors(modules->files);
}

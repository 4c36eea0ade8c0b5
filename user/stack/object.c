// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the choice of where a module's names come from: .symtab of the file itself; else
 * of its debug file; else the mini debug info; .dynsym always, as it alone has names
 * when all else was stripped. Debug information comes from the file or its debug file, else
 * from the tables that a Go program has for itself.
 */
#include "stack/object.h"

#include <errno.h>
#include <libelf.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stack/elf_open.h"
#include "stack/mini_debug.h"
#include "stack/symbol_table.h"

struct object {
	int fd, debug_fd;
	Elf *elf, *debug_elf, *mini_elf;
	void *mini_memory;
	struct symbol_table *symbols;
	struct debug_info *debug_info;
	struct go_table *go_table;
	bool sought_go_table;
};

static void open_debug_file(struct object *object, const struct debug_search *search)
{
	if (object->debug_fd >= 0 || object->debug_elf)
		return;
	object->debug_fd = debug_files_open(search, object->elf);
	if (object->debug_fd >= 0)
		object->debug_elf = elf_open(object->debug_fd);
}

static int add_mini_debug(struct object *object, size_t *ret_added)
{
	int err = mini_debug_open(object->elf, &object->mini_elf, &object->mini_memory);

	*ret_added = 0;
	if (err)
		return err == -ENOMEM ? err : 0;
	return symbol_table_add(object->symbols, object->mini_elf, false, ret_added);
}

static int read_symbols(struct object *object, const struct debug_search *search)
{
	size_t nr = 0, nr_dynamic;
	int err;

	object->symbols = symbol_table_new();
	if (!object->symbols)
		return -ENOMEM;
	err = symbol_table_add(object->symbols, object->elf, false, &nr);
	if (!err && !nr) {
		open_debug_file(object, search);
		if (object->debug_elf)
			err = symbol_table_add(object->symbols, object->debug_elf, false, &nr);
	}
	if (!err && !nr)
		err = add_mini_debug(object, &nr);
	if (!err)
		err = symbol_table_add(object->symbols, object->elf, true, &nr_dynamic);
	return err ? err : symbol_table_finish(object->symbols, nr > 0);
}

static int read_debug_info(struct object *object, const struct debug_search *search)
{
	int err = debug_info_open(object->elf, search, &object->debug_info);

	if (err != -ENOENT)
		return err == -ENOMEM ? err : 0;
	open_debug_file(object, search);
	if (object->debug_elf)
		err = debug_info_open(object->debug_elf, search, &object->debug_info);
	return err == -ENOMEM ? err : 0;
}

int object_open(int fd, const struct debug_search *search, bool lines, struct object **ret_object)
{
	struct object *object = calloc(1, sizeof(*object));
	int err = 0;

	if (!object) {
		close(fd);
		return -ENOMEM;
	}
	object->fd = fd;
	object->debug_fd = -1;
	object->elf = elf_open(fd);
	if (!object->elf || elf_kind(object->elf) != ELF_K_ELF)
		err = -ENOEXEC;
	if (!err)
		err = read_symbols(object, search);
	if (!err && lines)
		err = read_debug_info(object, search);
	if (err)
		object_free(object);
	else
		*ret_object = object;
	return err;
}

void object_free(struct object *object)
{
	if (!object)
		return;
	go_table_free(object->go_table);
	debug_info_free(object->debug_info);
	symbol_table_free(object->symbols);
	elf_end(object->mini_elf);
	elf_end(object->debug_elf);
	elf_end(object->elf);
	free(object->mini_memory);
	close_fd(&object->debug_fd);
	close_fd(&object->fd);
	free(object);
}

const char *object_symbol(const struct object *object, uint64_t address)
{
	return symbol_table_find(object->symbols, address);
}

struct debug_info *object_debug_info(const struct object *object)
{
	return object->debug_info;
}

struct go_table *object_go_table(struct object *object)
{
	if (!object->sought_go_table)
		go_table_open(object->fd, &object->go_table);
	object->sought_go_table = true;
	return object->go_table;
}

size_t object_bytes(const struct object *object)
{
	return sizeof(*object) + symbol_table_bytes(object->symbols) +
	       (object->debug_info ? debug_info_bytes(object->debug_info) : 0) +
	       (object->go_table ? go_table_bytes(object->go_table) : 0);
}

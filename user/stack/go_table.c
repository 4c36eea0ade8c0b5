// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how a Go program's tables become frames, as the runtime's own tracebacks make them
 * (src/runtime/symtabinl.go of Go): an address in inlined code leads to an entry of the
 * function's tree of inlined calls, which has the callee's name and an address whose file
 * and line are those of the call; from there to the entry around it, and so on.
 *
 * Where the tree of inlined code is not found, file and line are left out: they would be
 * those of the callee, beside the name of the function around it.
 */
#include "stack/go_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/elf_image.h"
#include "stack/go_lines.h"
#include "stack/go_module.h"

static const uint64_t MAX_TABLE = 256ULL << 20; /* bytes; one of 100 MB is known */
static const uint64_t BUDGET_NS = 10ULL * 1000000000;

struct go_table {
	int fd; /* the caller's */
	struct image image;
	struct go_module module;
	uint8_t *bytes;
	struct go_lines lines;
	struct debug_budget budget;
};

static int read_table(struct go_table *table)
{
	uint64_t size = table->module.size;

	if (!size || size > MAX_TABLE)
		return -ENOENT;
	table->bytes = malloc(size);
	if (!table->bytes)
		return -ENOMEM;
	size = go_module_read(table->fd, &table->image, table->module.table, table->bytes, size);
	return go_lines_read(table->bytes, size, &table->lines) ? 0 : -ENOENT;
}

int go_table_open(int fd, struct go_table **ret_table)
{
	struct go_table *table = calloc(1, sizeof(*table));
	int err;

	if (!table)
		return -ENOMEM;
	table->fd = fd;
	table->budget.left_ns = BUDGET_NS;
	err = image_read(fd, &table->image);
	if (!err)
		err = go_module_find(fd, &table->image, &table->module);
	if (!err)
		err = read_table(table);
	if (!err)
		err = go_module_complete(fd, &table->image, &table->lines, &table->module);
	if (err) {
		go_table_free(table);
		return err == -ENOMEM ? err : -ENOENT;
	}
	table->lines.text = table->module.text;
	*ret_table = table;
	return 0;
}

void go_table_free(struct go_table *table)
{
	if (!table)
		return;
	image_free(&table->image);
	free(table->bytes);
	free(table);
}

size_t go_table_bytes(const struct go_table *table)
{
	return sizeof(*table) + table->lines.size;
}

size_t go_table_named(const struct go_table *table, const char *const *names, size_t nr,
		      struct go_place *places, size_t max)
{
	const struct go_lines *lines = &table->lines;
	size_t found = 0;

	for (uint64_t i = 0; i < lines->nr_functions; i++) {
		struct go_function f;

		if (!go_lines_function(lines, i, &f))
			continue;
		for (size_t k = 0; k < nr && found < max; k++)
			if (go_lines_is_named(lines, &f, names[k]))
				places[found++] = (struct go_place){ f.start, f.end, k };
	}
	return found;
}

void go_table_text(const struct go_table *table, uint64_t *ret_start, uint64_t *ret_end)
{
	go_lines_text(&table->lines, ret_start, ret_end);
}

/* An entry of a tree: what was inlined, and where, from the start of the function. */
struct inlined_call {
	const char *name;
	uint64_t call;
};

static bool read_call(struct go_table *table, const struct go_function *f, int32_t index,
		      struct inlined_call *ret_call)
{
	/* struct inlinedCall of runtime: the fields of 4 bytes, and which of them are meant */
	const bool latest = table->lines.version >= GO_1_20;
	const size_t nr = latest ? 4 : 5, name = latest ? 1 : 3, call = latest ? 2 : 4;
	uint64_t tree;
	int32_t fields[5];

	if (!go_lines_inline_tree(&table->lines, f, &tree))
		return false;
	if (table->lines.version >= GO_1_18) {
		if (!table->module.inline_trees)
			return false;
		tree += table->module.inline_trees;
	}
	if (go_module_read(table->fd, &table->image, tree + (uint64_t)index * nr * 4, fields,
			   nr * 4) != nr * 4)
		return false;
	if (fields[call] < 0 || (uint64_t)fields[call] >= f->end - f->start)
		return false;
	ret_call->name = go_lines_name(&table->lines, fields[name]);
	ret_call->call = f->start + (uint64_t)fields[call];
	return ret_call->name;
}

static size_t describe(struct go_table *table, const struct go_function *f, uint64_t address,
		       struct debug_frame frames[DEBUG_FRAMES_MAX])
{
	size_t nr = 0;
	int32_t index = go_lines_inlined(&table->lines, f, address, &table->budget);

	for (;;) {
		struct debug_frame *frame = &frames[nr++];
		struct inlined_call call;

		*frame = (struct debug_frame){ 0 };
		go_lines_place(&table->lines, f, address, &table->budget, &frame->file,
			       &frame->line);
		if (index < 0)
			break;
		if (nr == DEBUG_FRAMES_MAX || !read_call(table, f, index, &call)) {
			frames[0] = (struct debug_frame){ 0 };
			nr = 1;
			break;
		}
		frame->name = call.name;
		address = call.call;
		index = go_lines_inlined(&table->lines, f, address, &table->budget);
	}
	frames[nr - 1].name = go_lines_function_name(&table->lines, f);
	return nr;
}

size_t go_table_find(struct go_table *table, uint64_t address, bool inlined,
		     struct debug_frame frames[DEBUG_FRAMES_MAX])
{
	struct go_function f;
	size_t nr;

	if (table->budget.exhausted || !go_lines_find(&table->lines, address, &f))
		return 0;
	debug_budget_start(&table->budget);
	nr = describe(table, &f, address, frames);
	debug_budget_charge(&table->budget);
	if (table->budget.exhausted || !frames[nr - 1].name)
		return 0;
	if (nr > 1 && !inlined) {
		frames[0] = frames[nr - 1];
		nr = 1;
	}
	return nr;
}

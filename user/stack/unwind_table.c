// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the finished table: look-ups, placing, memory. How it is compiled is cfi_compile.c,
 * how it is kept on disk table_file.c.
 */
#include "stack/unwind_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/cfi_compile.h"
#include "stack/cfi_image.h"

struct unwind_table {
	struct unwind_table_view view;
	struct seep_unwind_page *pages;
	uint32_t *rows;
	struct seep_unwind_rule *rules;
};

static int build(struct cfi_image *image, const struct unwind_table_options *options,
		 struct unwind_table **ret_table)
{
	static const struct unwind_table_options defaults;
	struct unwind_table_view view;
	int err = cfi_compile(image, options ? options : &defaults, &view);

	cfi_image_close(image);
	return err ? err : unwind_table_adopt(&view, ret_table);
}

int unwind_table_build(int fd, const struct unwind_table_options *options,
		       struct unwind_table **ret_table)
{
	struct cfi_image image;
	int err = cfi_image_open(fd, &image);

	return err ? err : build(&image, options, ret_table);
}

int unwind_table_build_memory(const void *bytes, size_t size,
			      const struct unwind_table_options *options,
			      struct unwind_table **ret_table)
{
	struct cfi_image image;
	int err = cfi_image_open_memory(bytes, size, &image);

	return err ? err : build(&image, options, ret_table);
}

int unwind_table_adopt(const struct unwind_table_view *view, struct unwind_table **ret_table)
{
	struct unwind_table *table = malloc(sizeof(*table));

	if (!table) {
		free((void *)(uintptr_t)view->pages);
		free((void *)(uintptr_t)view->rows);
		free((void *)(uintptr_t)view->rules);
		return -ENOMEM;
	}
	table->view = *view;
	table->pages = (struct seep_unwind_page *)(uintptr_t)view->pages;
	table->rows = (uint32_t *)(uintptr_t)view->rows;
	table->rules = (struct seep_unwind_rule *)(uintptr_t)view->rules;
	*ret_table = table;
	return 0;
}

void unwind_table_free(struct unwind_table *table)
{
	if (!table)
		return;
	free(table->pages);
	free(table->rows);
	free(table->rules);
	free(table);
}

const char *unwind_table_fault(int err, const struct unwind_table_stats *stats)
{
	switch (err) {
	case 0:
		return stats->bad_entries || stats->bad_programs
			       ? "part of its call frame information is damaged"
			       : NULL;
	case -ENOENT:
		return "it has no call frame information that can be read";
	case -ENOEXEC:
		return "it is no ELF file of a known machine";
	case -EFBIG:
		return "its call frame information is too large to be right";
	case -EINVAL:
		return "its ELF headers are damaged";
	default:
		return strerror(-err);
	}
}

/* The steps are those of bpf/unwind_table.h. */
const struct seep_unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t pc)
{
	uint64_t number = (pc >> SEEP_PAGE_SHIFT) - table->view.first_page;
	const struct seep_unwind_page *page;
	uint32_t key = SEEP_UNWIND_KEY(pc), low = 0, high;
	const uint32_t *rows;

	if (number >= table->view.nr_pages)
		return &table->rules[SEEP_UNWIND_NO_RULE];
	page = &table->pages[number];
	if (!page->nr_rows)
		return &table->rules[SEEP_UNWIND_NO_RULE];
	rows = table->rows + page->first_row;
	high = page->nr_rows;
	/* rows[low] <= key < rows[high] */
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (rows[middle] <= key)
			low = middle;
		else
			high = middle;
	}
	return &table->rules[SEEP_UNWIND_ROW_RULE(rows[low])];
}

struct unwind_table_view unwind_table_view(const struct unwind_table *table)
{
	return table->view;
}

size_t unwind_table_bytes(const struct unwind_table *table)
{
	return sizeof(*table) + table->view.nr_pages * sizeof(*table->pages) +
	       table->view.nr_rows * sizeof(*table->rows) +
	       table->view.nr_rules * sizeof(*table->rules);
}

/* Where a page's rows go when `next` is the first free row. */
static uint64_t page_place(uint64_t next, uint32_t nr_rows)
{
	uint64_t left = SEEP_CHUNK_ROWS - next % SEEP_CHUNK_ROWS;

	return nr_rows > left ? next + left : next;
}

uint64_t unwind_table_placed_end(const struct unwind_table *table, uint64_t first_row)
{
	uint64_t next = first_row;

	for (uint32_t i = 0; i < table->view.nr_pages; i++)
		next = page_place(next, table->pages[i].nr_rows) + table->pages[i].nr_rows;
	return next;
}

void unwind_table_place(const struct unwind_table *table, uint64_t first_row,
			const uint16_t *rule_ids, uint32_t *rows, struct seep_unwind_page *pages)
{
	uint64_t next = first_row;

	for (uint32_t i = 0; i < table->view.nr_pages; i++) {
		const struct seep_unwind_page *page = &table->pages[i];
		uint64_t at = page_place(next, page->nr_rows);

		memset(rows + (next - first_row), 0, (at - next) * sizeof(*rows));
		pages[i] = (struct seep_unwind_page){ .first_row = (uint32_t)at,
						      .nr_rows = page->nr_rows };
		for (uint32_t k = 0; k < page->nr_rows; k++) {
			uint32_t row = table->rows[page->first_row + k];

			rows[at - first_row + k] = (row & 0xffff0000) |
						   rule_ids[SEEP_UNWIND_ROW_RULE(row)];
		}
		next = at + page->nr_rows;
	}
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the layout of rows in pages: each page of text stands alone, with a first row of
 * its own that says what held before it. Rows that repeat the rule before are left out.
 */
#include "stack/cfi_pages.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MAX_PAGES = 1 << 18, /* 1 GiB of text; the largest browsers have a quarter of that */
	MAX_ROWS = 1 << 24,
};

int cfi_pages_begin(struct cfi_pages *pages, uint64_t start, uint64_t end)
{
	struct cfi_pages fresh = { .first_page = start >> SEEP_PAGE_SHIFT };
	uint64_t nr_pages = ((end - 1) >> SEEP_PAGE_SHIFT) - fresh.first_page + 1;

	if (end <= start || nr_pages > MAX_PAGES)
		return -EFBIG;
	fresh.nr_pages = (uint32_t)nr_pages;
	fresh.pages = calloc(nr_pages, sizeof(*fresh.pages));
	if (!fresh.pages)
		return -ENOMEM;
	*pages = fresh;
	return 0;
}

static int write_row(struct cfi_pages *pages, uint64_t pc, uint16_t rule)
{
	if (pages->nr_rows == pages->cap_rows) {
		size_t cap = pages->cap_rows ? pages->cap_rows * 2 : 1024;
		uint32_t *grown;

		if (cap > MAX_ROWS)
			return -EFBIG;
		grown = reallocarray(pages->rows, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pages->rows = grown;
		pages->cap_rows = cap;
	}
	pages->rows[pages->nr_rows++] = SEEP_UNWIND_ROW(pc, rule);
	pages->pages[pages->nr_begun - 1].nr_rows++;
	pages->rule = rule;
	return 0;
}

/* A page of which nothing is known needs no row to say so. */
static void end_page(struct cfi_pages *pages)
{
	struct seep_unwind_page *page;

	if (!pages->nr_begun)
		return;
	page = &pages->pages[pages->nr_begun - 1];
	if (page->nr_rows == 1 &&
	    SEEP_UNWIND_ROW_RULE(pages->rows[page->first_row]) == SEEP_UNWIND_NO_RULE) {
		page->nr_rows = 0;
		pages->nr_rows--;
	}
}

/* Ends and begins pages up to the one numbered `page`, whose next row has this offset. */
static int go_to_page(struct cfi_pages *pages, uint64_t page, uint32_t offset)
{
	int err = 0;

	while (!err && pages->nr_begun <= page) {
		end_page(pages);
		pages->pages[pages->nr_begun].first_row = (uint32_t)pages->nr_rows;
		pages->nr_begun++;
		/* Not where the page's own first row takes that place. */
		if (offset || pages->nr_begun <= page)
			err = write_row(pages, 0, pages->rule);
	}
	return err;
}

static int write_pending(struct cfi_pages *pages)
{
	uint64_t pc = pages->pending_pc, page = (pc >> SEEP_PAGE_SHIFT) - pages->first_page;
	int err;

	if (!pages->pending || pages->pending_rule == pages->rule || page >= pages->nr_pages)
		return 0;
	err = go_to_page(pages, page, SEEP_UNWIND_ROW_OFFSET(SEEP_UNWIND_ROW(pc, 0)));
	return err ? err : write_row(pages, pc, pages->pending_rule);
}

int cfi_pages_add(struct cfi_pages *pages, uint64_t pc, uint16_t rule)
{
	int err = pages->pending_pc != pc ? write_pending(pages) : 0;

	pages->pending = true;
	pages->pending_pc = pc;
	pages->pending_rule = rule;
	return err;
}

int cfi_pages_finish(struct cfi_pages *pages)
{
	int err = write_pending(pages);

	/* What holds at the last row holds to the end of the text. */
	if (!err)
		err = go_to_page(pages, pages->nr_pages - 1, 1);
	if (!err)
		end_page(pages);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes rows, given by ascending address, as the page directory and rows of a table. */
#ifndef SEEP_STACK_CFI_PAGES_H
#define SEEP_STACK_CFI_PAGES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"

struct cfi_pages {
	uint64_t first_page;
	uint32_t nr_pages;
	struct seep_unwind_page *pages;
	uint32_t *rows;
	size_t nr_rows, cap_rows;
	/* the row not written yet, as another one for the same address may replace it */
	bool pending;
	uint64_t pending_pc;
	uint16_t pending_rule;
	uint16_t rule; /* of the last row written */
	uint32_t nr_begun; /* pages; the last of them is being written */
};

/* For addresses in [start, end). 0, -EFBIG when that is too much, -ENOMEM. */
int cfi_pages_begin(struct cfi_pages *pages, uint64_t start, uint64_t end);
/* From `pc` on, which is not below that of the last call, `rule` holds. 0, -EFBIG, -ENOMEM. */
int cfi_pages_add(struct cfi_pages *pages, uint64_t pc, uint16_t rule);
/* After the last row: completes `pages` and `rows`, which are the caller's to free. */
int cfi_pages_finish(struct cfi_pages *pages);

#endif

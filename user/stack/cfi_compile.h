/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the call frame information of a file to the parts of its unwind table. */
#ifndef SEEP_STACK_CFI_COMPILE_H
#define SEEP_STACK_CFI_COMPILE_H

#include "stack/cfi_image.h"
#include "stack/unwind_table.h"

/*
 * 0 with a view whose `pages`, `rows` and `rules` are the caller's to free; errors are
 * those of unwind_table_build.
 */
int cfi_compile(const struct cfi_image *image, const struct unwind_table_options *options,
		struct unwind_table_view *ret_view);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Machine code as the compiler of unwind tables looks at it: where may a call return to? */
#ifndef SEEP_STACK_CFI_CODE_H
#define SEEP_STACK_CFI_CODE_H

#include "stack/cfi_image.h"

struct cfi_code;

/* The image must outlive it. NULL when out of memory. */
struct cfi_code *cfi_code_new(const struct cfi_image *image);
void cfi_code_free(struct cfi_code *code);

/*
 * May a frame that is not the leaf be at an address in [start, end), by its call's bytes
 * (return addresses end a call; look-ups are made one byte before) or by a system call
 * in which a signal arrived? Wrong in one direction alone: data that looks like a call.
 */
bool cfi_code_has_call(struct cfi_code *code, uint64_t start, uint64_t end);

/*
 * The first code in [start, end) that returns from a signal handler, as the C libraries
 * (and the vDSO of aarch64) have it without call frame information; its length, 0 none.
 */
size_t cfi_code_find_restorer(struct cfi_code *code, uint64_t start, uint64_t end,
			      uint64_t *ret_address);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Encoded pointers of .eh_frame and .eh_frame_hdr (DW_EH_PE_*: Linux Standard Base core,
 * "DWARF Extensions").
 */
#ifndef SEEP_STACK_CFI_POINTER_H
#define SEEP_STACK_CFI_POINTER_H

#include "stack/cfi_cursor.h"

/* What relative pointers start from. */
struct cfi_bases {
	const uint8_t *bytes; /* this byte of the section under the cursor ... */
	uint64_t address; /* ... has this ELF address */
	uint64_t text, data, function;
};

/*
 * Reads a pointer. False when it cannot be read or its encoding means nothing;
 * *ret_indirect tells that the value is the address of the pointer.
 */
bool cfi_pointer(struct cfi_cursor *cursor, uint8_t encoding, const struct cfi_bases *bases,
		 uint64_t *ret_value, bool *ret_indirect);
/* A length in the same format: never relative. */
bool cfi_pointer_length(struct cfi_cursor *cursor, uint8_t encoding, uint64_t *ret_value);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the decoding of encoded pointers. It must not know what they point to. */
#include "stack/cfi_pointer.h"

#include <dwarf.h>

static bool read_format(struct cfi_cursor *cursor, uint8_t format, uint64_t *ret_value)
{
	switch (format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_signed: /* a pointer that is signed; both are 64 bits here */
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		*ret_value = cfi_number(cursor, 8);
		break;
	case DW_EH_PE_uleb128:
		*ret_value = cfi_uleb(cursor);
		break;
	case DW_EH_PE_sleb128:
		*ret_value = (uint64_t)cfi_sleb(cursor);
		break;
	case DW_EH_PE_udata2:
		*ret_value = cfi_number(cursor, 2);
		break;
	case DW_EH_PE_sdata2:
		*ret_value = (uint64_t)(int16_t)cfi_number(cursor, 2);
		break;
	case DW_EH_PE_udata4:
		*ret_value = cfi_number(cursor, 4);
		break;
	case DW_EH_PE_sdata4:
		*ret_value = (uint64_t)(int32_t)cfi_number(cursor, 4);
		break;
	default:
		return false;
	}
	return !cursor->failed;
}

bool cfi_pointer_length(struct cfi_cursor *cursor, uint8_t encoding, uint64_t *ret_value)
{
	return read_format(cursor, encoding & 0x0f, ret_value);
}

bool cfi_pointer(struct cfi_cursor *cursor, uint8_t encoding, const struct cfi_bases *bases,
		 uint64_t *ret_value, bool *ret_indirect)
{
	uint64_t here = bases->address + (uint64_t)(cursor->at - bases->bytes);
	uint64_t base = 0, value;

	switch (encoding & 0x70) {
	case 0:
		break;
	case DW_EH_PE_pcrel:
		base = here;
		break;
	case DW_EH_PE_textrel:
		base = bases->text;
		break;
	case DW_EH_PE_datarel:
		base = bases->data;
		break;
	case DW_EH_PE_funcrel:
		base = bases->function;
		break;
	case DW_EH_PE_aligned:
		if (!cfi_skip(cursor, -here & 7))
			return false;
		break;
	default:
		return false;
	}
	if (!read_format(cursor, encoding & 0x0f, &value))
		return false;
	*ret_value = base + value;
	*ret_indirect = encoding & DW_EH_PE_indirect;
	return true;
}

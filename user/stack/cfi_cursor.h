/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading numbers from bytes that may end anywhere. Past the end every read gives 0 and
 * sets `failed`, which is looked at once, after a group of reads.
 */
#ifndef SEEP_STACK_CFI_CURSOR_H
#define SEEP_STACK_CFI_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cfi_cursor {
	const uint8_t *at, *end;
	bool failed;
};

static inline size_t cfi_left(const struct cfi_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static inline const uint8_t *cfi_skip(struct cfi_cursor *cursor, uint64_t size)
{
	const uint8_t *at = cursor->at;

	if (size > cfi_left(cursor)) {
		cursor->failed = true;
		cursor->at = cursor->end;
		return NULL;
	}
	cursor->at += size;
	return at;
}

/* Little-endian, as both architectures are. */
static inline uint64_t cfi_number(struct cfi_cursor *cursor, size_t size)
{
	const uint8_t *at = cfi_skip(cursor, size);
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, size);
	return value;
}

static inline uint8_t cfi_byte(struct cfi_cursor *cursor)
{
	if (cursor->at == cursor->end) {
		cursor->failed = true;
		return 0;
	}
	return *cursor->at++;
}

/* Bits beyond the 64th are lost; a number of more than 10 bytes is padded at best. */
static inline uint64_t cfi_leb(struct cfi_cursor *cursor, bool is_signed)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = cfi_byte(cursor);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 128);
	if (byte & 0x80)
		cursor->failed = true;
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~(uint64_t)0 << shift;
	return value;
}

static inline uint64_t cfi_uleb(struct cfi_cursor *cursor)
{
	return cfi_leb(cursor, false);
}

static inline int64_t cfi_sleb(struct cfi_cursor *cursor)
{
	return (int64_t)cfi_leb(cursor, true);
}

#endif

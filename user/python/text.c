// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of str objects: Include/cpython/unicodeobject.h. One that is compact has its
 * characters behind its header, in 1, 2 or 4 bytes each; all others are of C's making, and
 * no name of a function. Where its state bits are has moved with 3.14.
 */
#include "python/code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LENGTH_AT = 16,
	STATE_AT = 32,
	HEADER = 40,
	UTF8_BYTES = 16, /* utf8_length and utf8, behind the header of what is not ASCII */
	WSTR_LENGTH_BYTES = 8, /* and this, up to 3.11 */
};

struct text_shape {
	uint64_t at;
	size_t length; /* characters, PYTHON_TEXT_MOST at most */
	unsigned width;
};

static bool take_state(uint32_t state, unsigned shift, unsigned *ret_kind, bool *ret_ascii)
{
	unsigned kind = state >> shift & 7;
	bool compact = state >> (shift + 3) & 1, ascii = state >> (shift + 4) & 1;

	if (!compact || (kind != 1 && kind != 2 && kind != 4) || (ascii && kind != 1))
		return false;
	*ret_kind = kind;
	*ret_ascii = ascii;
	return true;
}

static int read_shape(struct remote *remote, const struct python_layout *layout, uint64_t address,
		      struct text_shape *ret_shape)
{
	uint8_t header[HEADER];
	unsigned kind = 1;
	bool ascii = true;
	uint64_t length;
	uint32_t state;
	int err = remote_read(remote, address, header, sizeof(header));

	if (err)
		return err;
	memcpy(&length, header + LENGTH_AT, sizeof(length));
	memcpy(&state, header + STATE_AT, sizeof(state));
	if (length > UINT32_MAX)
		return -EFAULT;
	if (layout->major >= 3 && !take_state(state, 2, &kind, &ascii) &&
	    (layout->minor < 14 ||
	     (!take_state(state, 8, &kind, &ascii) && !take_state(state, 16, &kind, &ascii))))
		return -EFAULT;
	ret_shape->at = address + layout->text_data;
	if (!ascii)
		ret_shape->at += UTF8_BYTES + (layout->minor < 12 ? WSTR_LENGTH_BYTES : 0);
	ret_shape->length = length < PYTHON_TEXT_MOST ? length : PYTHON_TEXT_MOST;
	ret_shape->width = kind;
	return 0;
}

/* RFC 3629. */
static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	/* Half a surrogate pair, or nothing: the replacement character. */
	if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		c = 0xfffd;
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static uint32_t character(const uint8_t *bytes, unsigned width, size_t i)
{
	uint32_t c = 0;

	memcpy(&c, bytes + i * width, width);
	return c;
}

/* Control characters would end a line, or a terminal's patience. */
static char *encode(const uint8_t *bytes, const struct text_shape *shape, bool is_utf8)
{
	char *text = malloc(shape->length * 4 + 1), *to = text;

	for (size_t i = 0; text && i < shape->length; i++) {
		uint32_t c = character(bytes, shape->width, i);

		if (is_utf8)
			*to++ = c < ' ' || c == 0x7f ? '?' : (char)c;
		else
			to += put_utf8(to, c < ' ' || (c >= 0x7f && c < 0xa0) ? '?' : c);
	}
	if (text)
		*to = '\0';
	return text;
}

int python_text_read(struct remote *remote, const struct python_layout *layout, uint64_t address,
		     char **ret_text)
{
	uint8_t bytes[PYTHON_TEXT_MOST * 4];
	struct text_shape shape;
	char *text;
	int err = address ? read_shape(remote, layout, address, &shape) : -EFAULT;

	if (!err && shape.length)
		err = remote_read(remote, shape.at, bytes, shape.length * shape.width);
	if (err)
		return err;
	text = encode(bytes, &shape, layout->major < 3);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

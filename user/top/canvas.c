// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how text becomes cells: cleaning, widths, cutting. Marks that combine with the letter
 * before them are left out, as are characters that the C library knows no width of. Must not know
 * what the text says, nor how a terminal is driven.
 */
#include "top/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "report/label.h"

struct canvas {
	int width, height;
	bool utf8;
	struct canvas_cell *cells;
};

struct canvas *canvas_new(int width, int height, bool utf8)
{
	struct canvas *canvas = calloc(1, sizeof(*canvas));

	if (!canvas)
		return NULL;
	canvas->width = width > 0 ? width : 1;
	canvas->height = height > 0 ? height : 1;
	canvas->utf8 = utf8;
	canvas->cells = calloc((size_t)canvas->width * canvas->height, sizeof(*canvas->cells));
	if (!canvas->cells) {
		free(canvas);
		return NULL;
	}
	for (int i = 0; i < canvas->width * canvas->height; i++)
		canvas->cells[i] = (struct canvas_cell){ ' ', 1, CANVAS_PLAIN };
	return canvas;
}

void canvas_free(struct canvas *canvas)
{
	if (!canvas)
		return;
	free(canvas->cells);
	free(canvas);
}

int canvas_width(const struct canvas *canvas)
{
	return canvas->width;
}

int canvas_height(const struct canvas *canvas)
{
	return canvas->height;
}

const struct canvas_cell *canvas_line(const struct canvas *canvas, int line)
{
	if (line < 0 || line >= canvas->height)
		return NULL;
	return &canvas->cells[(size_t)line * canvas->width];
}

/* The next character of well-formed UTF-8, which label_clean leaves. */
static uint32_t next_character(const char **text)
{
	const unsigned char *s = (const unsigned char *)*text;
	int length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t character = length == 1 ? s[0] : s[0] & (0xff >> (length + 1));

	for (int i = 1; i < length; i++)
		character = character << 6 | (s[i] & 0x3f);
	*text += length;
	return character;
}

/* What is shown of a character, and how wide it is; 0 for one that is left out. */
static int width_of(const struct canvas *canvas, uint32_t *character)
{
	int width;

	if (*character < 0x80)
		return 1;
	if (!canvas->utf8) {
		*character = '?';
		return 1;
	}
	width = wcwidth((wchar_t)*character);
	return width < 0 || width > 2 ? 0 : width;
}

static int text_width(const struct canvas *canvas, const char *text)
{
	int width = 0;

	while (*text) {
		uint32_t character = next_character(&text);

		width += width_of(canvas, &character);
	}
	return width;
}

/* A wide character that is half overwritten is none any more. */
static void uncover(struct canvas *canvas, int line, int column)
{
	struct canvas_cell *cell = &canvas->cells[(size_t)line * canvas->width + column];

	if (cell->width == 0 && column > 0)
		cell[-1] = (struct canvas_cell){ ' ', 1, cell[-1].style };
	if (cell->width == 2 && column + 1 < canvas->width)
		cell[1] = (struct canvas_cell){ ' ', 1, cell[1].style };
}

static int put_character(struct canvas *canvas, int line, int column, uint32_t character, int width,
			 enum canvas_style style)
{
	struct canvas_cell *cell = &canvas->cells[(size_t)line * canvas->width + column];

	for (int i = 0; i < width; i++)
		uncover(canvas, line, column + i);
	cell[0] = (struct canvas_cell){ character, (uint8_t)width, (uint8_t)style };
	if (width == 2)
		cell[1] = (struct canvas_cell){ ' ', 0, (uint8_t)style };
	return column + width;
}

/* `text` is clean, and the place within the canvas. */
static int put_clean(struct canvas *canvas, int line, int column, int end, enum canvas_style style,
		     const char *text)
{
	bool fits = text_width(canvas, text) <= end - column;

	while (*text) {
		uint32_t character = next_character(&text);
		int width = width_of(canvas, &character);

		if (width && column + width > end - !fits)
			break;
		if (width)
			column = put_character(canvas, line, column, character, width, style);
	}
	if (!fits && column < end)
		column = put_character(canvas, line, column, canvas->utf8 ? 0x2026 : '~', 1, style);
	return column;
}

int canvas_put(struct canvas *canvas, int line, int column, int columns, enum canvas_style style,
	       const char *text)
{
	int end = columns < canvas->width - column ? column + columns : canvas->width;
	char *clean;

	if (line < 0 || line >= canvas->height || column < 0 || column >= end)
		return column;
	clean = label_clean(text);
	if (clean)
		column = put_clean(canvas, line, column, end, style, clean);
	free(clean);
	return column;
}

void canvas_put_right(struct canvas *canvas, int line, int column, int columns,
		      enum canvas_style style, const char *text)
{
	char *clean = label_clean(text);
	int width = clean ? text_width(canvas, clean) : 0;

	if (width < columns)
		canvas_put(canvas, line, column + columns - width, width, style, text);
	else
		canvas_put(canvas, line, column, columns, style, text);
	free(clean);
}

int canvas_say(struct canvas *canvas, int line, int column, enum canvas_style style,
	       const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length >= 0) {
		column = canvas_put(canvas, line, column, canvas->width - column, style, text);
		free(text);
	}
	return column;
}

/* Bytes of `text` that fit into so many columns, up to a blank where there is one. */
static size_t breaking_point(const struct canvas *canvas, const char *text, int columns)
{
	const char *at = text, *blank = NULL;
	int width = 0;

	while (*at) {
		const char *before = at;
		uint32_t character = next_character(&at);
		int more = width_of(canvas, &character);

		if (character == ' ')
			blank = before;
		if (width + more > columns)
			return blank && blank > text ? blank - text : before - text;
		width += more;
	}
	return at - text;
}

int canvas_wrap(struct canvas *canvas, int line, int column, int lines, enum canvas_style style,
		const char *text)
{
	char *clean = label_clean(text), *rest = clean;
	int used = 0, columns = canvas->width - column;

	while (rest && *rest && used < lines && columns > 2) {
		size_t length = breaking_point(canvas, rest, columns);
		char kept = rest[length];

		if (used + 1 < lines)
			rest[length] = '\0';
		canvas_put(canvas, line + used++, column, columns, style, rest);
		rest[length] = kept;
		rest += length;
		rest += strspn(rest, " ");
		if (!length)
			break;
	}
	free(clean);
	return used;
}

void canvas_paint(struct canvas *canvas, int line, enum canvas_style style)
{
	for (int i = 0; line >= 0 && line < canvas->height && i < canvas->width; i++)
		canvas->cells[(size_t)line * canvas->width + i].style = (uint8_t)style;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

char *canvas_text(const struct canvas *canvas)
{
	char *text = malloc((size_t)canvas->height * (4 * (size_t)canvas->width + 1) + 1);
	char *out = text;

	for (int line = 0; text && line < canvas->height; line++) {
		const struct canvas_cell *cells = canvas_line(canvas, line);
		char *begin = out;

		for (int i = 0; i < canvas->width; i++)
			if (cells[i].width)
				out = put_utf8(out, cells[i].character);
		while (out > begin && out[-1] == ' ')
			out--;
		*out++ = '\n';
	}
	if (text)
		*out = '\0';
	return text;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A page of character cells with styles, as large as the terminal: what views draw on, and what
 * the screen shows. Text is cleaned as it is put: nothing on a canvas can drive a terminal.
 */
#ifndef SEEP_TOP_CANVAS_H
#define SEEP_TOP_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

enum canvas_style {
	CANVAS_PLAIN = 0,
	CANVAS_BOLD,
	CANVAS_DIM,
	CANVAS_BAR, /* the title, the heads of columns, the keys */
	CANVAS_CHOSEN, /* the selected row */
	CANVAS_BAD,
	CANVAS_WARNING,
	CANVAS_GOOD,
	CANVAS_STYLES,
};

struct canvas_cell {
	uint32_t character; /* ' ' where there is nothing */
	uint8_t width; /* 1 or 2; 0: covered by the wide one before it */
	uint8_t style;
};

struct canvas;

/* `utf8`: the terminal shows more than ASCII. NULL when out of memory. */
struct canvas *canvas_new(int width, int height, bool utf8);
void canvas_free(struct canvas *canvas);
int canvas_width(const struct canvas *canvas);
int canvas_height(const struct canvas *canvas);
/* The cells of a line, canvas_width of them; NULL for a line that is not there. */
const struct canvas_cell *canvas_line(const struct canvas *canvas, int line);

/*
 * Puts foreign or own text within `columns` columns; what does not fit ends with a mark. Places
 * outside of the canvas are left out. Returns the column after the text.
 */
int canvas_put(struct canvas *canvas, int line, int column, int columns, enum canvas_style style,
	       const char *text);
/* The same, at the right end of the columns. */
void canvas_put_right(struct canvas *canvas, int line, int column, int columns,
		      enum canvas_style style, const char *text);
/* As canvas_put, up to the end of the line. */
int canvas_say(struct canvas *canvas, int line, int column, enum canvas_style style,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Text of several lines, broken at blanks: at most `lines` of them. Returns how many. */
int canvas_wrap(struct canvas *canvas, int line, int column, int lines, enum canvas_style style,
		const char *text);
/* Gives a whole line a style. */
void canvas_paint(struct canvas *canvas, int line, enum canvas_style style);

/* All lines as UTF-8 without styles and without blanks at their ends. The caller frees it. */
char *canvas_text(const struct canvas *canvas);

#endif

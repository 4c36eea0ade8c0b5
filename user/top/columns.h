/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Columns of a list: which there is room for, and where they are. */
#ifndef SEEP_TOP_COLUMNS_H
#define SEEP_TOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "top/canvas.h"

enum { COLUMNS_MOST = 16, COLUMN_TEXT = 512 };

struct column {
	const char *head;
	int width; /* 0: takes what the others leave */
	int least_canvas; /* shown on canvases at least so wide */
	bool right; /* figures */
	int order; /* what the list is sorted by when it is by this; -1 never */
};

struct columns {
	const struct column *all;
	size_t nr;
	int begin[COLUMNS_MOST], width[COLUMNS_MOST]; /* width 0: not shown */
};

/* Lays out from column `from` on. */
void columns_lay_out(struct columns *columns, const struct column *all, size_t nr, int from,
		     int canvas_width);
/* The line of heads; that of `order` is marked by which way it is sorted. */
void columns_draw_heads(const struct columns *columns, struct canvas *canvas, int line, int order,
			bool reverse);
void columns_draw(const struct columns *columns, struct canvas *canvas, int line, size_t column,
		  enum canvas_style style, const char *text);

#endif

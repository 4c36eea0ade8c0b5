// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the layout of lists. */
#include "top/columns.h"

#include <stdio.h>

void columns_lay_out(struct columns *columns, const struct column *all, size_t nr, int from,
		     int canvas_width)
{
	int left = canvas_width - from, at = from;
	size_t flexible = 0;

	*columns = (struct columns){ .all = all, .nr = nr < COLUMNS_MOST ? nr : COLUMNS_MOST };
	for (size_t i = 0; i < columns->nr; i++) {
		if (canvas_width < all[i].least_canvas)
			continue;
		flexible += !all[i].width;
		left -= all[i].width + 1;
	}
	/* The last one has no gap behind it. */
	left++;
	for (size_t i = 0; i < columns->nr; i++) {
		if (canvas_width < all[i].least_canvas)
			continue;
		columns->begin[i] = at;
		columns->width[i] = all[i].width;
		if (!all[i].width && left > 0)
			columns->width[i] = left / (int)flexible;
		if (columns->width[i])
			at += columns->width[i] + 1;
	}
}

void columns_draw(const struct columns *columns, struct canvas *canvas, int line, size_t column,
		  enum canvas_style style, const char *text)
{
	if (!columns->width[column])
		return;
	if (columns->all[column].right)
		canvas_put_right(canvas, line, columns->begin[column], columns->width[column],
				 style, text);
	else
		canvas_put(canvas, line, columns->begin[column], columns->width[column], style,
			   text);
}

void columns_draw_heads(const struct columns *columns, struct canvas *canvas, int line, int order,
			bool reverse)
{
	canvas_paint(canvas, line, CANVAS_BAR);
	for (size_t i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->all[i];
		char head[32];

		snprintf(head, sizeof(head), "%s%s",
			 order < 0 || column->order != order ? ""
			 : reverse			     ? "<"
							     : ">",
			 column->head);
		columns_draw(columns, canvas, line, i, CANVAS_BAR, head);
	}
}

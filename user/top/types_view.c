// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns how the living objects of a process look, by type. */
#include <inttypes.h>
#include <stdio.h>

#include "report/words.h"
#include "top/columns.h"
#include "top/figures.h"
#include "top/view.h"

enum { COLUMN_COUNT, COLUMN_DELTA, COLUMN_RATE, COLUMN_BYTES, COLUMN_TREND, COLUMN_TYPE, COLUMNS };

static const struct column table[COLUMNS] = {
	[COLUMN_COUNT] = { "COUNT", 11, 0, true, -1 },
	[COLUMN_DELTA] = { "GROWN", 11, 0, true, 0 },
	[COLUMN_RATE] = { "A SECOND", 10, 0, true, -1 },
	[COLUMN_BYTES] = { "BYTES", 7, 0, true, -1 },
	[COLUMN_TREND] = { "TREND", 9, 0, false, -1 },
	[COLUMN_TYPE] = { "TYPE", 0, 0, false, -1 },
};

enum { MARKS = 2 };

static const char *signed_count(struct figure *figure, int64_t value)
{
	struct figure size;

	snprintf(figure->text, sizeof(figure->text), "%s%.20s",
		 value > 0   ? "+"
		 : value < 0 ? "-"
			     : "",
		 figure_count(&size, value < 0 ? -(uint64_t)value : (uint64_t)value));
	return figure->text;
}

static const char *phase_words(const struct types_news *types)
{
	switch (types->phase) {
	case TYPES_STARTING:
		return "its objects are being counted";
	case TYPES_ENDED:
		return "HAS ENDED: this is what was seen last";
	case TYPES_FAILED:
		return types->nr_rows ? "CANNOT BE READ ANY MORE" : "cannot be read";
	default:
		return types->runtime;
	}
}

static int draw_head(const struct top_state *state, struct canvas *canvas)
{
	const struct types_news *types = &state->types;
	struct figure objects, delta;
	struct words seconds;
	int column, line = 1;

	canvas_paint(canvas, 0, CANVAS_BAR);
	column = canvas_say(canvas, 0, 0, CANVAS_BAR, "%s (%d)  objects by type  %s%s", types->comm,
			    (int)types->pid, phase_words(types), state->paused ? "  PAUSED" : "");
	if (types->censuses)
		canvas_say(canvas, 0, column, CANVAS_BAR, "  %zu counts, the last in %.2f s",
			   types->censuses, types->cost);
	if (*types->problem)
		line += canvas_wrap(canvas, line, 0, 3, CANVAS_WARNING, types->problem);
	if (!types->censuses)
		return line;
	canvas_say(canvas, line++, 0, CANVAS_PLAIN,
		   "%s objects, %s in %s (%+.1f a second); collector %s",
		   figure_count(&objects, types->objects), signed_count(&delta, types->delta),
		   words_seconds(&seconds, types->seconds), types->rate,
		   types->collector < 0	  ? "not known to be on"
		   : types->collector > 0 ? "on"
					  : "OFF: cycles are never freed");
	canvas_say(canvas, line++, 0, CANVAS_BOLD, "Verdict: %s",
		   types->verdict ? types->verdict : "too little data");
	return line;
}

static void draw_row(const struct columns *columns, struct canvas *canvas, int line,
		     const struct types_row *row, bool chosen)
{
	bool grows = row->trend && row->trend[0] == 'g';
	enum canvas_style style = chosen ? CANVAS_CHOSEN : grows ? CANVAS_BAD : CANVAS_PLAIN;
	struct figure figure;
	char rate[32];

	if (chosen) {
		canvas_paint(canvas, line, style);
		canvas_put(canvas, line, 0, 1, style, ">");
	}
	columns_draw(columns, canvas, line, COLUMN_COUNT, style, figure_count(&figure, row->count));
	columns_draw(columns, canvas, line, COLUMN_DELTA, style, signed_count(&figure, row->delta));
	snprintf(rate, sizeof(rate), "%+.1f", row->rate);
	columns_draw(columns, canvas, line, COLUMN_RATE, style, row->delta ? rate : "0");
	columns_draw(columns, canvas, line, COLUMN_BYTES, style,
		     figure_bytes(&figure, (double)row->bytes));
	columns_draw(columns, canvas, line, COLUMN_TREND, style, row->trend ? row->trend : "");
	columns_draw(columns, canvas, line, COLUMN_TYPE, style, row->name);
}

void types_draw(struct top_state *state, struct canvas *canvas)
{
	int line = draw_head(state, canvas);
	struct list *list = &state->types_list;
	struct columns columns;

	columns_lay_out(&columns, table, COLUMNS, MARKS, canvas_width(canvas));
	columns_draw_heads(&columns, canvas, line++, 0, false);
	state->lines = canvas_height(canvas) - 1 - line;
	list_fit(list, state->types.nr_rows, state->lines > 0 ? state->lines : 0);
	for (int i = 0; i < state->lines && list->first + i < state->types.nr_rows; i++)
		draw_row(&columns, canvas, line + i, &state->types.rows[list->first + i],
			 list->first + i == list->chosen);
}

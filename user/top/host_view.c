// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how the host and its processes look: what grows stands out, the rest stays quiet. The
 * chosen row is told by a mark too, since not all terminals can show a line in reverse.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/words.h"
#include "top/columns.h"
#include "top/figures.h"
#include "top/view.h"

enum {
	COLUMN_PID,
	COLUMN_NAME,
	COLUMN_CGROUP,
	COLUMN_CPU,
	COLUMN_MEMORY,
	COLUMN_GROWTH,
	COLUMN_LIMIT,
	COLUMN_ROOM,
	COLUMN_TIME,
	COLUMN_BETWEEN,
	COLUMN_TREND,
	COLUMNS,
};

static const struct column table[COLUMNS] = {
	[COLUMN_PID] = { "PID", 7, 0, true, ORDER_PID },
	[COLUMN_NAME] = { "NAME", 0, 0, false, -1 },
	[COLUMN_CGROUP] = { "CGROUP", 0, 110, false, -1 },
	[COLUMN_CPU] = { "CPU%", 5, 88, true, ORDER_CPU },
	[COLUMN_MEMORY] = { "MEMORY", 7, 0, true, ORDER_MEMORY },
	[COLUMN_GROWTH] = { "GROWTH/m", 9, 0, true, ORDER_GROWTH },
	[COLUMN_LIMIT] = { "LIMIT", 6, 0, true, -1 },
	[COLUMN_ROOM] = { "ROOM", 6, 0, true, -1 },
	[COLUMN_TIME] = { "TO LIMIT", 9, 0, true, ORDER_TIME },
	[COLUMN_BETWEEN] = { "BETWEEN", 19, 125, false, -1 },
	[COLUMN_TREND] = { "TREND", 7, 0, false, -1 },
};

enum { MARKS = 2, DETAIL_LINES = 3 };

static enum canvas_style style_of(const struct overview_row *row)
{
	switch (row->shape) {
	case SERIES_RISING:
		return CANVAS_BAD;
	case SERIES_SLOWING:
	case SERIES_STEP:
		return CANVAS_WARNING;
	default:
		return CANVAS_PLAIN;
	}
}

static void between(const struct overview_row *row, char text[64])
{
	struct figure earliest, latest;

	*text = '\0';
	if (isfinite(row->time_to_limit) && isfinite(row->earliest))
		snprintf(text, 64, "%s - %s", figure_time(&earliest, row->earliest),
			 isfinite(row->latest) ? figure_time(&latest, row->latest) : "never");
}

static void draw_row(const struct columns *columns, struct canvas *canvas, int line,
		     const struct overview_row *row)
{
	enum canvas_style style = style_of(row);
	struct figure figure;
	char text[COLUMN_TEXT];

	snprintf(text, sizeof(text), "%d", (int)row->pid);
	columns_draw(columns, canvas, line, COLUMN_PID, style, text);
	/* Where there is no column for it, the container stands behind the name. */
	snprintf(text, sizeof(text), "%s%s%s", row->comm,
		 row->place && !columns->width[COLUMN_CGROUP] ? " @" : "",
		 row->place && !columns->width[COLUMN_CGROUP] ? row->place : "");
	columns_draw(columns, canvas, line, COLUMN_NAME, style, text);
	columns_draw(columns, canvas, line, COLUMN_CGROUP, style,
		     row->place	   ? row->place
		     : row->cgroup ? row->cgroup
				   : "");
	columns_draw(columns, canvas, line, COLUMN_CPU, style, figure_percent(&figure, row->cpu));
	columns_draw(columns, canvas, line, COLUMN_MEMORY, style,
		     figure_bytes(&figure, (double)row->anonymous));
	columns_draw(columns, canvas, line, COLUMN_GROWTH, style,
		     row->looks > 1 ? figure_growth(&figure, row->rate) : "?");
	columns_draw(columns, canvas, line, COLUMN_LIMIT, style, figure_limit(&figure, row->limit));
	columns_draw(columns, canvas, line, COLUMN_ROOM, style, figure_limit(&figure, row->room));
	columns_draw(columns, canvas, line, COLUMN_TIME, style,
		     figure_time(&figure, row->time_to_limit));
	between(row, text);
	columns_draw(columns, canvas, line, COLUMN_BETWEEN, style, text);
	columns_draw(columns, canvas, line, COLUMN_TREND, style, overview_trend(row));
}

static void draw_memory(const struct overview *s, struct canvas *canvas, int line)
{
	struct figure total, available, swap, used;
	int column = canvas_put(canvas, line, 0, 8, CANVAS_BOLD, "Memory ");

	column = canvas_say(canvas, line, column, CANVAS_PLAIN, "%s, %s available",
			    figure_limit(&total, s->memory_total),
			    figure_limit(&available, s->memory_available));
	column = canvas_put(canvas, line, column + 2, 7, CANVAS_BOLD, "Swap ");
	if (s->swap_total == 0)
		column = canvas_put(canvas, line, column, 8, CANVAS_PLAIN, "none");
	else
		column = canvas_say(
			canvas, line, column, CANVAS_PLAIN, "%s of %s",
			s->swap_total == OVERVIEW_UNKNOWN || s->swap_free == OVERVIEW_UNKNOWN
				? "?"
				: figure_bytes(&used, (double)(s->swap_total - s->swap_free)),
			figure_limit(&swap, s->swap_total));
	column = canvas_put(canvas, line, column + 2, 10, CANVAS_BOLD, "Pressure ");
	if (s->pressure_known)
		canvas_say(canvas, line, column,
			   s->pressure_full >= 1 || s->pressure_some >= 10 ? CANVAS_BAD
									   : CANVAS_PLAIN,
			   "some %.1f%% all %.1f%%", s->pressure_some, s->pressure_full);
	else
		canvas_put(canvas, line, column, 10, CANVAS_PLAIN, "?");
}

static void draw_kills(const struct overview *s, struct canvas *canvas, int line)
{
	int column = canvas_put(canvas, line, 0, 11, CANVAS_BOLD, "OOM kills ");
	struct figure clock, count, limit, memory;

	if (!s->kills_known)
		canvas_put(canvas, line, column, 60, CANVAS_PLAIN,
			   "not seen: the kernel does not let seep listen");
	else if (!s->nr_kills_seen)
		canvas_put(canvas, line, column, 40, CANVAS_PLAIN, "none since seep was started");
	else
		column = canvas_say(canvas, line, column, CANVAS_BAD,
				    "%s:", figure_count(&count, s->nr_kills_seen));
	for (size_t i = 0; i < s->nr_kills && column < canvas_width(canvas) - 8; i++) {
		const struct overview_kill *kill = &s->kills[i];

		column = canvas_say(
			canvas, line, column, CANVAS_BAD, " %s %s (%d), %s%s%s%s%s;",
			figure_clock(&clock, kill->time), kill->comm, (int)kill->pid,
			figure_limit(&memory, kill->anonymous),
			kill->limit < OVERVIEW_UNKNOWN ? " at the limit of " : "",
			kill->limit < OVERVIEW_UNKNOWN ? figure_limit(&limit, kill->limit) : "",
			kill->cgroup ? " of " : "", kill->cgroup ? kill->cgroup : "");
	}
}

static void draw_title(const struct top_state *state, struct canvas *canvas)
{
	const struct overview *s = state->overview;
	struct figure clock, processes, cpu;

	canvas_paint(canvas, 0, CANVAS_BAR);
	if (!s) {
		canvas_put(canvas, 0, 0, 60, CANVAS_BAR, "seep top  looking for the first time");
		return;
	}
	canvas_say(canvas, 0, 0, CANVAS_BAR,
		   "seep top  %s  %s  %s processes  every %.3g s  seep %s%% CPU%s",
		   s->host ? s->host : "", figure_clock(&clock, s->time),
		   figure_count(&processes, s->processes), state->interval,
		   figure_percent(&cpu, s->own_cpu), state->paused ? "  PAUSED" : "");
}

static void draw_filter(const struct top_state *state, struct canvas *canvas, int line)
{
	struct figure shown, all;
	int column;

	if (!*state->filter)
		return;
	column = canvas_put(canvas, line, 0, 8, CANVAS_BOLD, "Filter ");
	column = canvas_put(canvas, line, column, 30, CANVAS_WARNING, state->filter);
	canvas_say(canvas, line, column, CANVAS_PLAIN, "  %s of %s  (Esc: all)",
		   figure_count(&shown, state->nr_rows),
		   figure_count(&all, state->overview ? state->overview->nr_rows : 0));
}

int host_head(const struct top_state *state, struct canvas *canvas)
{
	char *watch = watch_line(&state->watch);
	int column, line = 3;

	draw_title(state, canvas);
	if (state->overview) {
		draw_memory(state->overview, canvas, 1);
		draw_kills(state->overview, canvas, 2);
	}
	column = canvas_put(canvas, line, 0, 9, CANVAS_BOLD, "Tracing ");
	canvas_put(canvas, line++, column, canvas_width(canvas),
		   state->watch.phase == WATCH_NONE ? CANVAS_PLAIN : CANVAS_GOOD,
		   watch ? watch : "?");
	free(watch);
	if (*state->filter)
		draw_filter(state, canvas, line++);
	return line;
}

/* All that is known of the chosen one, which the columns may have no room for. */
static void draw_detail(const struct overview_row *row, struct canvas *canvas, int line)
{
	struct words memory, swap, limit, room, rate;
	struct figure time, cpu;
	char text[1024], range[64], bounds[160] = "";

	between(row, range);
	if (isfinite(row->time_to_limit))
		snprintf(bounds, sizeof(bounds), ", reached in %s%s%s%s",
			 figure_time(&time, row->time_to_limit), *range ? " (" : "", range,
			 *range ? ")" : "");
	snprintf(text, sizeof(text), "%s (%d): %s in memory%s%s%s, %s over %.0f s, %s; CPU %s%%.",
		 row->comm, (int)row->pid, words_bytes(&memory, (double)row->anonymous),
		 row->swap ? " and " : "", row->swap ? words_bytes(&swap, (double)row->swap) : "",
		 row->swap ? " swapped" : "", words_growth(&rate, row->rate), row->seconds,
		 row->shape == SERIES_TOO_SHORT ? "too little data" : overview_trend(row),
		 figure_percent(&cpu, row->cpu));
	canvas_put(canvas, line, 0, canvas_width(canvas), CANVAS_BOLD, text);
	if (row->limit_name && row->limit < OVERVIEW_UNKNOWN)
		snprintf(text, sizeof(text), "%s left of %s, %s%s%s%s.",
			 words_bytes(&room, (double)row->room),
			 words_bytes(&limit, (double)row->limit), row->limit_name, bounds,
			 row->cgroup ? "; in cgroup " : "", row->cgroup ? row->cgroup : "");
	else
		snprintf(text, sizeof(text), "No limit is known%s%s.",
			 row->cgroup ? "; in cgroup " : "", row->cgroup ? row->cgroup : "");
	canvas_wrap(canvas, line + 1, 0, DETAIL_LINES - 1, CANVAS_PLAIN, text);
}

/* ">" the chosen one, "*" the one that is traced. */
static void draw_marks(const struct top_state *state, struct canvas *canvas, int line, size_t index)
{
	const struct overview_row *row = &state->overview->rows[state->rows[index]];
	bool traced = top_state_traces(state) && row->pid == state->watch.pid;

	if (index == state->list.chosen) {
		canvas_paint(canvas, line, CANVAS_CHOSEN);
		canvas_put(canvas, line, 0, 1, CANVAS_CHOSEN, ">");
	}
	if (traced)
		canvas_put(canvas, line, 1, 1,
			   index == state->list.chosen ? CANVAS_CHOSEN : CANVAS_GOOD, "*");
}

void host_draw(struct top_state *state, struct canvas *canvas)
{
	int line = host_head(state, canvas), height = canvas_height(canvas);
	int detail = height >= 18 ? DETAIL_LINES : 0;
	const struct overview_row *chosen;
	struct columns columns;

	columns_lay_out(&columns, table, COLUMNS, MARKS, canvas_width(canvas));
	columns_draw_heads(&columns, canvas, line++, state->order, state->reverse);
	/* The last line is for keys. */
	state->lines = height - line - 1 - detail;
	list_fit(&state->list, state->nr_rows, state->lines > 0 ? state->lines : 0);
	for (int i = 0; i < state->lines && state->list.first + i < state->nr_rows; i++) {
		size_t index = state->list.first + i;

		draw_row(&columns, canvas, line + i, &state->overview->rows[state->rows[index]]);
		draw_marks(state, canvas, line + i, index);
	}
	chosen = top_state_chosen(state);
	if (detail && chosen)
		draw_detail(chosen, canvas, height - 1 - detail);
	if (state->overview && !state->nr_rows)
		canvas_put(canvas, line, MARKS, 60, CANVAS_PLAIN, "no process matches");
}

char *host_table(const struct top_state *state, size_t nr, int width, bool utf8)
{
	struct canvas *canvas = canvas_new(width, (int)nr + 1, utf8);
	struct columns columns;
	char *text;

	if (!canvas)
		return NULL;
	columns_lay_out(&columns, table, COLUMNS, 0, width);
	columns_draw_heads(&columns, canvas, 0, -1, false);
	for (size_t i = 0; i < nr; i++)
		draw_row(&columns, canvas, (int)i + 1, &state->overview->rows[state->rows[i]]);
	text = canvas_text(canvas);
	canvas_free(canvas);
	return text;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns what all pages share: the last line with keys, a prompt or a message; and the help. */
#include "top/view.h"

#include <string.h>

static const char *const help_text[] = {
	"seep top: who grows on this host, and where in the code",
	"",
	" Up Down j k  PgUp PgDn Home End   choose a row",
	" Enter    trace the chosen process, within the budget: its sites live",
	" d        end the tracing: probes are taken out",
	" t        living objects of a Python process, by type",
	" s        save what was traced as a capture, for seep report and diff",
	" /        filter by name, pid or cgroup        Esc  all again",
	" p Space  pause: what is seen stays            q    back, and quit",
	"",
	" Processes are sorted by  G growth  M memory  L time to limit  C CPU  P pid",
	" Sites are sorted by      G growth  M bytes   N number         r turns round",
	"",
	" GROWTH/m   anonymous memory a minute, over the last minute, robust",
	" LIMIT ROOM of what is reached first: a cgroup or one above it, rlimit, host",
	" TO LIMIT   when, at this growth; only of what really grows",
	" TREND      growing: and goes on; filling: by less and less; stepped: once;",
	"            steady; falling; too new: fewer than 12 looks",
	" > chosen   * traced",
};

static const char *keys_of(const struct top_state *state)
{
	if (state->help)
		return "any key: back";
	switch (state->page) {
	case PAGE_SITES:
		return "q back  d detach  s save  t types  G M N sort  r turn  p pause  h help";
	case PAGE_TYPES:
		return "q back  p pause  h help";
	default:
		return "Enter trace  t types  d detach  GMLCP sort  / filter  p pause  h help  q "
		       "quit";
	}
}

void help_draw(const struct top_state *state, struct canvas *canvas)
{
	for (int i = 0; i < (int)(sizeof(help_text) / sizeof(*help_text)); i++)
		canvas_put(canvas, i, 0, canvas_width(canvas), i ? CANVAS_PLAIN : CANVAS_BOLD,
			   help_text[i]);
}

static void draw_prompt(const struct top_state *state, struct canvas *canvas, int line)
{
	int column = canvas_put(canvas, line, 0, 10, CANVAS_BOLD,
				state->prompt == PROMPT_SAVE ? "Save to " : "Filter ");

	column = canvas_put(canvas, line, column, canvas_width(canvas) - column - 1, CANVAS_PLAIN,
			    state->line);
	canvas_put(canvas, line, column, 1, CANVAS_CHOSEN, "_");
}

static void draw_last_line(const struct top_state *state, struct canvas *canvas)
{
	int line = canvas_height(canvas) - 1;

	if (state->prompt != PROMPT_NONE) {
		draw_prompt(state, canvas, line);
	} else if (*state->message) {
		canvas_put(canvas, line, 0, canvas_width(canvas), CANVAS_BOLD, state->message);
	} else {
		canvas_paint(canvas, line, CANVAS_BAR);
		canvas_put(canvas, line, 0, canvas_width(canvas), CANVAS_BAR, keys_of(state));
	}
}

void top_draw(struct top_state *state, struct canvas *canvas)
{
	if (state->help)
		help_draw(state, canvas);
	else if (state->page == PAGE_SITES)
		sites_draw(state, canvas);
	else if (state->page == PAGE_TYPES)
		types_draw(state, canvas);
	else
		host_draw(state, canvas);
	draw_last_line(state, canvas);
}

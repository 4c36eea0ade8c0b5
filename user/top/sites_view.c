// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how the traced process looks: the verdict first, then its sites, then how the chosen one
 * comes to allocate. Reads a profile, as the reports do.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/label.h"
#include "report/words.h"
#include "top/columns.h"
#include "top/figures.h"
#include "top/view.h"

enum {
	COLUMN_BYTES,
	COLUMN_COUNT,
	COLUMN_GROWTH,
	COLUMN_VERDICT,
	COLUMN_FUNCTION,
	COLUMN_OPERATION,
	COLUMNS,
};

static const struct column table[COLUMNS] = {
	[COLUMN_BYTES] = { "LIVE", 7, 0, true, SITES_BY_BYTES },
	[COLUMN_COUNT] = { "BLOCKS", 9, 0, true, SITES_BY_COUNT },
	[COLUMN_GROWTH] = { "GROWTH/m", 9, 0, true, SITES_BY_GROWTH },
	[COLUMN_VERDICT] = { "VERDICT", 12, 0, false, -1 },
	[COLUMN_FUNCTION] = { "FUNCTION", 0, 0, false, -1 },
	[COLUMN_OPERATION] = { "BY", 16, 100, false, -1 },
};

enum { MARKS = 2, LEAST_LIST = 4 };

static const char *phase_words(enum watch_phase phase)
{
	switch (phase) {
	case WATCH_STARTING:
		return "probes go in";
	case WATCH_TRACING:
		return "traced";
	case WATCH_STOPPING:
		return "probes are taken out";
	case WATCH_STOPPED:
		return "no longer traced";
	case WATCH_ENDED:
		return "HAS ENDED: this is what was seen last";
	case WATCH_GAVE_UP:
		return "NO LONGER TRACED: it would cost more than the budget";
	case WATCH_FAILED:
		return "NOT TRACED";
	default:
		return "not traced";
	}
}

char *watch_line(const struct watch_news *watch)
{
	struct figure cost, core, own;
	struct words seconds;
	char *text = NULL;
	int length;

	if (watch->phase == WATCH_NONE)
		return strdup("none (Enter: trace the chosen process)");
	if (watch->phase != WATCH_TRACING || !watch->profile)
		length = asprintf(&text, "%s (%d): %s", watch->comm, (int)watch->pid,
				  phase_words(watch->phase));
	else if (watch->budget <= 0)
		length = asprintf(&text, "%s (%d) for %s, without a budget; seep %s%%", watch->comm,
				  (int)watch->pid,
				  words_seconds(&seconds, watch->profile->capture.seconds),
				  figure_percent(&own, watch->own_cpu));
	else
		length = asprintf(&text,
				  "%s (%d) for %s: %s%% of a core, %s%% of its CPU; seep %s%%",
				  watch->comm, (int)watch->pid,
				  words_seconds(&seconds, watch->profile->capture.seconds),
				  figure_percent(&core, watch->target_core),
				  figure_percent(&cost, watch->target_cost),
				  figure_percent(&own, watch->own_cpu));
	return length < 0 ? NULL : text;
}

/* The process's latest address space: after an exec there are several rows. */
static const struct profile_process *process_of(const struct watch_news *watch)
{
	const struct profile_process *found = NULL;

	for (size_t i = 0; watch->profile && i < watch->profile->nr_processes; i++)
		if (watch->profile->processes[i].pid == (uint32_t)watch->pid)
			found = &watch->profile->processes[i];
	return found;
}

/* The kernel told of it, perhaps before the tracing did. */
static bool was_killed(const struct top_state *state)
{
	const struct overview *overview = state->overview;

	if (state->watch.phase != WATCH_ENDED)
		return false;
	for (size_t i = 0; overview && i < overview->nr_kills; i++)
		if (overview->kills[i].pid == state->watch.pid)
			return true;
	return false;
}

static void draw_title(const struct top_state *state, struct canvas *canvas)
{
	const struct watch_news *watch = &state->watch;
	const struct profile *profile = watch->profile;
	struct words seconds;
	int column;

	canvas_paint(canvas, 0, CANVAS_BAR);
	column = canvas_say(canvas, 0, 0, CANVAS_BAR, "%s (%d)  %s", watch->comm, (int)watch->pid,
			    was_killed(state)
				    ? "WAS KILLED for want of memory: this is what was seen last"
				    : phase_words(watch->phase));
	if (watch->phase == WATCH_TRACING && profile)
		column = canvas_say(canvas, 0, column, CANVAS_BAR, " for %s, %.0f%% of the time",
				    words_seconds(&seconds, profile->capture.seconds),
				    profile->health.traced_share * 100);
	if (state->paused)
		canvas_put(canvas, 0, column + 2, 6, CANVAS_BAR, "PAUSED");
}

/* What it costs the process, and us. */
static void draw_cost(const struct watch_news *watch, struct canvas *canvas, int line)
{
	struct figure cost, core, own;

	if (watch->budget <= 0) {
		canvas_say(canvas, line, 0, CANVAS_PLAIN, "Traced without a budget; seep uses %s%%",
			   figure_percent(&own, watch->own_cpu));
		return;
	}
	canvas_say(
		canvas, line, 0, CANVAS_PLAIN,
		"Tracing costs it %s%% of a core, %s%% of its CPU (budget %.3g%%); seep uses %s%%",
		figure_percent(&core, watch->target_core),
		figure_percent(&cost, watch->target_cost), watch->budget,
		figure_percent(&own, watch->own_cpu));
}

static enum canvas_style style_of_verdict(enum profile_verdict verdict)
{
	switch (verdict) {
	case VERDICT_GROWING:
	case VERDICT_LOST:
	case VERDICT_LEAK:
	case VERDICT_OVERFLOW:
		return CANVAS_BAD;
	case VERDICT_BURST:
	case VERDICT_FILLING:
	case VERDICT_RETENTION:
	case VERDICT_LIMIT:
		return CANVAS_WARNING;
	default:
		return CANVAS_PLAIN;
	}
}

static void draw_figures(const struct profile_process *process, struct canvas *canvas, int line)
{
	struct figure bytes, count, resident, limit, room, time;
	char bounds[96] = "";

	if (process->limit_seconds > 0)
		snprintf(bounds, sizeof(bounds), ", reached in %s",
			 figure_time(&time, process->limit_seconds));
	if (process->limit_name)
		canvas_say(canvas, line, 0, CANVAS_PLAIN,
			   "Outstanding %s in %s blocks; resident %s; %s left of %s%s",
			   figure_bytes(&bytes, (double)process->live_bytes),
			   figure_count(&count, process->live_count),
			   figure_bytes(&resident, (double)process->rss_bytes),
			   figure_bytes(&room, (double)process->limit_room_bytes),
			   figure_bytes(&limit, (double)process->limit_bytes), bounds);
	else
		canvas_say(canvas, line, 0, CANVAS_PLAIN,
			   "Outstanding %s in %s blocks; resident %s; no limit is known",
			   figure_bytes(&bytes, (double)process->live_bytes),
			   figure_count(&count, process->live_count),
			   figure_bytes(&resident, (double)process->rss_bytes));
}

/* What is said of the process, in at most three lines; the next line. */
static int draw_process(const struct watch_news *watch, struct canvas *canvas, int line)
{
	const struct profile_process *process = process_of(watch);
	const struct profile_health *health = watch->profile ? &watch->profile->health : NULL;

	if (!process) {
		return line + canvas_wrap(canvas, line, 0, 3, CANVAS_PLAIN,
					  *watch->problem ? watch->problem
							  : "Nothing is known of it yet.");
	}
	canvas_put(canvas, line, 0, 10, CANVAS_BOLD, "Verdict: ");
	canvas_put(canvas, line, 9, canvas_width(canvas), style_of_verdict(process->verdict),
		   profile_verdict_name(process->verdict));
	line += canvas_height(canvas) > 12 ? 1 : 0;
	line += canvas_wrap(canvas, line, 0, canvas_height(canvas) > 16 ? 2 : 1, CANVAS_PLAIN,
			    process->evidence ? process->evidence : "");
	draw_figures(process, canvas, line++);
	draw_cost(watch, canvas, line++);
	if (health->dropped || process->tainted)
		canvas_say(canvas, line++, 0, CANVAS_WARNING,
			   "Upper bounds: %" PRIu64
			   " records were lost, so blocks may be long gone",
			   health->dropped);
	if (watch->phase == WATCH_GAVE_UP && watch->profile->capture.budget_words)
		line += canvas_wrap(canvas, line, 0, 2, CANVAS_WARNING,
				    watch->profile->capture.budget_words);
	if (*watch->problem)
		line += canvas_wrap(canvas, line, 0, 2, CANVAS_WARNING, watch->problem);
	return line;
}

/* "session_create (session.c:118)" */
static void function_of(const struct profile *profile, const struct profile_site *site,
			char text[COLUMN_TEXT])
{
	uint32_t index = label_place(profile, site);
	const struct profile_frame *frame = index == PROFILE_NONE ? NULL : &profile->frames[index];
	char *name = frame ? label_frame(profile, frame) : NULL;

	snprintf(text, COLUMN_TEXT, "%s",
		 name			       ? name
		 : site->stack == PROFILE_NONE ? site->operation
					       : "[unknown]");
	if (frame && frame->file && frame->line)
		snprintf(text + strlen(text), COLUMN_TEXT - strlen(text), " (%s:%" PRIu32 ")",
			 label_base_name(frame->file), frame->line);
	free(name);
}

static void draw_site(const struct columns *columns, struct canvas *canvas, int line,
		      const struct profile *profile, const struct profile_site *site, bool chosen)
{
	enum canvas_style style = chosen ? CANVAS_CHOSEN : style_of_verdict(site->verdict);
	bool handles = label_layer(site) == LABEL_HANDLES;
	struct figure figure;
	char text[COLUMN_TEXT];

	if (chosen) {
		canvas_paint(canvas, line, style);
		canvas_put(canvas, line, 0, 1, style, ">");
	}
	columns_draw(columns, canvas, line, COLUMN_BYTES, style,
		     handles ? "handles" : figure_bytes(&figure, (double)site->live_bytes));
	columns_draw(columns, canvas, line, COLUMN_COUNT, style,
		     figure_count(&figure, site->live_count));
	columns_draw(columns, canvas, line, COLUMN_GROWTH, style,
		     figure_growth(&figure, site->growth_rate));
	columns_draw(columns, canvas, line, COLUMN_VERDICT, style,
		     site->verdict == VERDICT_TOO_LITTLE_DATA
			     ? "too little"
			     : profile_verdict_name(site->verdict));
	function_of(profile, site, text);
	columns_draw(columns, canvas, line, COLUMN_FUNCTION, style, text);
	snprintf(text, sizeof(text), "%s %s", site->family, site->operation);
	columns_draw(columns, canvas, line, COLUMN_OPERATION, style, text);
}

static void draw_frame(const struct profile *profile, const struct profile_frame *frame,
		       struct canvas *canvas, int line)
{
	char *name = label_frame(profile, frame);
	const char *module = frame->module == PROFILE_NONE ? NULL
							   : profile->modules[frame->module].path;
	int column = canvas_put(canvas, line, 2, canvas_width(canvas) - 2,
				frame->flags & FRAME_ALLOCATOR ? CANVAS_DIM : CANVAS_PLAIN,
				name ? name : "?");

	if (frame->file && frame->line)
		canvas_say(canvas, line, column, CANVAS_DIM, "  %s:%" PRIu32,
			   label_base_name(frame->file), frame->line);
	else if (module && frame->function)
		canvas_say(canvas, line, column, CANVAS_DIM, "  %s", label_base_name(module));
	free(name);
}

/* Why the chosen site is judged so, and its stack; `height` lines from `line` on. */
static void draw_pane(const struct top_state *state, struct canvas *canvas, int line, int height)
{
	const struct profile *profile = state->watch.profile;
	const struct profile_site *site = top_state_chosen_site(state);
	const struct profile_stack *stack = site ? label_site_stack(profile, site) : NULL;
	int end = line + height, used;

	canvas_paint(canvas, line, CANVAS_BAR);
	canvas_put(canvas, line++, 0, canvas_width(canvas), CANVAS_BAR, "The chosen site");
	if (!site)
		return;
	used = canvas_wrap(canvas, line, 0, height > 6 ? 2 : 1, style_of_verdict(site->verdict),
			   site->evidence ? site->evidence : "");
	line += used;
	if (!stack)
		canvas_put(canvas, line, 2, 60, CANVAS_PLAIN, "its stack is not known");
	for (uint32_t i = 0; stack && i < stack->nr_frames && line < end; i++, line++) {
		if (line + 1 == end && i + 1 < stack->nr_frames) {
			canvas_say(canvas, line, 2, CANVAS_DIM, "and %" PRIu32 " more frames",
				   stack->nr_frames - i);
			break;
		}
		draw_frame(profile, &profile->frames[stack->frames[i]], canvas, line);
	}
}

void sites_draw(struct top_state *state, struct canvas *canvas)
{
	const struct profile *profile = state->watch.profile;
	int line = 1, left, pane;
	struct columns columns;

	draw_title(state, canvas);
	line = draw_process(&state->watch, canvas, line);
	columns_lay_out(&columns, table, COLUMNS, MARKS, canvas_width(canvas));
	columns_draw_heads(&columns, canvas, line++, (int)state->sites_order, state->reverse);
	left = canvas_height(canvas) - 1 - line;
	pane = left / 2;
	if (left - pane < LEAST_LIST)
		pane = left > LEAST_LIST + 2 ? left - LEAST_LIST : 0;
	/* A short list leaves its room to the stack. */
	if (pane && (int)state->nr_sites < left - pane)
		pane = left - ((int)state->nr_sites > 1 ? (int)state->nr_sites : 1);
	state->lines = left - pane;
	list_fit(&state->sites_list, state->nr_sites, state->lines > 0 ? state->lines : 0);
	for (int i = 0; i < state->lines && state->sites_list.first + i < state->nr_sites; i++) {
		size_t index = state->sites_list.first + i;

		draw_site(&columns, canvas, line + i, profile, &profile->sites[state->sites[index]],
			  index == state->sites_list.chosen);
	}
	if (profile && !state->nr_sites)
		canvas_put(canvas, line, MARKS, 70, CANVAS_PLAIN,
			   "nothing that was allocated since is outstanding");
	if (pane > 1)
		draw_pane(state, canvas, line + state->lines, pane);
}

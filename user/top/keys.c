// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns what each key does on each page. */
#include "top/state_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static struct list *list_of_page(struct top_state *state, size_t *nr)
{
	if (state->page == PAGE_SITES) {
		*nr = state->nr_sites;
		return &state->sites_list;
	}
	if (state->page == PAGE_TYPES) {
		*nr = state->types.nr_rows;
		return &state->types_list;
	}
	*nr = state->nr_rows;
	return &state->list;
}

static void move(struct top_state *state, enum list_move how)
{
	size_t nr;
	struct list *list = list_of_page(state, &nr);

	list_move(list, how, nr, state->lines > 0 ? state->lines : 0);
	state->held |= state->page == PAGE_HOST;
	top_state_remember(state);
}

static void set_order(struct top_state *state, enum overview_order order)
{
	/* The same key again turns it round. */
	state->reverse = state->order == order && !state->reverse;
	state->order = order;
	state->list = (struct list){ 0 };
	state->held = false;
	top_state_sort(state);
}

/* Of a foreign name only what is harmless in the name of a file. */
static void begin_save(struct top_state *state)
{
	char name[64];

	if (!state->watch.profile) {
		top_state_say(state, "nothing to save: Enter traces the chosen process");
		return;
	}
	snprintf(name, sizeof(name), "%.40s", state->watch.comm);
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			*c = '_';
	snprintf(state->line, sizeof(state->line), "%s-%d.seep", *name ? name : "process",
		 (int)state->watch.pid);
	state->prompt = PROMPT_SAVE;
}

static void begin_filter(struct top_state *state)
{
	memcpy(state->line, state->filter, sizeof(state->line));
	state->prompt = PROMPT_FILTER;
}

static void apply_filter(struct top_state *state, const char *filter)
{
	snprintf(state->filter, sizeof(state->filter), "%s", filter);
	top_state_sort(state);
}

static void erase_last(char *line)
{
	size_t length = strlen(line);

	/* All bytes of one character. */
	while (length && ((unsigned char)line[length - 1] & 0xc0) == 0x80)
		length--;
	line[length ? length - 1 : 0] = '\0';
}

static enum top_wish type(struct top_state *state, enum top_key key, const char *text)
{
	enum top_prompt prompt = state->prompt;

	if (key == KEY_IS_ESCAPE || key == KEY_IS_ENTER)
		state->prompt = PROMPT_NONE;
	if (key == KEY_IS_ENTER && prompt == PROMPT_SAVE)
		return *state->line ? WISH_SAVE : WISH_NONE;
	if (key == KEY_IS_ESCAPE && prompt == PROMPT_FILTER)
		*state->line = '\0';
	if (key == KEY_IS_ERASE)
		erase_last(state->line);
	if (key == KEY_IS_TEXT && strlen(state->line) + strlen(text) < sizeof(state->line))
		strcat(state->line, text);
	if (prompt == PROMPT_FILTER)
		apply_filter(state, state->line);
	return WISH_NONE;
}

static enum top_wish go_back(struct top_state *state, bool quit)
{
	if (state->help) {
		state->help = false;
	} else if (state->page == PAGE_TYPES) {
		state->page = top_state_traces(state) && state->watch.pid == state->types.pid
				      ? PAGE_SITES
				      : PAGE_HOST;
		return WISH_TYPES_END;
	} else if (state->page == PAGE_SITES) {
		state->page = PAGE_HOST;
		top_state_sort(state);
	} else if (quit) {
		return WISH_QUIT;
	} else if (*state->filter) {
		apply_filter(state, "");
	}
	return WISH_NONE;
}

static enum top_wish trace_chosen(struct top_state *state)
{
	const struct overview_row *row = top_state_chosen(state);

	if (state->page != PAGE_HOST || !row)
		return WISH_NONE;
	state->page = PAGE_SITES;
	if (top_state_traces(state) && state->watch.pid == row->pid) {
		top_state_sort(state);
		return WISH_NONE;
	}
	state->wish_pid = row->pid;
	return WISH_TRACE;
}

static enum top_wish show_types(struct top_state *state)
{
	const struct overview_row *row = top_state_chosen(state);
	bool watched = state->page == PAGE_SITES;

	if (state->page == PAGE_TYPES || (!watched && !row))
		return WISH_NONE;
	state->wish_pid = watched ? state->watch.pid : row->pid;
	state->page = PAGE_TYPES;
	return WISH_TYPES;
}

static void toggle_pause(struct top_state *state)
{
	state->paused = !state->paused;
	top_state_say(state, state->paused ? "paused: what is seen stays as it is; p goes on"
					   : "going on");
}

static bool host_key(struct top_state *state, char key)
{
	static const char keys[] = "GMLCP";
	static const enum overview_order orders[] = { ORDER_GROWTH, ORDER_MEMORY, ORDER_TIME,
						      ORDER_CPU, ORDER_PID };
	const char *found = key ? strchr(keys, key) : NULL;

	if (found)
		set_order(state, orders[found - keys]);
	else if (key == '/')
		begin_filter(state);
	return found || key == '/';
}

static bool sites_key(struct top_state *state, char key)
{
	static const char keys[] = "GMN";
	static const enum sites_order orders[] = { SITES_BY_GROWTH, SITES_BY_BYTES,
						   SITES_BY_COUNT };
	const char *found = key ? strchr(keys, key) : NULL;

	if (!found)
		return false;
	state->sites_order = orders[found - keys];
	state->sites_list = (struct list){ 0 };
	top_state_sort(state);
	top_state_remember(state);
	return true;
}

static enum top_wish letter(struct top_state *state, char key)
{
	if ((state->page == PAGE_HOST && host_key(state, key)) ||
	    (state->page == PAGE_SITES && sites_key(state, key)))
		return WISH_NONE;
	switch (key) {
	case 'q':
		return go_back(state, true);
	case 'h':
	case '?':
		state->help = !state->help;
		break;
	case 'j':
		move(state, LIST_DOWN);
		break;
	case 'k':
		move(state, LIST_UP);
		break;
	case 'p':
	case ' ':
		toggle_pause(state);
		break;
	case 'r':
		state->reverse = !state->reverse;
		top_state_sort(state);
		break;
	case 't':
		return show_types(state);
	case 's':
		begin_save(state);
		break;
	case 'd':
		return top_state_traces(state) ? WISH_DETACH : WISH_NONE;
	default:
		break;
	}
	return WISH_NONE;
}

enum top_wish top_state_key(struct top_state *state, enum top_key key, const char *text)
{
	static const enum list_move moves[] = {
		[KEY_GO_UP] = LIST_UP,		 [KEY_GO_DOWN] = LIST_DOWN,
		[KEY_GO_PAGE_UP] = LIST_PAGE_UP, [KEY_GO_PAGE_DOWN] = LIST_PAGE_DOWN,
		[KEY_GO_FIRST] = LIST_BEGIN,	 [KEY_GO_LAST] = LIST_END,
	};

	*state->message = '\0';
	if (state->prompt != PROMPT_NONE)
		return type(state, key, text ? text : "");
	if (state->help && key != KEY_IS_ESCAPE) {
		/* Any key ends the help, and does nothing else. */
		state->help = false;
		return WISH_NONE;
	}
	switch (key) {
	case KEY_IS_TEXT:
		return text && *text && !text[1] ? letter(state, *text) : WISH_NONE;
	case KEY_IS_ENTER:
		return trace_chosen(state);
	case KEY_IS_ESCAPE:
		return go_back(state, false);
	case KEY_IS_ERASE:
		return WISH_NONE;
	default:
		move(state, moves[key]);
		return WISH_NONE;
	}
}

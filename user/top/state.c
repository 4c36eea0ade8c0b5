// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which page is seen, what is chosen on it, and what news change there. A row stays chosen
 * as long as it is there, wherever it moves: the one that Enter traces is the one that was seen.
 */
#include "top/state.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void top_state_release(struct top_state *state)
{
	overview_free(state->overview);
	free(state->rows);
	profile_free(state->watch.profile);
	free(state->sites);
	types_news_release(&state->types);
}

void top_state_say(struct top_state *state, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(state->message, sizeof(state->message), format, arguments);
	va_end(arguments);
}

const struct overview_row *top_state_chosen(const struct top_state *state)
{
	if (state->list.chosen >= state->nr_rows)
		return NULL;
	return &state->overview->rows[state->rows[state->list.chosen]];
}

const struct profile_site *top_state_chosen_site(const struct top_state *state)
{
	if (state->sites_list.chosen >= state->nr_sites)
		return NULL;
	return &state->watch.profile->sites[state->sites[state->sites_list.chosen]];
}

bool top_state_traces(const struct top_state *state)
{
	return state->watch.phase == WATCH_STARTING || state->watch.phase == WATCH_TRACING;
}

static void remember_row(struct top_state *state)
{
	const struct overview_row *row = top_state_chosen(state);

	state->chosen_pid = row ? row->pid : 0;
	state->chosen_start = row ? row->start_ticks : 0;
}

/* Until something is chosen by hand the first row is: whoever grows most. */
static void find_row(struct top_state *state)
{
	if (!state->held)
		return;
	for (size_t i = 0; i < state->nr_rows; i++) {
		const struct overview_row *row = &state->overview->rows[state->rows[i]];

		if (row->pid == state->chosen_pid && row->start_ticks == state->chosen_start)
			state->list.chosen = i;
	}
}

static int sort_rows(struct top_state *state)
{
	size_t *rows = NULL, nr = 0;
	int err = 0;

	if (state->overview)
		err = overview_select(state->overview, state->order, state->reverse, state->filter,
				      &rows, &nr);
	if (err)
		return err;
	free(state->rows);
	state->rows = rows;
	state->nr_rows = nr;
	find_row(state);
	list_fit(&state->list, nr, state->page == PAGE_HOST && state->lines > 0 ? state->lines : 0);
	remember_row(state);
	return 0;
}

int top_state_look(struct top_state *state, struct overview *overview)
{
	if (state->paused && state->overview) {
		overview_free(overview);
		return 0;
	}
	overview_free(state->overview);
	state->overview = overview;
	/* Indices into the old one. */
	state->nr_rows = 0;
	return sort_rows(state);
}

static bool is_finding(const struct profile_site *site)
{
	return site->verdict == VERDICT_GROWING || site->verdict == VERDICT_LOST ||
	       site->verdict == VERDICT_BURST;
}

static int compare_real(double a, double b)
{
	return (a > b) - (a < b);
}

static int by_site(const void *left, const void *right, void *context)
{
	const struct top_state *state = context;
	const struct profile_site *a = &state->watch.profile->sites[*(const uint32_t *)left];
	const struct profile_site *b = &state->watch.profile->sites[*(const uint32_t *)right];
	int result = 0;

	if (state->sites_order == SITES_BY_COUNT) {
		result = compare_real((double)b->live_count, (double)a->live_count);
	} else if (state->sites_order == SITES_BY_GROWTH) {
		result = is_finding(b) - is_finding(a);
		result = result ? result : compare_real(b->growth_rate, a->growth_rate);
	}
	result = result ? result : compare_real((double)b->live_bytes, (double)a->live_bytes);
	result = result ? result : (a->id > b->id) - (a->id < b->id);
	return state->reverse ? -result : result;
}

/* What is listed is what is outstanding; the sum of the others has no stack, and stays last. */
static int sort_sites(struct top_state *state)
{
	const struct profile *profile = state->watch.profile;
	uint32_t *sites = calloc((profile ? profile->nr_sites : 0) + 1, sizeof(*sites));
	size_t nr = 0;

	if (!sites)
		return -ENOMEM;
	for (size_t i = 0; profile && i < profile->nr_sites; i++)
		if (profile->sites[i].live_count)
			sites[nr++] = i;
	qsort_r(sites, nr, sizeof(*sites), by_site, state);
	free(state->sites);
	state->sites = sites;
	state->nr_sites = nr;
	for (size_t i = 0; i < nr && state->sites_list.chosen; i++)
		if (profile->sites[sites[i]].id == state->chosen_site)
			state->sites_list.chosen = i;
	list_fit(&state->sites_list, nr,
		 state->page == PAGE_SITES && state->lines > 0 ? state->lines : 0);
	return 0;
}

static void remember_site(struct top_state *state)
{
	const struct profile_site *site = top_state_chosen_site(state);

	state->chosen_site = site ? site->id : 0;
}

int top_state_watch(struct top_state *state, struct watch_news *news)
{
	bool other = news->pid != state->watch.pid || news->phase == WATCH_STARTING;

	/* What was seen of a process stays until another one is traced. */
	if (!news->profile && !other) {
		news->profile = state->watch.profile;
		state->watch.profile = NULL;
	} else if (state->paused && !other && state->watch.profile) {
		profile_free(news->profile);
		news->profile = state->watch.profile;
		state->watch.profile = NULL;
	}
	profile_free(state->watch.profile);
	state->watch = *news;
	memset(news, 0, sizeof(*news));
	state->nr_sites = 0;
	if (other)
		state->sites_list = (struct list){ 0 };
	if (sort_sites(state))
		return -ENOMEM;
	remember_site(state);
	return 0;
}

void top_state_types(struct top_state *state, struct types_news *news)
{
	bool other = news->pid != state->types.pid || news->phase == TYPES_STARTING;

	if (state->paused && !other && state->types.nr_rows) {
		types_news_release(news);
		return;
	}
	if (!news->nr_rows && !other) {
		/* It has ended: what was counted stays. */
		news->rows = state->types.rows;
		news->nr_rows = state->types.nr_rows;
	} else {
		types_news_release(&state->types);
	}
	state->types = *news;
	memset(news, 0, sizeof(*news));
	if (other)
		state->types_list = (struct list){ 0 };
	list_fit(&state->types_list, state->types.nr_rows,
		 state->page == PAGE_TYPES && state->lines > 0 ? state->lines : 0);
}

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
	if (state->page == PAGE_SITES)
		remember_site(state);
	else if (state->page == PAGE_HOST)
		remember_row(state);
}

static void sort(struct top_state *state)
{
	int err = state->page == PAGE_SITES ? sort_sites(state) : sort_rows(state);

	if (err)
		top_state_say(state, "no memory to sort");
}

static void set_order(struct top_state *state, enum overview_order order)
{
	/* The same key again turns it round. */
	state->reverse = state->order == order && !state->reverse;
	state->order = order;
	state->list = (struct list){ 0 };
	state->held = false;
	sort(state);
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
	sort(state);
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
		sort(state);
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
		sort(state);
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
	sort(state);
	remember_site(state);
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
		sort(state);
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

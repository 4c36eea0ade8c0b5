// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what is listed, what is chosen of it, and what news change there. A row stays chosen
 * as long as it is there, wherever it moves: the one that Enter traces is the one that was seen.
 */
#include "top/state_internal.h"

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

void top_state_sort(struct top_state *state)
{
	int err = state->page == PAGE_SITES ? sort_sites(state) : sort_rows(state);

	if (err)
		top_state_say(state, "no memory to sort");
}

void top_state_remember(struct top_state *state)
{
	if (state->page == PAGE_SITES)
		remember_site(state);
	else if (state->page == PAGE_HOST)
		remember_row(state);
}

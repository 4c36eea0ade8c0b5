/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the screen shows and what keys do to it. Pure: no terminal, no process, no clock; what a
 * key asks of the outside is returned as a wish.
 */
#ifndef SEEP_TOP_STATE_H
#define SEEP_TOP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "top/list.h"
#include "top/overview.h"
#include "top/types_news.h"
#include "top/watch_news.h"

enum top_key {
	KEY_IS_TEXT = 0, /* the character beside it */
	KEY_GO_UP,
	KEY_GO_DOWN,
	KEY_GO_PAGE_UP,
	KEY_GO_PAGE_DOWN,
	KEY_GO_FIRST,
	KEY_GO_LAST,
	KEY_IS_ENTER,
	KEY_IS_ESCAPE,
	KEY_IS_ERASE, /* backspace */
};

enum top_page { PAGE_HOST = 0, PAGE_SITES, PAGE_TYPES };

enum top_wish {
	WISH_NONE = 0,
	WISH_QUIT,
	WISH_TRACE, /* wish_pid */
	WISH_DETACH, /* the tracing */
	WISH_TYPES, /* of wish_pid */
	WISH_TYPES_END,
	WISH_SAVE, /* to `line` */
};

/* What is being typed on the last line. */
enum top_prompt { PROMPT_NONE = 0, PROMPT_FILTER, PROMPT_SAVE };

enum sites_order { SITES_BY_GROWTH = 0, SITES_BY_BYTES, SITES_BY_COUNT };

enum { TOP_LINE = 256 };

struct top_state {
	enum top_page page;
	bool help, paused;
	enum top_prompt prompt;
	char line[TOP_LINE]; /* of the prompt, UTF-8 */
	char message[TOP_LINE]; /* until the next key; "" none */
	double interval, budget; /* as asked for: seconds, percent */

	struct overview *overview; /* NULL: no look yet. The state's own */
	enum overview_order order;
	bool reverse;
	char filter[TOP_LINE];
	size_t *rows; /* the overview's, selected and sorted */
	size_t nr_rows;
	struct list list;
	bool held; /* chosen by hand: stays so wherever it moves; else the first row is chosen */
	pid_t chosen_pid;
	uint64_t chosen_start;

	struct watch_news watch; /* phase WATCH_NONE: nothing is traced */
	enum sites_order sites_order;
	uint32_t *sites; /* the profile's, sorted */
	size_t nr_sites;
	struct list sites_list;
	uint64_t chosen_site; /* its id */

	struct types_news types; /* phase TYPES_NONE: not asked for */
	struct list types_list;

	int lines; /* of the list on the present page, as it was drawn last */
	pid_t wish_pid;
};

void top_state_release(struct top_state *state);

/* Takes the overview over; while paused it is thrown away, unless it is the first. 0, -ENOMEM. */
int top_state_look(struct top_state *state, struct overview *overview);
/* Take over what is in it. */
int top_state_watch(struct top_state *state, struct watch_news *news);
void top_state_types(struct top_state *state, struct types_news *news);
/* `text` goes with KEY_IS_TEXT: one character as UTF-8. */
enum top_wish top_state_key(struct top_state *state, enum top_key key, const char *text);
void top_state_say(struct top_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* NULL: the list is empty. */
const struct overview_row *top_state_chosen(const struct top_state *state);
const struct profile_site *top_state_chosen_site(const struct top_state *state);
bool top_state_traces(const struct top_state *state);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A list longer than the screen: which row is chosen, and which one is the first to be seen. */
#ifndef SEEP_TOP_LIST_H
#define SEEP_TOP_LIST_H

#include <stddef.h>

struct list {
	size_t chosen, first;
};

enum list_move {
	LIST_UP,
	LIST_DOWN,
	LIST_PAGE_UP,
	LIST_PAGE_DOWN,
	LIST_BEGIN,
	LIST_END,
};

/* Makes both fit a list of `nr` rows, of which `lines` are seen. */
static inline void list_fit(struct list *list, size_t nr, size_t lines)
{
	if (list->chosen >= nr)
		list->chosen = nr ? nr - 1 : 0;
	if (list->first > list->chosen)
		list->first = list->chosen;
	if (lines && list->chosen >= list->first + lines)
		list->first = list->chosen - lines + 1;
	if (nr <= lines)
		list->first = 0;
	else if (list->first + lines > nr)
		list->first = nr - lines;
}

static inline void list_move(struct list *list, enum list_move move, size_t nr, size_t lines)
{
	size_t page = lines > 1 ? lines - 1 : 1;

	switch (move) {
	case LIST_UP:
		list->chosen -= list->chosen > 0;
		break;
	case LIST_DOWN:
		list->chosen++;
		break;
	case LIST_PAGE_UP:
		list->chosen -= list->chosen < page ? list->chosen : page;
		break;
	case LIST_PAGE_DOWN:
		list->chosen += page;
		break;
	case LIST_BEGIN:
		list->chosen = 0;
		break;
	case LIST_END:
		list->chosen = nr;
		break;
	}
	list_fit(list, nr, lines);
}

#endif

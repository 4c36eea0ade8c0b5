// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns what an overview is made of, and which of its rows are shown in what order. Pure. */
#include "top/overview.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strpool.h"

struct overview *overview_new(void)
{
	struct overview *overview = calloc(1, sizeof(*overview));

	if (!overview)
		return NULL;
	overview->strings = strpool_new();
	if (!overview->strings) {
		free(overview);
		return NULL;
	}
	overview->memory_total = overview->memory_available = OVERVIEW_UNKNOWN;
	overview->swap_total = overview->swap_free = OVERVIEW_UNKNOWN;
	return overview;
}

void overview_free(struct overview *overview)
{
	if (!overview)
		return;
	strpool_free(overview->strings);
	free(overview->rows);
	free(overview->kills);
	free(overview);
}

const char *overview_trend(const struct overview_row *row)
{
	switch (row->shape) {
	case SERIES_RISING:
		return "growing";
	case SERIES_SLOWING:
		return "filling";
	case SERIES_STEP:
		return "stepped";
	case SERIES_FALLING:
		return "falling";
	case SERIES_FLAT:
		return "steady";
	default:
		return "too new";
	}
}

static const char *const order_names[ORDERS] = { "growth", "memory", "time", "cpu", "pid" };

const char *overview_order_name(enum overview_order order)
{
	return order < ORDERS ? order_names[order] : "unknown";
}

enum overview_order overview_order_parse(const char *name)
{
	for (int i = 0; i < ORDERS; i++)
		if (strcmp(name, order_names[i]) == 0)
			return i;
	return ORDERS;
}

static int compare(double a, double b)
{
	return (a > b) - (a < b);
}

/* What really grows comes before what only went up. */
static int compare_growth(const struct overview_row *a, const struct overview_row *b)
{
	bool grows_a = a->shape == SERIES_RISING, grows_b = b->shape == SERIES_RISING;

	if (grows_a != grows_b)
		return grows_a ? -1 : 1;
	return compare(b->rate, a->rate);
}

struct selection {
	const struct overview_row *rows;
	enum overview_order order;
	bool reverse;
};

static int by_order(const void *left, const void *right, void *context)
{
	const struct selection *s = context;
	const struct overview_row *a = &s->rows[*(const size_t *)left];
	const struct overview_row *b = &s->rows[*(const size_t *)right];
	int result = 0;

	switch (s->order) {
	case ORDER_MEMORY:
		result = compare((double)b->anonymous, (double)a->anonymous);
		break;
	case ORDER_TIME:
		result = compare(a->time_to_limit, b->time_to_limit);
		result = result ? result : compare_growth(a, b);
		break;
	case ORDER_CPU:
		result = compare(b->cpu, a->cpu);
		break;
	case ORDER_GROWTH:
		result = compare_growth(a, b);
		break;
	default:
		break;
	}
	/* The larger first, where all else is the same; and never by chance. */
	if (!result && s->order != ORDER_PID)
		result = compare((double)b->anonymous, (double)a->anonymous);
	result = result ? result : compare(a->pid, b->pid);
	return s->reverse ? -result : result;
}

static bool matches(const struct overview_row *row, const char *filter)
{
	char pid[16];

	if (!filter || !*filter)
		return true;
	snprintf(pid, sizeof(pid), "%d", (int)row->pid);
	return strcasestr(row->comm, filter) || strcmp(pid, filter) == 0 ||
	       (row->cgroup && strcasestr(row->cgroup, filter));
}

int overview_select(const struct overview *overview, enum overview_order order, bool reverse,
		    const char *filter, size_t **ret_order, size_t *ret_nr)
{
	struct selection selection = { overview->rows, order, reverse };
	size_t *indices = calloc(overview->nr_rows + 1, sizeof(*indices)), nr = 0;

	if (!indices)
		return -ENOMEM;
	for (size_t i = 0; i < overview->nr_rows; i++)
		if (matches(&overview->rows[i], filter))
			indices[nr++] = i;
	qsort_r(indices, nr, sizeof(*indices), by_order, &selection);
	*ret_order = indices;
	*ret_nr = nr;
	return 0;
}

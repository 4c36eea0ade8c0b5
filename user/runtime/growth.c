// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the courses of types over several censuses, and what is said of them.
 *
 * A trend is read from the increments between censuses, since a single difference says
 * little: a server's counts go up and down with its requests. A type grows when nearly all its
 * increments are positive, what it lost between them is little beside what it won (else it is
 * a saw: filled slowly, emptied at once), and the last ones are no smaller than the first; it
 * slows when they
 * become small, as a cache that fills does; it made a step when nearly all was within a part of
 * the time. Growth of a few objects, or of less than a part in a thousand, is called flat.
 *
 * The peak is kept besides, since objgraph.show_growth compares with the highest count that it
 * has ever seen, not with the last one.
 */
#include "runtime/growth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

enum {
	MAX_POINTS = 32,
	LEAST_GROWTH = 8, /* objects */
	LEAST_SHARE = 1000, /* of the count: one in so many */
};

static const double STEP_TIME = 0.5, STEP_TIME_FEW = 0.7;

struct course {
	const char *name;
	uint64_t counts[MAX_POINTS];
	uint64_t bytes_first, bytes_last;
	uint64_t peak, peak_before; /* of all censuses; of all but the last */
};

struct growth_log {
	struct course *courses;
	size_t nr, cap;
	struct hashmap *by_name; /* to the index */
	struct strpool *names;
	double times[MAX_POINTS];
	size_t points; /* kept */
	size_t censuses; /* all */
};

struct growth_log *growth_log_new(void)
{
	struct growth_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->by_name = hashmap_new();
	log->names = strpool_new();
	if (!log->by_name || !log->names) {
		growth_log_free(log);
		return NULL;
	}
	return log;
}

void growth_log_free(struct growth_log *log)
{
	if (!log)
		return;
	hashmap_free(log->by_name);
	strpool_free(log->names);
	free(log->courses);
	free(log);
}

static struct course *course_of(struct growth_log *log, const char *type)
{
	const char *name = strpool_add(log->names, type);
	struct course *course;
	uint64_t index;

	if (!name)
		return NULL;
	if (hashmap_get(log->by_name, (uintptr_t)name, &index))
		return &log->courses[index];
	if (hashmap_put(log->by_name, (uintptr_t)name, log->nr))
		return NULL;
	course = vec_push(&log->courses, &log->nr, &log->cap);
	if (course)
		course->name = name;
	else
		hashmap_remove(log->by_name, (uintptr_t)name);
	return course;
}

/* Room for one more: every other point goes, the first and the last stay. */
static void thin_out(struct growth_log *log)
{
	size_t to = 1;

	for (size_t from = 2; from < log->points; from++) {
		if (from % 2 && from != log->points - 1)
			continue;
		log->times[to] = log->times[from];
		for (size_t i = 0; i < log->nr; i++)
			log->courses[i].counts[to] = log->courses[i].counts[from];
		to++;
	}
	log->points = to;
}

int growth_log_add(struct growth_log *log, const struct census *census)
{
	size_t at;

	/* All rows first: then nothing can fail half-way. */
	for (size_t i = 0; i < census->nr_types; i++)
		if (!course_of(log, census->types[i].name))
			return -ENOMEM;
	if (log->points == MAX_POINTS)
		thin_out(log);
	at = log->points++;
	log->times[at] = census->time;
	for (size_t i = 0; i < log->nr; i++) {
		log->courses[i].counts[at] = 0;
		log->courses[i].bytes_last = 0;
	}
	for (size_t i = 0; i < census->nr_types; i++) {
		struct course *course = course_of(log, census->types[i].name);

		course->counts[at] = census->types[i].count;
		course->bytes_last = census->types[i].bytes;
		if (!log->censuses)
			course->bytes_first = course->bytes_last;
	}
	for (size_t i = 0; i < log->nr; i++) {
		struct course *course = &log->courses[i];

		course->peak_before = course->peak;
		if (course->counts[at] > course->peak)
			course->peak = course->counts[at];
	}
	log->censuses++;
	return 0;
}

static int64_t change(const struct course *course, size_t from, size_t to)
{
	return (int64_t)(course->counts[to] - course->counts[from]);
}

/* What the increments are like. */
struct increments {
	size_t nr, positive;
	int64_t moved; /* up and down */
	double early, late; /* slopes: objects a second, over the halves of the time */
};

static double slope(const struct growth_log *log, const struct course *course, size_t from,
		    size_t to)
{
	double seconds = log->times[to] - log->times[from];

	return seconds > 0 ? change(course, from, to) / seconds : 0;
}

static struct increments increments_of(const struct growth_log *log, const struct course *course)
{
	size_t last = log->points - 1, middle = 1;
	double half = (log->times[0] + log->times[last]) / 2;
	struct increments sum = { .nr = last };

	for (size_t i = 0; i < last; i++) {
		int64_t step = change(course, i, i + 1);

		sum.positive += step > 0;
		sum.moved += step < 0 ? -step : step;
	}
	/* Points are not evenly apart once they have been thinned out. */
	while (middle + 1 < last && log->times[middle] < half)
		middle++;
	sum.early = slope(log, course, 0, middle);
	sum.late = slope(log, course, middle, last);
	return sum;
}

/*
 * The shortest time in which nearly all of the growth was, as a share of all. What went on
 * from one look to the next, and up to the last, may go on.
 */
static double share_of_time(const struct growth_log *log, const struct course *course,
			    int64_t total)
{
	size_t last = log->points - 1;
	double all = log->times[last] - log->times[0], least = all;

	for (size_t from = 0; from < last; from++)
		for (size_t to = from + 1; to <= last; to++) {
			double time = log->times[to] - log->times[from];

			if (to == last && to > from + 1)
				continue;
			if (time < least && change(course, from, to) * 10 >= total * 9)
				least = time;
		}
	return all > 0 ? least / all : 1;
}

/* Grew once: with few looks what was between two of them may look longer than it was. */
static bool is_step(const struct growth_log *log, const struct course *course,
		    const struct increments *steps, int64_t total)
{
	double most = steps->nr < 4 ? STEP_TIME_FEW : STEP_TIME;

	return steps->nr >= 2 && steps->moved * 10 <= total * 12 &&
	       share_of_time(log, course, total) <= most;
}

static enum growth_trend trend_of(const struct growth_log *log, const struct course *course)
{
	int64_t total, least = LEAST_GROWTH;
	struct increments steps;

	if (log->points < 3)
		return TREND_UNKNOWN;
	total = change(course, 0, log->points - 1);
	if (course->counts[0] / LEAST_SHARE > (uint64_t)least)
		least = course->counts[0] / LEAST_SHARE;
	if (total <= -least)
		return TREND_SHRINKING;
	if (total < least)
		return TREND_FLAT;
	steps = increments_of(log, course);
	if (is_step(log, course, &steps, total))
		return TREND_STEP;
	if (steps.positive * 4 < steps.nr * 3 || steps.moved > 2 * total)
		return TREND_FLAT;
	return steps.late * 2 < steps.early ? TREND_SLOWING : TREND_GROWING;
}

static void fill_type(const struct growth_log *log, const struct course *course,
		      struct growth_type *type)
{
	size_t last = log->points - 1;
	double seconds = log->times[last] - log->times[0];

	type->name = course->name;
	type->count = course->counts[last];
	type->bytes = course->bytes_last;
	type->delta = change(course, 0, last);
	type->last_delta = last ? change(course, last - 1, last) : 0;
	type->bytes_delta = (int64_t)(course->bytes_last - course->bytes_first);
	type->rate = seconds > 0 ? type->delta / seconds : 0;
	type->trend = trend_of(log, course);
	type->is_new = last && !course->counts[0] && type->count;
	if (type->count > course->peak_before)
		type->above_peak = (int64_t)(type->count - course->peak_before);
}

static int by_growth(const void *a, const void *b)
{
	const struct growth_type *x = a, *y = b;

	if (x->delta != y->delta)
		return x->delta < y->delta ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void judge(struct growth *growth, size_t points)
{
	bool once = false;

	growth->verdict = points < 3 ? GROWTH_TOO_LITTLE : GROWTH_NONE;
	/* The types are in the order of their growth. */
	for (size_t i = 0; i < growth->nr_types && !growth->leader; i++) {
		const struct growth_type *type = &growth->types[i];

		if (type->trend == TREND_GROWING)
			growth->leader = type;
		once = once || type->trend == TREND_STEP || type->trend == TREND_SLOWING;
	}
	if (growth->leader)
		growth->verdict = GROWTH_STEADY;
	else if (once)
		growth->verdict = GROWTH_ONCE;
}

int growth_compute(const struct growth_log *log, struct growth **ret_growth)
{
	struct growth *growth;

	if (!log->points)
		return -ENODATA;
	growth = calloc(1, sizeof(*growth));
	if (!growth)
		return -ENOMEM;
	growth->types = calloc(log->nr ? log->nr : 1, sizeof(*growth->types));
	if (!growth->types) {
		free(growth);
		return -ENOMEM;
	}
	growth->nr_types = log->nr;
	growth->censuses = log->censuses;
	growth->seconds = log->times[log->points - 1] - log->times[0];
	for (size_t i = 0; i < log->nr; i++) {
		struct growth_type *type = &growth->types[i];

		fill_type(log, &log->courses[i], type);
		growth->objects += type->count;
		growth->delta += type->delta;
		growth->bytes_delta += type->bytes_delta;
	}
	growth->rate = growth->seconds > 0 ? growth->delta / growth->seconds : 0;
	qsort(growth->types, growth->nr_types, sizeof(*growth->types), by_growth);
	judge(growth, log->points);
	*ret_growth = growth;
	return 0;
}

void growth_free(struct growth *growth)
{
	if (!growth)
		return;
	free(growth->types);
	free(growth);
}

const char *growth_trend_name(enum growth_trend trend)
{
	static const char *const names[] = {
		[TREND_UNKNOWN] = "unknown", [TREND_FLAT] = "flat", [TREND_GROWING] = "growing",
		[TREND_SLOWING] = "slowing", [TREND_STEP] = "step", [TREND_SHRINKING] = "shrinking",
	};

	return names[trend];
}

const char *growth_verdict_name(enum growth_verdict verdict)
{
	static const char *const names[] = {
		[GROWTH_TOO_LITTLE] = "too little data",
		[GROWTH_NONE] = "none",
		[GROWTH_ONCE] = "grew and stopped",
		[GROWTH_STEADY] = "growing",
	};

	return names[verdict];
}

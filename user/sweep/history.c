// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the counts of processes over passes, and what they say. Objects that become more may be
 * those of a cache, or of a busier hour: they take a clean bill away, no more; with objects that
 * also grew in this pass, and in four passes, they are a leak. A container that has grown from pass
 * to pass, the same by its path, is one after three. Of a container with a limit of its own nothing
 * is concluded. A process is known by pid and start time; the one unseen for longest makes room.
 */
#include "sweep/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/trend.h"

enum {
	PROCESSES_MOST = 256,
	POINTS_MOST = 16,
	PATH_MOST = 256,
	LEAST_OBJECTS = 1000,
	LEAST_SHARE = 100, /* of all objects, one in so many, with two passes */
	LEAST_ITEMS = 100,
	TREND_POINTS = 3,
	OBJECTS_POINTS = 4,
};

struct series {
	double times[POINTS_MOST];
	uint64_t counts[POINTS_MOST];
	size_t nr;
};

struct course {
	pid_t pid;
	uint64_t start_ticks;
	double last;
	struct series objects;
	struct series items; /* of the container at `path` */
	char path[PATH_MOST]; /* "": none */
};

struct history {
	struct course courses[PROCESSES_MOST];
	size_t nr;
};

struct history *history_new(void)
{
	return calloc(1, sizeof(struct history));
}

void history_free(struct history *history)
{
	free(history);
}

static struct course *course_of(struct history *history, pid_t pid, uint64_t start_ticks)
{
	struct course *oldest = &history->courses[0];

	for (size_t i = 0; i < history->nr; i++) {
		struct course *course = &history->courses[i];

		if (course->pid == pid && course->start_ticks == start_ticks)
			return course;
		if (course->last < oldest->last)
			oldest = course;
	}
	if (history->nr < PROCESSES_MOST)
		oldest = &history->courses[history->nr++];
	memset(oldest, 0, sizeof(*oldest));
	oldest->pid = pid;
	oldest->start_ticks = start_ticks;
	return oldest;
}

static void push(struct series *series, double time, uint64_t count)
{
	if (series->nr == POINTS_MOST) {
		series->nr--;
		memmove(series->times, series->times + 1, series->nr * sizeof(*series->times));
		memmove(series->counts, series->counts + 1, series->nr * sizeof(*series->counts));
	}
	series->times[series->nr] = time;
	series->counts[series->nr++] = count;
}

static void add(struct course *course, double now, const struct profile_objects *objects)
{
	push(&course->objects, now, objects->objects);
	course->last = now;
	if (!objects->path)
		return;
	if (strncmp(course->path, objects->path, PATH_MOST - 1) != 0) {
		course->items.nr = 0;
		snprintf(course->path, sizeof(course->path), "%s", objects->path);
	}
	push(&course->items, now, objects->length);
}

static int64_t grown(const struct series *series, size_t since)
{
	return (int64_t)(series->counts[series->nr - 1] - series->counts[since]);
}

static bool keeps_growing(const struct series *series, size_t points, int64_t least)
{
	return series->nr >= points && grown(series, 0) >= least &&
	       trend_of_counts(series->counts, series->times, series->nr) == TREND_GROWING;
}

/* Two points make no trend: then it is more than what comes and goes. */
static bool objects_grew(const struct series *objects)
{
	if (objects->nr >= TREND_POINTS)
		return keeps_growing(objects, TREND_POINTS, LEAST_OBJECTS);
	return objects->nr == 2 && grown(objects, 0) >= LEAST_OBJECTS &&
	       grown(objects, 0) >= (int64_t)(objects->counts[0] / LEAST_SHARE);
}

static bool is_open(enum profile_verdict verdict)
{
	return verdict == VERDICT_NONE || verdict == VERDICT_TOO_LITTLE_DATA;
}

static bool was_cause(const struct profile_objects *objects, const char *cause)
{
	return !strcmp(objects->cause, cause);
}

static const char *say(struct profile *profile, const char *what, const struct series *series)
{
	char text[PATH_MOST + 160];

	snprintf(text, sizeof(text),
		 "%s %+" PRId64 " from pass to pass (%zu in %.0f s), now %" PRIu64 ".", what,
		 grown(series, 0), series->nr, series->times[series->nr - 1] - series->times[0],
		 series->counts[series->nr - 1]);
	return profile_string(profile, text);
}

static void weigh(const struct course *course, const struct profile_objects *objects,
		  struct profile *profile, struct profile_process *process)
{
	bool same = objects->path && was_cause(objects, "none");

	if (!is_open(process->verdict) || was_cause(objects, "filling"))
		return;
	if (same && keeps_growing(&course->items, TREND_POINTS, LEAST_ITEMS)) {
		process->verdict = VERDICT_LEAK;
		process->evidence = say(profile, course->path, &course->items);
	} else if (was_cause(objects, "objects") &&
		   keeps_growing(&course->objects, OBJECTS_POINTS, LEAST_OBJECTS)) {
		process->verdict = VERDICT_LEAK;
		process->evidence = say(profile, "Objects:", &course->objects);
	} else if (process->verdict == VERDICT_NONE && objects_grew(&course->objects)) {
		process->verdict = VERDICT_TOO_LITTLE_DATA;
		process->evidence = say(profile, "Objects:", &course->objects);
	}
}

/* What has become more or less since the pass before. */
static int tell_since(const struct course *course, struct profile *profile,
		      struct profile_objects *objects)
{
	const struct series *series = &course->objects;
	size_t last = series->nr - 1;
	char *text = NULL;

	if (!last)
		return 0;
	if (asprintf(&text, "%s%sSince the pass %.0f s ago: %+" PRId64 " objects.",
		     objects->reason ? objects->reason : "", objects->reason ? " " : "",
		     series->times[last] - series->times[last - 1], grown(series, last - 1)) < 0)
		return -ENOMEM;
	objects->reason = profile_string(profile, text);
	free(text);
	return objects->reason ? 0 : -ENOMEM;
}

/* The last program of that pid whose objects were counted. */
static struct profile_objects *objects_of(struct profile *profile, pid_t pid)
{
	for (size_t i = profile->nr_objects; i-- > 0;)
		if (profile->processes[profile->objects[i].process].pid == (uint32_t)pid)
			return &profile->objects[i];
	return NULL;
}

int history_weigh(struct history *history, pid_t pid, uint64_t start_ticks, double now,
		  struct profile *profile)
{
	struct profile_objects *objects = objects_of(profile, pid);
	struct course *course;

	if (!objects || profile->processes[objects->process].exited)
		return 0;
	course = course_of(history, pid, start_ticks);
	add(course, now, objects);
	weigh(course, objects, profile, &profile->processes[objects->process]);
	return tell_since(course, profile, objects);
}

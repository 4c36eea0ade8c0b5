// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the courses of single containers. There may be as many as objects, so short ones
 * are not kept, nor those that are gone, and there is a limit. An address that is used
 * again for another container of the same type looks like the old one: then the length
 * mostly falls, and growth is what needs care. Places are courses like those of containers.
 */
#include "runtime/container_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "runtime/trend.h"

enum {
	MAX_CONTAINERS = 1 << 18,
	LEAST_YOUNG = 4, /* points of one that was not there at first */
};

struct course {
	uint64_t container;
	uint32_t look; /* in which it was last seen */
	uint32_t lengths[CONTAINER_LOOKS]; /* saturating */
};

struct container_log {
	struct course *courses;
	size_t nr, cap;
	struct hashmap *by_container; /* to the index */
	double times[CONTAINER_LOOKS];
	size_t points, looks;
	uint64_t dropped;
};

struct container_log *container_log_new(void)
{
	struct container_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->by_container = hashmap_new();
	if (!log->by_container) {
		container_log_free(log);
		return NULL;
	}
	return log;
}

void container_log_free(struct container_log *log)
{
	if (!log)
		return;
	hashmap_free(log->by_container);
	free(log->courses);
	free(log);
}

/* Room for one more point: every other goes, the first and the last stay. */
static void thin_out(struct container_log *log)
{
	size_t to = 1;

	for (size_t from = 2; from < log->points; from++) {
		if (from % 2 && from != log->points - 1)
			continue;
		log->times[to] = log->times[from];
		for (size_t i = 0; i < log->nr; i++)
			log->courses[i].lengths[to] = log->courses[i].lengths[from];
		to++;
	}
	log->points = to;
}

/* Those that the last look did not see. */
static int forget_gone(struct container_log *log)
{
	struct hashmap *kept = hashmap_new();
	size_t to = 0;

	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < log->nr; i++) {
		if (log->courses[i].look != log->looks)
			continue;
		if (hashmap_put(kept, log->courses[i].container, to)) {
			hashmap_free(kept);
			return -ENOMEM;
		}
		log->courses[to++] = log->courses[i];
	}
	log->nr = to;
	hashmap_free(log->by_container);
	log->by_container = kept;
	return 0;
}

int container_log_begin(struct container_log *log, double time)
{
	int err = forget_gone(log);

	if (err)
		return err;
	if (log->points == CONTAINER_LOOKS)
		thin_out(log);
	for (size_t i = 0; i < log->nr; i++)
		log->courses[i].lengths[log->points] = 0;
	log->times[log->points++] = time;
	log->looks++;
	return 0;
}

int container_log_add(struct container_log *log, uint64_t container, uint64_t length)
{
	struct course *course;
	uint64_t index;

	if (!hashmap_get(log->by_container, container, &index)) {
		if (length < CONTAINER_LEAST)
			return 0;
		if (log->nr == MAX_CONTAINERS) {
			log->dropped++;
			return 0;
		}
		index = log->nr;
		if (hashmap_put(log->by_container, container, index))
			return -ENOMEM;
		course = vec_push(&log->courses, &log->nr, &log->cap);
		if (!course) {
			hashmap_remove(log->by_container, container);
			return -ENOMEM;
		}
		course->container = container;
	}
	course = &log->courses[index];
	course->look = log->looks;
	course->lengths[log->points - 1] = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
	return 0;
}

size_t container_log_looks(const struct container_log *log)
{
	return log->looks;
}

double container_log_seconds(const struct container_log *log)
{
	return log->points ? log->times[log->points - 1] - log->times[0] : 0;
}

/* The look in which it was first long enough. */
static size_t first_point(const struct container_log *log, const struct course *course)
{
	size_t i = 0;

	while (i + 1 < log->points && !course->lengths[i])
		i++;
	return i;
}

/* The one of both that was there first; NULL: none is known. */
static const struct course *older_course(const struct container_log *log, uint64_t container,
					 uint64_t place)
{
	const struct course *own = NULL, *of_place = NULL;
	uint64_t index;

	if (hashmap_get(log->by_container, container, &index))
		own = &log->courses[index];
	if (place && hashmap_get(log->by_container, place, &index))
		of_place = &log->courses[index];
	if (!own || !of_place)
		return own;
	return first_point(log, of_place) < first_point(log, own) ? of_place : own;
}

/*
 * One that is younger than the first look is judged from when it was there: a few points that
 * rise from nothing are what all that is emptied now and then looks like.
 */
static enum growth_trend trend_of_course(const struct container_log *log,
					 const struct course *course)
{
	uint64_t counts[CONTAINER_LOOKS];
	size_t first = first_point(log, course), left = log->points - first;
	enum growth_trend trend;

	for (size_t i = 0; i < log->points; i++)
		counts[i] = course->lengths[i];
	trend = trend_of_counts(counts, log->times, log->points);
	if (trend != TREND_GROWING || !first)
		return trend;
	return left < LEAST_YOUNG ? TREND_UNKNOWN
				  : trend_of_counts(counts + first, log->times + first, left);
}

static int64_t delta_of(const struct container_log *log, const struct course *course)
{
	return (int64_t)course->lengths[log->points - 1] - (int64_t)course->lengths[0];
}

bool container_log_growth(const struct container_log *log, uint64_t container, uint64_t place,
			  struct container_growth *ret_growth)
{
	const struct course *course = older_course(log, container, place);
	double seconds = container_log_seconds(log);

	if (!course)
		return false;
	ret_growth->delta = delta_of(log, course);
	ret_growth->rate = seconds > 0 ? ret_growth->delta / seconds : 0;
	ret_growth->trend = trend_of_course(log, course);
	ret_growth->is_new = log->points > 1 && !course->lengths[0];
	return true;
}

int64_t container_log_delta(const struct container_log *log, uint64_t container, uint64_t place)
{
	const struct course *course = older_course(log, container, place);

	return course ? delta_of(log, course) : 0;
}

static const struct course *find(const struct container_log *log, uint64_t container)
{
	uint64_t index;

	return hashmap_get(log->by_container, container, &index) ? &log->courses[index] : NULL;
}

bool container_log_knows(const struct container_log *log, uint64_t container)
{
	return find(log, container);
}

bool container_log_is_old(const struct container_log *log, uint64_t container)
{
	const struct course *course = find(log, container);

	return course && course->look == log->looks && course->lengths[0];
}

uint64_t container_log_length(const struct container_log *log, uint64_t container)
{
	const struct course *course = find(log, container);

	return course ? course->lengths[log->points - 1] : 0;
}

uint64_t container_log_dropped(const struct container_log *log)
{
	return log->dropped;
}

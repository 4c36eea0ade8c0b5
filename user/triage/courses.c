// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the memory of many courses. Moments become slots, numbered for good, and a course keeps the
 * last COURSE_POINTS of them in a ring; where nothing was looked at there is no slot, so looks far
 * apart cost no room. When the ring is full of slots that are all within the window, two become
 * one, with the lower value, since troughs are what is judged; and from then on looks that are as
 * close together as that share a slot. Who looks late, on a busy host, still has COURSE_LEAST
 * points, though they go back beyond the window.
 */
#include "triage/courses.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"

enum { SLOTS = COURSE_POINTS - 2 };
/* Values are kept in units of the smallest page: up to 16 TiB. */
enum { UNIT = 4096 };

struct course {
	uint64_t key, identity;
	uint64_t first; /* slot */
	uint64_t moment; /* of the last value; 0: not in use */
	uint32_t values[COURSE_POINTS];
};

struct courses {
	double window;
	double spacing; /* moments closer together share a slot */
	size_t max;
	double times[COURSE_POINTS]; /* of the slots, by number, as a ring */
	uint64_t slots; /* number of the newest one; 0 none yet */
	double last;
	uint64_t moment;
	bool new_slot; /* this moment opened one */
	struct course *items;
	size_t nr, cap;
	uint32_t *unused; /* indexes of items */
	size_t nr_unused, cap_unused;
	struct hashmap *by_key; /* -> index */
};

struct courses *courses_new(double window, size_t max)
{
	struct courses *courses = calloc(1, sizeof(*courses));

	if (!courses)
		return NULL;
	courses->window = window;
	courses->max = max;
	courses->by_key = hashmap_new();
	if (!courses->by_key) {
		free(courses);
		return NULL;
	}
	return courses;
}

void courses_free(struct courses *courses)
{
	if (!courses)
		return;
	hashmap_free(courses->by_key);
	free(courses->items);
	free(courses->unused);
	free(courses);
}

static double time_of(const struct courses *courses, uint64_t slot)
{
	return courses->times[slot % COURSE_POINTS];
}

/* A full ring's values, in pairs. `oldest` is the number of its first slot. */
static void halve_course(struct course *course, uint64_t oldest)
{
	uint32_t values[COURSE_POINTS] = { 0 };

	for (uint64_t i = 0; i < COURSE_POINTS; i += 2) {
		uint32_t early = course->values[(oldest + i) % COURSE_POINTS];
		uint32_t late = course->values[(oldest + i + 1) % COURSE_POINTS];

		values[i / 2 + 1] = late < early || oldest + i < course->first ? late : early;
	}
	course->first = course->first > oldest ? (course->first - oldest) / 2 + 1 : 1;
	memcpy(course->values, values, sizeof(values));
}

/* Two slots become one: numbers begin again at 1. */
static void halve(struct courses *courses)
{
	uint64_t oldest = courses->slots - COURSE_POINTS + 1;
	double times[COURSE_POINTS] = { 0 }, wider;

	for (uint64_t i = 0; i < COURSE_POINTS; i += 2)
		times[i / 2 + 1] = time_of(courses, oldest + i);
	for (size_t i = 0; i < courses->nr; i++)
		if (courses->items[i].moment)
			halve_course(&courses->items[i], oldest);
	memcpy(courses->times, times, sizeof(times));
	courses->slots = COURSE_POINTS / 2;
	wider = (time_of(courses, courses->slots) - time_of(courses, 1)) /
		(double)(courses->slots - 1);
	courses->spacing = fmin(fmax(2 * courses->spacing, wider), courses->window / SLOTS);
}

int courses_begin(struct courses *courses, double time)
{
	if (courses->moment && time < courses->last)
		return -EINVAL;
	courses->new_slot = !courses->slots ||
			    time - time_of(courses, courses->slots) >= courses->spacing;
	/* The next slot takes the place of the oldest one. */
	if (courses->new_slot && courses->slots >= COURSE_POINTS &&
	    time_of(courses, courses->slots + 1) >= time - courses->window)
		halve(courses);
	if (courses->new_slot)
		courses->times[++courses->slots % COURSE_POINTS] = time;
	courses->last = time;
	courses->moment++;
	return 0;
}

static int add_course(struct courses *courses, uint64_t key, uint64_t *ret_index)
{
	uint64_t index;
	int err;

	if (courses->nr_unused) {
		index = courses->unused[courses->nr_unused - 1];
	} else {
		if (courses->nr >= courses->max)
			return -ENOSPC;
		if (!vec_push(&courses->items, &courses->nr, &courses->cap))
			return -ENOMEM;
		index = courses->nr - 1;
	}
	err = hashmap_put(courses->by_key, key, index);
	if (err) {
		if (!courses->nr_unused)
			courses->nr--;
		return err;
	}
	courses->nr_unused -= courses->nr_unused > 0;
	courses->items[index].key = key;
	*ret_index = index;
	return 0;
}

int courses_put(struct courses *courses, uint64_t key, uint64_t identity, uint64_t bytes)
{
	uint32_t value = bytes / UNIT < UINT32_MAX ? bytes / UNIT : UINT32_MAX, *slot;
	struct course *course;
	uint64_t index;
	bool fresh = !hashmap_get(courses->by_key, key, &index);
	int err = fresh ? add_course(courses, key, &index) : 0;

	if (err)
		return err;
	course = &courses->items[index];
	if (fresh || course->identity != identity) {
		course->identity = identity;
		course->first = courses->slots;
		fresh = true;
	}
	slot = &course->values[courses->slots % COURSE_POINTS];
	if (fresh || courses->new_slot || value < *slot)
		*slot = value;
	course->moment = courses->moment;
	return 0;
}

void courses_end(struct courses *courses)
{
	for (size_t i = 0; i < courses->nr; i++) {
		struct course *course = &courses->items[i];
		uint32_t *unused;

		if (!course->moment || course->moment == courses->moment)
			continue;
		unused = vec_push(&courses->unused, &courses->nr_unused, &courses->cap_unused);
		/* Out of memory it stays until the next time. */
		if (!unused)
			return;
		*unused = i;
		hashmap_remove(courses->by_key, course->key);
		course->moment = 0;
	}
}

size_t courses_points(const struct courses *courses, uint64_t key, uint64_t identity,
		      struct series_point points[COURSE_POINTS])
{
	const struct course *course;
	uint64_t index, slot;
	size_t nr = 0;

	if (!hashmap_get(courses->by_key, key, &index))
		return 0;
	course = &courses->items[index];
	if (course->identity != identity)
		return 0;
	slot = courses->slots >= COURSE_POINTS ? courses->slots - COURSE_POINTS + 1 : 1;
	for (slot = slot > course->first ? slot : course->first; slot <= courses->slots; slot++) {
		double time = time_of(courses, slot);

		if (time < courses->last - courses->window && courses->slots - slot >= COURSE_LEAST)
			continue;
		points[nr++] =
			(struct series_point){ time, (double)course->values[slot % COURSE_POINTS] *
							     UNIT };
	}
	return nr;
}

size_t courses_bytes(const struct courses *courses)
{
	return sizeof(*courses) + courses->cap * sizeof(*courses->items) +
	       courses->cap_unused * sizeof(*courses->unused) + hashmap_bytes(courses->by_key);
}

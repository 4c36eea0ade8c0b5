// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the spaces and their identity. Knows neither blocks nor sites. A space stays after
 * its end, since its blocks are reported as live at exit.
 */
#include "heap/spaces.h"

#include "base/hashmap.h"
#include "base/vec.h"
#include "heap/mapping.h"

#include <errno.h>

struct spaces {
	struct space **items;
	size_t nr, cap;
	struct hashmap *by_id;
	uint32_t last_id, last_index; /* most records speak of the space of the one before */
};

struct spaces *spaces_new(void)
{
	struct spaces *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->by_id = hashmap_new();
	if (!s->by_id) {
		free(s);
		return NULL;
	}
	return s;
}

static void free_space(struct space *space)
{
	mappings_free(space->mappings);
	free(space->points);
	free(space);
}

void spaces_free(struct spaces *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr; i++)
		free_space(s->items[i]);
	free(s->items);
	hashmap_free(s->by_id);
	free(s);
}

struct space *spaces_at(const struct spaces *s, uint32_t index)
{
	return s->items[index - 1];
}

uint32_t spaces_find(const struct spaces *s, uint32_t id)
{
	uint64_t index;

	if (s->last_index && s->last_id == id)
		return s->last_index;
	return hashmap_get(s->by_id, id, &index) ? (uint32_t)index : 0;
}

static uint32_t add(struct spaces *s, uint32_t id, uint32_t time)
{
	struct space *space, **item;

	if (s->nr >= SPACES_MAX)
		return 0;
	space = calloc(1, sizeof(*space));
	if (!space)
		return 0;
	space->id = id;
	space->begin = time;
	space->points_stride = 1;
	item = vec_push(&s->items, &s->nr, &s->cap);
	if (!item)
		goto fail;
	*item = space;
	if (hashmap_put(s->by_id, id, s->nr)) {
		s->nr--;
		goto fail;
	}
	return (uint32_t)s->nr;
fail:
	free(space);
	return 0;
}

uint32_t spaces_get(struct spaces *s, uint32_t id, uint32_t time)
{
	uint32_t index = spaces_find(s, id);

	if (!index)
		index = add(s, id, time);
	if (index) {
		s->last_id = id;
		s->last_index = index;
	}
	return index;
}

int spaces_begin(struct spaces *s, const struct seep_space *begin, uint32_t time)
{
	uint32_t index = spaces_get(s, begin->space, time), parent = 0;
	struct space *space;

	if (!index)
		return -ENOMEM;
	if (begin->parent && begin->parent != begin->space)
		parent = spaces_find(s, begin->parent);
	space = spaces_at(s, index);
	space->tgid = begin->tgid;
	space->ns_tgid = begin->ns_tgid;
	space->start_time = begin->start_time;
	memcpy(space->comm, begin->comm, SEEP_COMM_LEN);
	if (begin->reason == SEEP_SPACE_FORK) {
		space->inherits = true;
		space->forked_from = parent;
	} else if (begin->reason == SEEP_SPACE_EXEC && parent) {
		space->forked_from = spaces_at(s, parent)->forked_from;
		space->generation = spaces_at(s, parent)->generation + 1;
	}
	return 0;
}

void space_merge(struct space *space, unsigned int doublings)
{
	for (; space->doublings < doublings; space->doublings++) {
		uint32_t *u = space->unmatched;

		for (int i = 0; i < PROFILE_COHORTS / 2; i++)
			u[i] = u[2 * i] + u[2 * i + 1];
		memset(&u[PROFILE_COHORTS / 2], 0, PROFILE_COHORTS / 2 * sizeof(*u));
	}
}

void space_unmatched(struct space *space, uint32_t cohort, unsigned int doublings)
{
	space_merge(space, doublings);
	space->unmatched[cohort]++;
}

/* Every second point goes; of the marks to come twice as many are passed over. */
static void thin_points(struct space *space)
{
	for (size_t i = 0; i < space->nr_points / 2; i++)
		space->points[i] = space->points[2 * i];
	space->nr_points /= 2;
	space->points_stride *= 2;
}

int space_mark(struct space *space, const struct space_point *point, size_t most)
{
	struct space_point *added;

	if (point->rss_bytes && !space->rss_first)
		space->rss_first = point->rss_bytes;
	if (point->rss_bytes)
		space->rss_last = point->rss_bytes;
	if (space->points_skipped) {
		space->points_skipped--;
		return 0;
	}
	while (space->nr_points >= most)
		thin_points(space);
	added = vec_push(&space->points, &space->nr_points, &space->cap_points);
	if (!added)
		return -ENOMEM;
	*added = *point;
	space->points_skipped = space->points_stride - 1;
	return 0;
}

size_t spaces_count(const struct spaces *s)
{
	return s->nr;
}

uint64_t spaces_bytes(const struct spaces *s)
{
	uint64_t bytes = sizeof(*s) + s->cap * sizeof(*s->items) + hashmap_bytes(s->by_id);

	for (size_t i = 0; i < s->nr; i++) {
		const struct space *space = s->items[i];

		bytes += sizeof(*space) + space->cap_points * sizeof(*space->points);
		if (space->mappings)
			bytes += mappings_bytes(space->mappings);
	}
	return bytes;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns what is said of two builds of a program. Captures differ by load and chance alone, so a
 * site is new only if chance would rarely hide it from all captures of the older build, and
 * faster only if ranks say so; with fewer captures than could ever show it, that is what is said.
 * Captures of one process are not independent of each other: where each side has few processes
 * the chance is larger than is printed. A capture that has not seen the site counts as one
 * without growth: what it did not see did not allocate.
 */
#include "heap/fleet.h"
#include "heap/fleet_internal.h"
#include "base/ranks.h"
#include "base/vec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The looks of one side, and what a site grew by in each. */
struct sample {
	uint32_t *place_of; /* by look: its place in values, from 1; 0: not of this side */
	double *values, *sorted;
	size_t nr;
};

static void sample_free(struct sample *sample)
{
	free(sample->place_of);
	free(sample->values);
	free(sample->sorted);
}

static int sample_new(const struct fleet *fleet, const bool *programs, struct sample *ret_sample)
{
	struct sample sample = {
		.place_of = calloc(fleet->nr_looks + 1, sizeof(*sample.place_of)),
		.values = calloc(fleet->nr_looks + 1, sizeof(*sample.values)),
		.sorted = calloc(fleet->nr_looks + 1, sizeof(*sample.sorted)),
	};

	if (!sample.place_of || !sample.values || !sample.sorted) {
		sample_free(&sample);
		return -ENOMEM;
	}
	for (size_t i = 0; i < fleet->nr_looks; i++)
		if (programs[fleet->looks[i].program])
			sample.place_of[i] = ++sample.nr;
	*ret_sample = sample;
	return 0;
}

static struct fleet_side take_side(const struct fleet *fleet, const uint32_t *order,
				   const struct fleet_group *group, struct sample *sample)
{
	struct fleet_side side = { .looks = sample->nr };
	struct fleet_seen seen = { 0 };

	memset(sample->values, 0, sample->nr * sizeof(*sample->values));
	while (fleet_next_look(fleet, order, group, &seen)) {
		uint32_t place = sample->place_of[seen.look];

		if (!place)
			continue;
		sample->values[place - 1] = seen.growth;
		side.seen++;
		side.accused += seen.accused;
	}
	for (size_t i = 0; i < sample->nr; i++)
		side.mean += sample->values[i] / sample->nr;
	memcpy(sample->sorted, sample->values, sample->nr * sizeof(*sample->values));
	side.growth = sample->nr ? ranks_median(sample->sorted, sample->nr) : 0;
	return side;
}

/* Could any outcome of so many looks be believed? The least chance is 2 / C(n, a). */
static bool can_tell(size_t a, size_t b)
{
	double ways = 1;

	for (size_t i = 1; i <= a && ways < 1e9; i++)
		ways *= (double)(b + i) / i;
	return 2 / ways <= FLEET_CHANCE;
}

static void judge(struct fleet_difference *difference, const struct sample *before,
		  const struct sample *after)
{
	const struct fleet_side *a = &difference->before, *b = &difference->after;

	difference->change = FLEET_TOO_LITTLE_DATA;
	difference->chance = 1;
	if (a->looks < FLEET_LOOKS_LEAST || b->looks < FLEET_LOOKS_LEAST)
		return;
	if (!a->accused) {
		difference->chance = ranks_absence(a->looks, b->looks, b->accused);
		if (difference->chance <= FLEET_CHANCE)
			difference->change = FLEET_NEW;
	} else if (!b->accused) {
		difference->chance = ranks_absence(b->looks, a->looks, a->accused);
		if (difference->chance <= FLEET_CHANCE)
			difference->change = FLEET_GONE;
	} else if (can_tell(a->looks, b->looks)) {
		difference->chance =
			ranks_chance(before->values, before->nr, after->values, after->nr);
		difference->change = difference->chance > FLEET_CHANCE ? FLEET_SAME
				     : b->mean > a->mean	       ? FLEET_REGRESSED
								       : FLEET_IMPROVED;
	}
}

/* Of the second side if it was accused there, else of the first; false: of neither. */
static bool find_latest(const struct fleet *fleet, const uint32_t *order,
			const struct fleet_group *group, const struct sample *before,
			const struct sample *after, uint32_t *ret_latest)
{
	bool found = false, found_after = false;

	for (size_t i = group->begin; i < group->end; i++) {
		const struct fleet_sighting *one = &fleet->sightings[order[i]];
		bool is_after = after->place_of[one->look];

		if (!fleet_is_accused(one) || (!is_after && !before->place_of[one->look]) ||
		    (found_after && !is_after))
			continue;
		*ret_latest = order[i];
		found = true;
		found_after |= is_after;
	}
	return found;
}

static int compare_differences(const void *left, const void *right)
{
	const struct fleet_difference *a = left, *b = right;
	double by_a = fabs(a->after.mean - a->before.mean);
	double by_b = fabs(b->after.mean - b->before.mean);

	if (a->change != b->change)
		return a->change < b->change ? -1 : 1;
	if (by_a != by_b)
		return by_a < by_b ? 1 : -1;
	return a->names < b->names ? -1 : a->names > b->names;
}

static int compare_all(const struct fleet *fleet, struct sample *before, struct sample *after,
		       struct fleet_difference **ret_differences, size_t *ret_nr)
{
	struct fleet_difference *differences = NULL, *one;
	struct fleet_group group = { 0 };
	size_t nr = 0, cap = 0;
	uint32_t *order, latest;
	int err = fleet_group(fleet, &order);

	if (err)
		return err;
	while (!err && fleet_next_group(fleet, order, &group)) {
		if (!find_latest(fleet, order, &group, before, after, &latest))
			continue;
		one = vec_push(&differences, &nr, &cap);
		if (!one) {
			err = -ENOMEM;
			continue;
		}
		one->names = group.names;
		one->latest = latest;
		one->before = take_side(fleet, order, &group, before);
		one->after = take_side(fleet, order, &group, after);
		judge(one, before, after);
	}
	free(order);
	if (err) {
		free(differences);
		return err;
	}
	if (nr)
		qsort(differences, nr, sizeof(*differences), compare_differences);
	*ret_differences = differences;
	*ret_nr = nr;
	return 0;
}

int fleet_compare(const struct fleet *fleet, const bool *before, const bool *after,
		  struct fleet_difference **ret_differences, size_t *ret_nr)
{
	struct sample a, b;
	int err = sample_new(fleet, before, &a);

	if (err)
		return err;
	err = sample_new(fleet, after, &b);
	if (!err) {
		err = compare_all(fleet, &a, &b, ret_differences, ret_nr);
		sample_free(&b);
	}
	sample_free(&a);
	return err;
}

const char *fleet_change_name(enum fleet_change change)
{
	static const char *const names[FLEET_CHANGES] = {
		[FLEET_NEW] = "new",
		[FLEET_GONE] = "gone",
		[FLEET_REGRESSED] = "regressed",
		[FLEET_IMPROVED] = "improved",
		[FLEET_SAME] = "same",
		[FLEET_TOO_LITTLE_DATA] = "too little data",
	};

	return names[change];
}

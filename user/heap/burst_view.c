// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns what all estimates share: which share of each burst is in a burst again, at each age. */
#include "heap/bursts_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hashmap.h"

static double end_of(const struct burst_view *view, const struct burst *burst)
{
	uint32_t end = burst->end ? burst->end : view->now;

	return end > burst->begin ? end : burst->begin + 1.0;
}

/* The integral from 0 to x of what is within [0, length]. */
static double ramp(double x, double length)
{
	if (x <= 0)
		return 0;
	return x < length ? x * x / 2 : length * length / 2 + length * (x - length);
}

static void add_pair(struct burst_view *view, size_t j, size_t k)
{
	const struct burst *from = &view->bursts->items[j], *to = &view->bursts->items[k];
	double begin = from->begin, end = end_of(view, from), at = to->begin;
	double length = end_of(view, to) - at, least = fmax(at - end, 0);
	float *coverage = view->coverage + j * AGES;
	unsigned int age = age_of((uint32_t)least);

	for (; age < AGES && age_edge(age) < at + length - begin; age++) {
		double low = age_edge(age), high = age_edge(age + 1);
		double seen = ramp(end + high - at, length) - ramp(begin + high - at, length) -
			      ramp(end + low - at, length) + ramp(begin + low - at, length);

		coverage[age] += (float)(seen / (end - begin) / (high - low));
		view->pairs[age]++;
	}
}

static int count_controls(struct burst_view *view)
{
	uint64_t key, value, count;
	size_t cursor = 0;

	while (hashmap_next(view->bursts->controls, &cursor, &key, &value)) {
		count = 0;
		hashmap_get(view->controls, value, &count);
		if (hashmap_put(view->controls, value, count + 1))
			return -ENOMEM;
	}
	return 0;
}

struct burst_view *burst_view_new(const struct bursts *bursts, uint32_t now)
{
	struct burst_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->bursts = bursts;
	view->now = now;
	view->controls = hashmap_new();
	view->coverage = calloc(bursts->nr * AGES + 1, sizeof(*view->coverage));
	view->shares = calloc(bursts->nr_sites + 1, sizeof(*view->shares));
	view->known = calloc(bursts->nr_sites + 1, 1);
	view->growth = calloc(bursts->nr + 1, sizeof(*view->growth));
	view->weight = calloc(bursts->nr + 1, sizeof(*view->weight));
	view->most = calloc(bursts->nr + 1, sizeof(*view->most));
	if (!view->controls || !view->coverage || !view->shares || !view->known || !view->growth ||
	    !view->weight || !view->most || count_controls(view)) {
		burst_view_free(view);
		return NULL;
	}
	for (size_t j = 0; j < bursts->nr; j++)
		for (size_t k = j; k < bursts->nr; k++)
			add_pair(view, j, k);
	view->followed = burst_followed(view);
	return view;
}

void burst_view_free(struct burst_view *view)
{
	if (!view)
		return;
	hashmap_free(view->controls);
	free(view->growth);
	free(view->weight);
	free(view->most);
	free(view->shares);
	free(view->known);
	free(view->coverage);
	free(view);
}

double burst_length(const struct burst_view *view, size_t index)
{
	const struct burst *burst = &view->bursts->items[index];

	return end_of(view, burst) - burst->begin;
}

double burst_student(double z, double groups)
{
	return z * (1 + (z * z + 1) / (4 * fmax(groups - 1, 1)));
}

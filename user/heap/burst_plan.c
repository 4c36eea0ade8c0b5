// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the draws. The generator is splitmix64 (Steele, Lea and Flood, 2014). */
#include "heap/burst_plan.h"

#include <math.h>

enum { STRATA = 8 };

/* Evenly from 0 to 1. */
static double draw(struct burst_plan *plan)
{
	uint64_t x = plan->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

/*
 * Evenly too, but of each STRATA draws one from each part: then a few sum up to about what they are
 * expected to, and no two of the longest pauses leave most of a minute unseen.
 */
static double draw_apart(struct burst_plan *plan, uint32_t *used)
{
	unsigned int left, part = 0;

	if (*used == (1U << STRATA) - 1)
		*used = 0;
	left = STRATA - (unsigned int)__builtin_popcount(*used);
	left = (unsigned int)(draw(plan) * left);
	while (*used >> part & 1 || left--)
		part++;
	*used |= 1U << part;
	return (part + draw(plan)) / STRATA;
}

double burst_plan_length(struct burst_plan *plan)
{
	return plan->shortest *
	       pow(plan->longest / plan->shortest, draw_apart(plan, &plan->lengths_used));
}

/* The mean of a log-uniform draw from 1 to `ratio`. */
static double mean_of(double ratio)
{
	return ratio > 1.0001 ? (ratio - 1) / log(ratio) : 1;
}

double burst_plan_pause(struct burst_plan *plan, double mean)
{
	double low = 1, high = 1e9, wanted = mean / plan->least_pause;

	if (wanted <= 1)
		return plan->least_pause;
	for (int i = 0; i < 60; i++) {
		double middle = sqrt(low * high);

		if (mean_of(middle) < wanted)
			low = middle;
		else
			high = middle;
	}
	return plan->least_pause * pow(low, draw_apart(plan, &plan->pauses_used));
}

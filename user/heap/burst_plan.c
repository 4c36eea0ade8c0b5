// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the draws. The generator is splitmix64 (Steele, Lea and Flood, 2014). */
#include "heap/burst_plan.h"

#include <math.h>

/* Evenly from 0 to 1. */
static double draw(struct burst_plan *plan)
{
	uint64_t x = plan->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

double burst_plan_length(struct burst_plan *plan)
{
	return plan->shortest * pow(plan->longest / plan->shortest, draw(plan));
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
	return plan->least_pause * pow(low, draw(plan));
}

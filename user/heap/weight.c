// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "heap/weight.h"

#include <math.h>

/* A block of no bytes would never be seen; the kernel side samples it as one byte. */
static double probability(uint64_t size, uint64_t sample_bytes)
{
	double bytes = size ? (double)size : 1;

	return -expm1(-bytes / (double)sample_bytes);
}

struct weight weight_sampled(uint64_t size, uint64_t sample_bytes)
{
	double p = probability(size, sample_bytes);

	return (struct weight){
		.bytes = (uint64_t)((double)size / p + 0.5),
		.count = (uint64_t)(WEIGHT_ONE_SAMPLED / p + 0.5),
	};
}

void weight_variance(uint64_t size, uint64_t sample_bytes, double *bytes, double *count)
{
	double p = probability(size, sample_bytes), one = (1 - p) / (p * p);

	*bytes += (double)size * (double)size * one;
	*count += one;
}

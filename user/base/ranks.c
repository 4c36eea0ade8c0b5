/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns statistics of two samples. The exact distribution of a rank sum with ties is counted by
 * adding one value after another: ways[k][s] is in how many ways k of the values so far have
 * doubled ranks that sum to s (Streitberg and Roehmel 1986, the shift algorithm). Doubled, since
 * values that tie share the mean of their ranks.
 */
#include "base/ranks.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
	double value;
	bool in_a;
	unsigned int doubled; /* rank, from 1, times two */
};

static int compare_values(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

double ranks_median(double *values, size_t nr)
{
	if (!nr)
		return NAN;
	qsort(values, nr, sizeof(*values), compare_values);
	return nr % 2 ? values[nr / 2] : (values[nr / 2 - 1] + values[nr / 2]) / 2;
}

/* Both structs begin with their value. */
static int compare_first(const void *left, const void *right)
{
	return compare_values(left, right);
}

double ranks_weighted_median(struct ranks_weighted *values, size_t nr)
{
	double total = 0, below = 0;

	if (!nr)
		return NAN;
	qsort(values, nr, sizeof(*values), compare_first);
	for (size_t i = 0; i < nr; i++)
		total += values[i].weight;
	for (size_t i = 0; i < nr; i++) {
		below += values[i].weight;
		/* Half exactly: between this one and the next, as with a plain median. */
		if (below == total / 2 && i + 1 < nr)
			return (values[i].value + values[i + 1].value) / 2;
		if (below > total / 2)
			return values[i].value;
	}
	return values[nr - 1].value;
}

/* Returns the sum of t^3 - t over groups of t equal values. */
static double rank(struct ranked *values, size_t nr)
{
	double ties = 0;

	qsort(values, nr, sizeof(*values), compare_first);
	for (size_t begin = 0, end; begin < nr; begin = end) {
		double length;

		for (end = begin; end < nr && values[end].value == values[begin].value; end++)
			;
		for (size_t i = begin; i < end; i++)
			values[i].doubled = begin + 1 + end;
		length = end - begin;
		ties += length * length * length - length;
	}
	return ties;
}

static double exact_chance(const struct ranked *values, size_t nr, size_t nr_a, unsigned int sum)
{
	size_t most = nr * (nr + 1), width = most + 1;
	double *ways = calloc((nr_a + 1) * width, sizeof(*ways));
	double low = 0, high = 0, all = 0;

	if (!ways)
		return 1;
	ways[0] = 1;
	for (size_t i = 0; i < nr; i++)
		for (size_t k = nr_a; k-- > 0;)
			for (size_t s = 0; s + values[i].doubled <= most; s++)
				ways[(k + 1) * width + s + values[i].doubled] +=
					ways[k * width + s];
	for (size_t s = 0; s <= most; s++) {
		double count = ways[nr_a * width + s];

		all += count;
		low += s <= sum ? count : 0;
		high += s >= sum ? count : 0;
	}
	free(ways);
	return fmin(1, 2 * fmin(low, high) / all);
}

static double normal_chance(size_t nr_a, size_t nr_b, double sum, double ties)
{
	double a = nr_a, b = nr_b, n = a + b;
	double variance = a * b / 12 * (n + 1 - ties / (n * (n - 1)));
	double away = fabs(sum - a * (n + 1) / 2) - 0.5;

	if (variance <= 0 || away <= 0)
		return 1;
	return erfc(away / sqrt(2 * variance));
}

double ranks_chance(const double *a, size_t nr_a, const double *b, size_t nr_b)
{
	size_t nr = nr_a + nr_b;
	struct ranked *values;
	double ties, chance;
	uint64_t sum = 0;

	if (!nr_a || !nr_b)
		return 1;
	values = calloc(nr, sizeof(*values));
	if (!values)
		return 1;
	for (size_t i = 0; i < nr; i++)
		values[i] = (struct ranked){ i < nr_a ? a[i] : b[i - nr_a], i < nr_a, 0 };
	ties = rank(values, nr);
	for (size_t i = 0; i < nr; i++)
		sum += values[i].in_a ? values[i].doubled : 0;
	chance = nr <= RANKS_EXACT ? exact_chance(values, nr, nr_a, sum)
				   : normal_chance(nr_a, nr_b, sum / 2.0, ties);
	free(values);
	return chance;
}

double ranks_absence(size_t nr_a, size_t nr_b, size_t seen)
{
	double chance = 1;

	if (seen > nr_b)
		return 0;
	for (size_t i = 0; i < seen; i++)
		chance *= (double)(nr_b - i) / (nr_a + nr_b - i);
	return chance;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is what was seen in one sample other than in another? By ranks and counts: nothing is assumed
 * of how values are distributed, and small samples are counted out exactly.
 */
#ifndef SEEP_BASE_RANKS_H
#define SEEP_BASE_RANKS_H

#include <stddef.h>

/* NAN for none. Sorts the values. */
double ranks_median(double *values, size_t nr);

/* The value at which half of the weight is reached. NAN for none. Sorts them. */
struct ranks_weighted {
	double value, weight;
};
double ranks_weighted_median(struct ranks_weighted *values, size_t nr);

/*
 * The chance that values of one kind would fall so far apart, or farther, by themselves: the
 * Wilcoxon rank-sum test, two-sided. Exact up to RANKS_EXACT values in all, then by the normal
 * approximation, with ties in both. 1 when either sample is empty.
 */
enum { RANKS_EXACT = 40 };
double ranks_chance(const double *a, size_t nr_a, const double *b, size_t nr_b);

/*
 * The chance that something seen in `seen` of nr_a + nr_b looks would be seen in none of the nr_a
 * by itself: hypergeometric (Fisher's exact test, one-sided).
 */
double ranks_absence(size_t nr_a, size_t nr_b, size_t seen);

#endif

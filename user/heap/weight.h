/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one sampled block stands for.
 *
 * The kernel side samples bytes as a Poisson process of one sample in R bytes, so a block of
 * n bytes is seen with the probability p = 1 - exp(-n / R). Counting each block seen as 1/p
 * blocks makes every sum over blocks unbiased (Horvitz and Thompson 1952, "A generalization
 * of sampling without replacement from a finite universe"). Blocks are seen independently of
 * each other, so the variance of an estimated sum of x_i over the blocks is
 * sum x_i^2 (1 - p_i) / p_i over all blocks, of which sum x_i^2 (1 - p_i) / p_i^2 over the
 * blocks seen is an unbiased estimate, by the same argument. x is the size for bytes, 1 for
 * counts.
 *
 * Bytes are rounded to one and counts to 1/256, so that integers can be added and taken away
 * again without a rest.
 */
#ifndef SEEP_HEAP_WEIGHT_H
#define SEEP_HEAP_WEIGHT_H

#include <stdint.h>

#define WEIGHT_ONE_SAMPLED 256 /* the count of one block, sampled mode */

struct weight {
	uint64_t bytes, count; /* count: times WEIGHT_ONE_SAMPLED */
};

struct weight weight_sampled(uint64_t size, uint64_t sample_bytes);
/* What the block adds to the variance of bytes and of count. */
void weight_variance(uint64_t size, uint64_t sample_bytes, double *bytes, double *count);

#endif

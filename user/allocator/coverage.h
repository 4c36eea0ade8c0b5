/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much an allocator can hold free at most, where its own structures are not known: what is
 * resident in anonymous memory, and lies in none of the blocks that are outstanding. Blocks that
 * nobody told of (older ones), stacks of threads and what the allocator needs for itself are in
 * it too: it is a bound, no estimate.
 */
#ifndef SEEP_ALLOCATOR_COVERAGE_H
#define SEEP_ALLOCATOR_COVERAGE_H

#include <stdint.h>

#include "allocator/holding.h"
#include "memory/regions.h"

struct coverage;

/* 0; -E2BIG: more memory than is looked through; -ENOMEM. `regions` must outlive it. */
int coverage_new(const struct regions *regions, struct coverage **ret_coverage);
void coverage_free(struct coverage *coverage);

/* A block is outstanding. What is outside the regions counts for nothing. */
void coverage_add(struct coverage *coverage, uint64_t address, uint64_t size);

/*
 * `pagemap` is an open /proc/PID/pagemap: which pages are resident. In *ret_holding held is all
 * that is, free the bound, free_whole what of it is whole pages. 0, -ESRCH, -EIO.
 */
int coverage_measure(const struct coverage *coverage, int pagemap, struct holding *ret_holding);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the heap: what one walk over all live blocks and mappings finds for each site. */
#ifndef SEEP_HEAP_TALLY_H
#define SEEP_HEAP_TALLY_H

#include "heap/state.h"

/* Of the blocks that pass the filter; counts as in struct cohort. */
struct tally {
	uint64_t live_bytes, live_count;
	uint64_t largest;
	uint64_t seen; /* blocks and mappings, not scaled up */
	uint32_t oldest; /* time of birth */
	double bytes_variance, count_variance;
};

struct tally_cohort {
	uint64_t bytes, count;
};

struct tallies;

/* `filter` may be NULL. NULL when out of memory. */
struct tallies *tallies_new(struct heap *heap, uint32_t now, const struct heap_filter *filter);
void tallies_free(struct tallies *tallies);
const struct tally *tallies_at(const struct tallies *tallies, uint32_t site);
/* What passes the filter of a cohort of the site. */
struct tally_cohort tallies_live(const struct tallies *tallies, uint32_t site, uint32_t cohort);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of sites, each with its course over the capture in cohorts: what was born in
 * an interval, what of that is still live, and what was released during it.
 *
 * All sites share one division of the capture into at most PROFILE_COHORTS equal
 * intervals. It starts at SITES_FIRST_INTERVAL; when the capture outgrows it the interval
 * doubles and neighbours merge. Since a block carries its time of birth, its cohort is
 * found at any time, and blocks need no number of one.
 *
 * Counts are kept times `count_one` of the owner (heap.c), so that a sampled block can stand
 * for 3.7 blocks.
 */
#ifndef SEEP_HEAP_SITES_H
#define SEEP_HEAP_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

#define SITES_FIRST_INTERVAL 50 /* milliseconds */

struct site_key {
	uint64_t stack;
	uint32_t space; /* index */
	uint32_t tid;
	uint8_t family;
	uint8_t op;
	uint16_t kind; /* enum site_kind */
	uint32_t reserved; /* 0 */
};

enum site_kind {
	SITE_PLAIN = 0,
	SITE_OTHERS, /* sums what had no room as sites of its own, one per space */
};

/* What a site's bytes are: they do not add up across layers. */
enum site_layer {
	LAYER_BLOCKS = 0, /* bytes of an allocator */
	LAYER_MAPPINGS, /* address space */
	LAYER_HANDLES, /* none: each handle of a pair of functions counts as one */
	LAYER_COUNT,
};

struct cohort {
	uint64_t alloc_bytes, alloc_count; /* born in the interval */
	uint64_t live_bytes, live_count; /* of those, still live */
	uint64_t gone_bytes, gone_count; /* of any age, released or evicted in it */
	uint64_t dip; /* how far the outstanding count fell below that of the interval's begin */
};

struct site {
	struct site_key key;
	uint64_t evicted_bytes, evicted_count; /* allocated, and not followed for want of room */
	struct cohort cohorts[PROFILE_COHORTS];
};

/* After more has gone: the interval may have come to its lowest. */
static inline void cohort_note_dip(struct cohort *c)
{
	if (c->gone_count > c->alloc_count && c->gone_count - c->alloc_count > c->dip)
		c->dip = c->gone_count - c->alloc_count;
}

struct sites;

/* Room for `max_sites`, and one SITE_OTHERS for each space beyond. NULL: out of memory. */
struct sites *sites_new(size_t max_sites);
void sites_free(struct sites *sites);

/*
 * The number of the site, from 1; made when it is not there, or, at the bound, that of the
 * space's SITE_OTHERS (*ret_folded is then true). 0 when out of memory.
 */
uint32_t sites_get(struct sites *sites, const struct site_key *key, bool *ret_folded);

/* What was folded counts as blocks. */
enum site_layer site_layer(const struct site *site);

/* The site of a number that sites_get gave. Stays where it is. */
struct site *sites_at(const struct sites *sites, uint32_t number);

/*
 * Index of the interval of a time, in milliseconds since the capture began. Makes the
 * interval longer when the time is beyond the last one.
 */
uint32_t sites_cohort(struct sites *sites, uint32_t time);
uint32_t sites_interval(const struct sites *sites);
/* How many times the interval has doubled: who keeps cohorts beside does as often as here. */
unsigned int sites_doublings(const struct sites *sites);

size_t sites_count(const struct sites *sites);
uint64_t sites_bytes(const struct sites *sites);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside heap_fill: a readout under way, shared by fill.c (processes) and fill_site.c (sites). */
#ifndef SEEP_HEAP_FILLING_H
#define SEEP_HEAP_FILLING_H

#include "heap/burst_resident.h"
#include "heap/bursts.h"
#include "heap/state.h"
#include "heap/tally.h"

/* One call of heap_fill. */
struct filling {
	struct heap *heap;
	const struct heap_naming *naming;
	struct profile *profile;
	struct tallies *tallies;
	struct burst_view *bursts; /* NULL: traced all the time */
	struct burst_resident *resident; /* then, of the process that is being added */
	size_t max_sites;
	bool live_only;
	uint32_t now;
	uint32_t nr_cohorts;
	uint32_t *process_of; /* by index of the space */
	double activity[PROFILE_COHORTS]; /* allocations of the process that is being added */
	/* Of its sites of blocks, as in struct verdict_process. */
	struct {
		double rise, offset, rate;
		size_t sites;
	} waiting;
};

static inline double filling_seconds(uint32_t time)
{
	return time / 1000.0;
}

static inline uint32_t filling_end_of(const struct filling *f, const struct space *space)
{
	return space->ended && space->end < f->now ? space->end : f->now;
}

/* What the process' resident memory says of its sites, in bursts. 0 or -ENOMEM. */
int filling_weigh_resident(struct filling *f, const struct space *space, const uint32_t *sites,
			   size_t nr);

/* Adds the site's figures to the row, which may hold others already. 0 or -ENOMEM. */
int filling_add_figures(const struct filling *f, uint32_t number, struct profile_site *row);

/*
 * Appends a row with its verdict: of a site of its own, or (`others`) of the sum of `nr`
 * of one layer. 0 or -ENOMEM.
 */
int filling_add_row(struct filling *f, const uint32_t *numbers, size_t nr, bool others);
/* The layer of a row that the call above made. */
enum site_layer filling_layer(const struct filling *f, const struct profile_site *row);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What tracing in bursts has seen of each site, and the share of its blocks that leaks, with
 * an interval. Pure. Times are milliseconds since the capture began. The reasoning is at the
 * top of burst_share.c.
 */
#ifndef SEEP_HEAP_BURSTS_H
#define SEEP_HEAP_BURSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bursts;

struct burst {
	uint32_t begin, end; /* end 0: it is under way */
};

/* NULL when out of memory. */
struct bursts *bursts_new(void);
void bursts_free(struct bursts *bursts);

/* A burst begins, after the one before has ended. 0 or -ENOMEM. */
int bursts_begin(struct bursts *bursts, uint32_t time);
void bursts_end(struct bursts *bursts, uint32_t time);
/* The time brought into the last burst, which every record is of; unchanged before the first. */
uint32_t bursts_clamp(const struct bursts *bursts, uint32_t time);

/*
 * A block of the site is allocated or seen freed in the last burst. Without memory the event
 * is not counted, and bursts_lost says how many were not.
 */
void bursts_birth(struct bursts *bursts, uint32_t site, uint32_t space, uint64_t address);
void bursts_death(struct bursts *bursts, uint32_t site, uint32_t space, uint64_t address,
		  uint32_t born, uint32_t time);
/* Its address has been given out again: it was freed between bursts. */
void bursts_reuse(struct bursts *bursts, uint32_t site, uint32_t born);
/* A release at an address that no known block is at. */
void bursts_unmatched(struct bursts *bursts, uint32_t space, uint64_t address);
/* Any release in the space, of a known block or not. */
void bursts_release(struct bursts *bursts, uint32_t space);
uint64_t bursts_lost(const struct bursts *bursts);
uint64_t bursts_bytes(const struct bursts *bursts);

/* Those that are still counted with; the oldest are forgotten when there are very many. */
size_t bursts_count(const struct bursts *bursts);
const struct burst *bursts_list(const struct bursts *bursts);
/* Milliseconds of them in all. */
uint64_t bursts_traced(const struct bursts *bursts);

/* How much of what a site allocates is not freed within `horizon` seconds. */
struct burst_share {
	bool enough; /* else low and high say only so much */
	double share, low, high; /* 95% between low and high; of blocks */
	double surely; /* a lower bound that holds with 99.95% */
	double horizon;
	/*
	 * Seconds. Were its blocks freed all at once, and as often as that, a burst would have
	 * met such a moment in 99 of 100 cases.
	 */
	double lumps_within;
	bool lumped; /* see burst_settle */
	size_t bursts; /* in which the site allocated */
	uint64_t freed_later; /* known to be freed after the burst that they were allocated in */
	uint64_t born, unproven; /* blocks seen allocated; of those not known to be freed */
	/*
	 * Of all the process allocates less all it releases, in blocks, the most that it may be
	 * (two standard errors above), over the time of the bursts: a site that leaks more
	 * than that does not leak.
	 */
	double net_at_most;
};

/* Whether what it says is of some use. */
bool burst_is_enough(const struct burst_share *share);

struct burst_view;

/* What all estimates at `now` share. NULL when out of memory. */
struct burst_view *burst_view_new(const struct bursts *bursts, uint32_t now);
void burst_view_free(struct burst_view *view);
/* The space whose sites are asked for next, with all its sites. 0 or -ENOMEM. */
int burst_view_space(struct burst_view *view, uint32_t space, const uint32_t *sites, size_t nr);
int burst_view_share(struct burst_view *view, uint32_t site, struct burst_share *ret_share);

#endif

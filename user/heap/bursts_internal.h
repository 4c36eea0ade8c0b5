/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by bursts.c (counting) and burst_share.c (estimating); nobody else includes it. */
#ifndef SEEP_HEAP_BURSTS_INTERNAL_H
#define SEEP_HEAP_BURSTS_INTERNAL_H

#include "heap/bursts.h"

/* Ages in milliseconds: one by one to 16, from there on eight to each doubling. */
enum { AGES_FINE = 16, AGES_OCTAVE = 8, AGES = AGES_FINE + AGES_OCTAVE * 28 };

/* What a site allocated in one burst. */
struct site_births {
	uint32_t burst; /* number, from 0 over the whole capture */
	uint32_t born;
	uint32_t own, late; /* of them, seen freed in the same burst, and in a later one */
	uint32_t reused; /* their addresses were given out again */
	/* The site's controls of this burst (see bursts.c) that were met: by what came first. */
	uint32_t controls_taken, controls_freed;
};

struct site_deaths {
	uint32_t burst; /* of birth */
	uint16_t age; /* below AGES */
	uint16_t late; /* in a later burst than that of birth */
	uint32_t count;
};

/* What was seen freed in one burst of blocks of earlier ones. */
struct site_met {
	uint32_t burst;
	uint32_t count;
};

enum { RECENT = 16 };

struct site_bursts {
	uint64_t recent[RECENT]; /* keys of controls of the last burst; 0 none */
	uint32_t recent_burst, recent_next;
	struct site_births *births; /* by burst */
	size_t nr_births, cap_births;
	struct site_deaths *deaths;
	size_t nr_deaths, cap_deaths;
	struct site_met *met; /* by burst */
	size_t nr_met, cap_met;
};

/* All of a space in one burst. */
struct flow {
	uint32_t burst;
	uint32_t born, released;
};

struct space_flow {
	struct flow *flows;
	size_t nr_flows, cap_flows;
};

struct bursts {
	struct burst *items;
	size_t nr, cap;
	uint32_t first; /* the number of items[0] */
	struct site_bursts *sites; /* by number */
	size_t nr_sites, cap_sites;
	struct space_flow *spaces; /* by index */
	size_t nr_spaces, cap_spaces;
	struct hashmap *death_index; /* (site, burst, age) -> index in the site's deaths */
	uint64_t controls_taken, controls_freed; /* of all sites */
	struct hashmap *controls; /* address_key -> control_value */
	uint64_t entries; /* of all lists of sites */
	uint64_t lost;
};

static inline uint64_t control_value(uint32_t site, uint32_t burst)
{
	return (uint64_t)site << 32 | burst;
}

unsigned int age_of(uint32_t milliseconds);
/* The first millisecond that is of this age; of AGES: the end of the last. */
double age_begin(unsigned int age);
/* Where it begins in time: times are whole milliseconds, so that 5 is 4.5 to 5.5. */
double age_edge(unsigned int age);

struct burst_view {
	const struct bursts *bursts;
	uint32_t now;
	float *coverage; /* k_j at each age, AGES a burst */
	uint32_t pairs[AGES]; /* of bursts that are so far apart */
	struct hashmap *controls; /* control_value -> how many are left */
	struct burst_share *shares; /* by number of the site */
	uint8_t *known; /* which of them are */
	size_t followed; /* bursts: see burst_followed */
	/* Of the space of burst_view_space, by burst, in blocks: */
	double *growth; /* what the process grew by */
	double *weight; /* how much that tells */
	double *most; /* what its sites may leak, each at the most */
};

/* Milliseconds. */
double burst_length(const struct burst_view *view, size_t index);
/* How many of the first bursts have been followed by a third of the time traced. */
size_t burst_followed(const struct burst_view *view);
/* Student's quantile from the normal one, to the first order (Cornish and Fisher, 1938). */
double burst_student(double z, double groups);
/* Of the site alone. 0 or -ENOMEM. */
int burst_estimate(const struct burst_view *view, uint32_t site, struct burst_share *ret_share);

#endif

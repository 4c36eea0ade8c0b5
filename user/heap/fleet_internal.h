/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A fleet's sightings, site by site and look by look. */
#ifndef SEEP_HEAP_FLEET_INTERNAL_H
#define SEEP_HEAP_FLEET_INTERNAL_H

#include "heap/fleet.h"

/* Indices of the sightings by site, then look. The caller frees them. 0 or -ENOMEM. */
int fleet_group(const struct fleet *fleet, uint32_t **ret_order);

/* One site: [begin, end) of that order. Starts zeroed. */
struct fleet_group {
	size_t begin, end;
	uint64_t names;
};
/* The next one that was accused at least once; false: there is none. */
bool fleet_next_group(const struct fleet *fleet, const uint32_t *order, struct fleet_group *group);

/* One look at a site: [begin, end) of the order. Starts zeroed. */
struct fleet_seen {
	size_t begin, end;
	uint32_t look;
	bool accused;
	double growth; /* bytes a second and process */
};
bool fleet_next_look(const struct fleet *fleet, const uint32_t *order,
		     const struct fleet_group *group, struct fleet_seen *seen);

#endif

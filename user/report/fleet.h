/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answers of `seep fleet`, as text and as JSON. */
#ifndef SEEP_REPORT_FLEET_H
#define SEEP_REPORT_FLEET_H

#include <stdio.h>

#include "heap/fleet.h"
#include "heap/fleet_find.h"
#include "report/report.h"

/*
 * What is shown of each site besides figures: a profile with one site, its process and its stack
 * (NULL: not to be had).
 */
struct fleet_top {
	const struct fleet *fleet;
	const struct fleet_site *sites;
	size_t nr, nr_shown;
	struct profile *const *examples; /* of the first nr_shown */
};

struct fleet_history {
	const struct fleet *fleet;
	uint64_t names;
	const struct fleet_site *site; /* NULL: never accused */
	const uint32_t *sightings; /* indices, the latest first */
	size_t nr, nr_shown;
	const struct profile *example; /* of the latest */
	const char *const *evidence; /* of the first nr_shown; NULL none */
};

struct fleet_comparison {
	const struct fleet *fleet;
	const bool *before, *after; /* by program */
	const struct fleet_difference *differences;
	size_t nr, nr_shown;
	struct profile *const *examples; /* of the first nr_shown */
};

struct fleet_list {
	const struct fleet *fleet;
	const struct fleet_build *builds;
	size_t nr;
};

/* 0, or -errno: a write error included, the stream is flushed and checked. */
int report_fleet_top(const struct fleet_top *top, const struct report_options *options, FILE *out);
int report_fleet_history(const struct fleet_history *history, const struct report_options *options,
			 FILE *out);
int report_fleet_comparison(const struct fleet_comparison *comparison,
			    const struct report_options *options, FILE *out);
int report_fleet_list(const struct fleet_list *list, const struct report_options *options,
		      FILE *out);

int report_fleet_top_json(const struct fleet_top *top, FILE *out);
int report_fleet_history_json(const struct fleet_history *history, FILE *out);
int report_fleet_comparison_json(const struct fleet_comparison *comparison, FILE *out);
int report_fleet_list_json(const struct fleet_list *list, FILE *out);

#endif

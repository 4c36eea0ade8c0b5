// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns nothing: one figure is a census of one type, and growth.c has the rules. */
#include "runtime/trend.h"

static int add(struct growth_log *log, uint64_t count, double time)
{
	struct census *census = census_new();
	int err = census ? census_add(census, "one", count, 0) : -1;

	if (!err) {
		census->time = time;
		err = growth_log_add(log, census);
	}
	census_free(census);
	return err;
}

enum growth_trend trend_of_counts(const uint64_t *counts, const double *times, size_t nr)
{
	enum growth_trend trend = TREND_UNKNOWN;
	struct growth_log *log = growth_log_new();
	struct growth *growth;
	int err = log ? 0 : -1;

	for (size_t i = 0; !err && i < nr; i++)
		err = add(log, counts[i], times[i]);
	if (!err && !growth_compute(log, &growth)) {
		if (growth->nr_types)
			trend = growth->types[0].trend;
		growth_free(growth);
	}
	growth_log_free(log);
	return trend;
}

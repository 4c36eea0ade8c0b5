/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What changes from census to census: which types are new, by how much each grew, how fast,
 * and whether it keeps on growing. Knows numbers alone.
 */
#ifndef SEEP_RUNTIME_GROWTH_H
#define SEEP_RUNTIME_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/census.h"

enum growth_trend {
	TREND_UNKNOWN, /* fewer than three censuses */
	TREND_FLAT, /* no more than its own ups and downs */
	TREND_GROWING, /* higher each time, or nearly */
	TREND_SLOWING, /* grew, and by less and less */
	TREND_STEP, /* grew once */
	TREND_SHRINKING,
};

struct growth_type {
	const char *name;
	uint64_t count, bytes; /* now */
	int64_t delta; /* objects since the first census */
	int64_t last_delta; /* since the one before */
	int64_t bytes_delta; /* since the first */
	double rate; /* objects a second, since the first */
	enum growth_trend trend;
	bool is_new; /* there were none at first */
	/*
	 * Above every count seen before, so objgraph.show_growth would show it: by how many
	 * above that peak. 0: it is not.
	 */
	int64_t above_peak;
};

enum growth_verdict {
	GROWTH_TOO_LITTLE, /* data */
	GROWTH_NONE,
	GROWTH_ONCE, /* grew, and has stopped */
	GROWTH_STEADY, /* keeps growing */
};

struct growth {
	struct growth_type *types; /* grown most (objects) first, then by count */
	size_t nr_types;
	uint64_t objects;
	int64_t delta, bytes_delta;
	double rate, seconds; /* between first and last census */
	size_t censuses;
	enum growth_verdict verdict;
	/* Of the types whose trend is growing, the one that grew most. NULL none. */
	const struct growth_type *leader;
};

struct growth_log;

/* Keeps the counts of up to 32 censuses (then every other one is forgotten). */
struct growth_log *growth_log_new(void);
void growth_log_free(struct growth_log *log);
/* Takes what it needs; the census stays the caller's. 0 or -ENOMEM. */
int growth_log_add(struct growth_log *log, const struct census *census);
/* The growth up to now, its names the log's. -ENODATA with no census, -ENOMEM. */
int growth_compute(const struct growth_log *log, struct growth **ret_growth);
void growth_free(struct growth *growth);

const char *growth_trend_name(enum growth_trend trend);
const char *growth_verdict_name(enum growth_verdict verdict);

#endif

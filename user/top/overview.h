/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one look at the host has shown, as plain rows that own all they say: what the list shows
 * and what --batch prints. Whoever fills it is nothing to who shows it.
 */
#ifndef SEEP_TOP_OVERVIEW_H
#define SEEP_TOP_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/series.h"

#define OVERVIEW_UNKNOWN (UINT64_MAX - 1)
#define OVERVIEW_UNLIMITED UINT64_MAX

struct strpool;

/* Strings belong to the overview's pool; they are foreign text unless a comment says otherwise. */
struct overview_row {
	pid_t pid;
	uint64_t start_ticks; /* (pid, start_ticks) is unique */
	const char *comm; /* never NULL */
	const char *cgroup; /* path; NULL unknown */
	const char *place; /* short: the container, else the last part of the cgroup; NULL none */
	uint64_t anonymous, swap; /* bytes */
	double cpu; /* percent of one core since the look before; negative: unknown */
	size_t looks;
	double seconds; /* between the first and the last of these */
	enum series_shape shape;
	double rate, rate_low, rate_high; /* bytes a second; 95% lies between the latter */
	/* Of the limit that is reached first: */
	const char
		*limit_name; /* own words and a path: "memory limit of cgroup /a"; NULL unknown */
	uint64_t limit, room; /* bytes; OVERVIEW_UNLIMITED, OVERVIEW_UNKNOWN */
	/* Seconds; INFINITY when it does not really grow, or will never get there. */
	double time_to_limit, earliest, latest;
};

struct overview_kill {
	double time; /* wall clock */
	pid_t pid;
	const char *comm; /* never NULL */
	const char *cgroup; /* whose limit it was; NULL: the host's memory, or unknown */
	uint64_t limit, anonymous; /* OVERVIEW_UNKNOWN */
};

struct overview {
	struct strpool *strings;
	double time; /* wall clock, seconds since the epoch */
	double interval; /* since the look before, seconds; 0 for the first */
	const char *host; /* its name */
	struct overview_row *rows; /* by pid */
	size_t nr_rows, cap_rows;
	size_t processes; /* on the host, without kernel threads */
	size_t left_out; /* of them, for want of room or of permission */
	/* Bytes; OVERVIEW_UNKNOWN */
	uint64_t memory_total, memory_available, swap_total, swap_free;
	bool pressure_known;
	double pressure_some, pressure_full; /* percent of the last 10 s */
	bool kills_known; /* false: seep could not listen for them */
	uint64_t nr_kills_seen; /* since seep was started, the following being the last ones */
	struct overview_kill *kills; /* newest first */
	size_t nr_kills, cap_kills;
	double own_cpu; /* percent of one core, of seep itself since the look before */
};

/* NULL when out of memory. */
struct overview *overview_new(void);
void overview_free(struct overview *overview);

/* One word for how it goes: "growing", "filling", "steady", "stepped", "falling", "too new". */
const char *overview_trend(const struct overview_row *row);

enum overview_order {
	ORDER_GROWTH = 0,
	ORDER_MEMORY,
	ORDER_TIME, /* to the limit */
	ORDER_CPU,
	ORDER_PID,
	ORDERS,
};

const char *overview_order_name(enum overview_order order);
/* ORDERS for a word that is none. */
enum overview_order overview_order_parse(const char *name);

/*
 * Indices of the rows that contain `filter` (NULL or "": all) in their name, pid or cgroup, without
 * regard to case, in that order: what matters most first, or the other way round. The caller frees
 * *ret_order. 0 or -ENOMEM.
 */
int overview_select(const struct overview *overview, enum overview_order order, bool reverse,
		    const char *filter, size_t **ret_order, size_t *ret_nr);

#endif

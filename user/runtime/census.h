/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The living objects of a process, counted by type: what every runtime's census fills. */
#ifndef SEEP_RUNTIME_CENSUS_H
#define SEEP_RUNTIME_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap;
struct strpool;

struct census_type {
	const char *name; /* the census's own */
	uint64_t count;
	uint64_t bytes; /* shallow: the objects' own memory */
};

struct census {
	struct census_type *types; /* one a name; most objects first, then by name */
	size_t nr_types, cap_types;
	uint64_t objects, bytes; /* their sums */

	bool paused; /* the process was held meanwhile */
	double pause_seconds;
	/*
	 * False: the process was collecting garbage, or memory went away, each time it was
	 * looked at; the counts are near, not exact.
	 */
	bool consistent;
	unsigned tries;
	uint64_t types_dropped; /* objects whose type had no room in the table */
	uint64_t bytes_read;
	double seconds; /* that it took */
	double time; /* CLOCK_MONOTONIC, at its middle */

	struct strpool *names;
	struct hashmap *rows; /* by name, to the index */
};

/* One that the collector lists and that can grow; a container of plain values may be missing. */
struct census_container {
	uint64_t number; /* what it is known by: the same as in `struct why_container` */
	const char *type; /* ends with the call */
	uint64_t length;
};

struct census_options {
	bool pause; /* hold the process: an exact snapshot */
	unsigned threads; /* that read at once, if the runtime can use so many; 0: one */
	/*
	 * Is told of each such container, now and then of one twice; by one thread, whatever
	 * `threads` says. Other than 0 ends the census and is returned. NULL: nobody asks.
	 */
	int (*container)(void *context, const struct census_container *container);
	void *context;
};

struct census *census_new(void);
void census_free(struct census *census);
/*
 * Adds to the row of that name (found or made; the name is copied). 0 or -ENOMEM. Rows are
 * in no order until census_sort.
 */
int census_add(struct census *census, const char *name, uint64_t count, uint64_t bytes);
void census_sort(struct census *census);
/* NULL when there is none. */
const struct census_type *census_find(const struct census *census, const char *name);
/* Several processes as one: rows added, times summed, `consistent` if both are. 0, -ENOMEM. */
int census_merge(struct census *to, const struct census *from);

#endif

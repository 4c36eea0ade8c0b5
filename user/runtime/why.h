/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who holds the objects of a process: what every runtime's look for holders fills. */
#ifndef SEEP_RUNTIME_WHY_H
#define SEEP_RUNTIME_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/cause.h"
#include "runtime/census.h"
#include "runtime/container_log.h"

enum { WHY_HOLDS = 3 };

struct why_share {
	const char *type;
	double share; /* of what was looked at, 0 to 1 */
};

struct why_container {
	const char *type;
	uint64_t number; /* what it is known by, for why_refresh; 0: it never changes */
	uint64_t length;
	uint64_t bytes; /* its own, and of all that is first reached through it */
	int64_t capacity; /* the most items that it lets itself have; -1 none */
	bool own; /* the runtime's own list of what others hold: no cause by itself */
	bool weak; /* it mostly holds what holds nothing: weak references */
	bool has_growth; /* the next is known */
	struct container_growth growth;
	char *path, *shape;
	const char *root; /* of which kind: "module", "frame", "thread", "global", "c"... */
	struct why_share holds[WHY_HOLDS]; /* what it mostly holds */
	size_t nr_holds;
};

/* Objects of the type that was asked for, on paths of one shape. */
struct why_path {
	char *shape;
	char *example; /* one of them */
	const char *root;
	uint64_t count; /* of those looked at */
};

struct why {
	struct why_container *containers; /* grown most first, then by length */
	size_t nr_containers, cap_containers;
	struct why_path *paths; /* most objects first */
	size_t nr_paths, cap_paths;
	uint64_t of_type, sampled; /* objects of that type; looked at */

	/* By type; without those that they hold in their turn. */
	struct census *held; /* from C alone */
	struct census *dead; /* in cycles, to be collected */
	struct census *garbage; /* that the collector gave up */
	uint64_t held_bytes, dead_bytes; /* with all that they hold */

	uint64_t objects; /* found in all */
	uint64_t bytes;
	uint64_t modules; /* of code, loaded; 0 unknown */
	int64_t modules_growth; /* since the first look that is kept */
	double seconds;
	double time; /* CLOCK_MONOTONIC, when it began */
	uint64_t bytes_read, memory; /* read; held meanwhile */
	bool consistent; /* the collector did not run meanwhile */
	bool cut; /* too much, or it took too long: the rest is missing */

	struct cause_numbers numbers; /* that the cause was decided by */
	struct cause cause;
	struct strpool *names; /* of types */
};

struct why_options {
	const char *type; /* paths to objects of this type; NULL none */
	size_t limit; /* containers, of each order */
	size_t samples; /* objects of that type to look at */
	bool show_keys;
	double seconds; /* to take at most */
	size_t objects_most; /* to hold at most, some 90 bytes each; the rest is missing; 0 no bound
			      */
	/*
	 * Lengths of containers by their numbers from more looks than these, and for longer;
	 * NULL none. They count for those that were there from the first on.
	 */
	const struct container_log *lengths;
};

/* What the collector says of itself after a look. */
struct why_collector {
	int enabled; /* 0: it collects nothing by itself; -1 unknown */
	int64_t garbage, frozen; /* objects that it gave up, or was told to spare; -1 unknown */
};

/* What is kept of a process from look to look. */
struct why_log {
	struct container_log *containers;
	uint64_t held[CONTAINER_LOOKS], dead[CONTAINER_LOOKS]; /* objects, of the last looks */
	uint64_t frozen[CONTAINER_LOOKS];
	uint64_t modules[CONTAINER_LOOKS];
	double times[CONTAINER_LOOKS];
	size_t looks;
};

struct why *why_new(void);
void why_free(struct why *why);

struct why_log *why_log_new(void);
void why_log_free(struct why_log *log);
/* After a look: keeps its numbers, and fills in its cause. */
void why_log_add(struct why_log *log, struct why *why, const struct why_collector *collector);
/*
 * The containers have been measured again, without a look at who holds them: their lengths,
 * their growth and the cause as they are now. The log is as in `struct why_options`.
 */
void why_refresh(struct why *why, const struct container_log *lengths);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much memory a process may still take, and what would stop it: limits of its cgroups and of
 * all above them, its own resource limits, and the machine.
 */
#ifndef SEEP_PROC_LIMITS_H
#define SEEP_PROC_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/cgroup_memory.h"

enum limit_kind {
	LIMIT_CGROUP_MAX = 0, /* an OOM kill in the cgroup */
	LIMIT_CGROUP_HIGH, /* its tasks are slowed down, none is killed */
	LIMIT_CGROUP_MEMSW, /* v1: memory and swap together; an OOM kill */
	LIMIT_ADDRESS_SPACE, /* RLIMIT_AS: allocation fails */
	LIMIT_DATA, /* RLIMIT_DATA: likewise */
	LIMIT_HOST, /* the machine's memory and swap: an OOM kill anywhere */
	LIMIT_KINDS,
};

struct limit {
	enum limit_kind kind;
	uint64_t bytes; /* the limit */
	/*
	 * What counts against it and cannot be dropped: files' pages are left out where the
	 * kernel would drop them first.
	 */
	uint64_t used;
	uint64_t room; /* until it is reached; 0 when it is */
	/* Of the room, what can only be had by swapping; 0 for those that swap does not help. */
	uint64_t swap_room;
	const char *cgroup; /* the path, of the limits' own; NULL for other kinds */
};

struct limits_host {
	uint64_t total, available; /* MemTotal, MemAvailable; CGROUP_UNKNOWN */
	uint64_t swap_total, swap_free;
	struct memory_pressure pressure;
};

enum { LIMITS_BOUND = 3 * CGROUP_LEVELS + 4 };

struct limits {
	struct limit items[LIMITS_BOUND]; /* least room first */
	size_t nr;
	struct limits_host host;
	bool cgroup_known;
	struct cgroup_memory cgroup; /* when it is known */
	/* Of the process, bytes; CGROUP_UNKNOWN */
	uint64_t address_space, data, anonymous, swapped;
	size_t problems;
	char problem[CGROUP_PROBLEM]; /* the first one, a part of a sentence; "" none */
};

/*
 * All that can be found out, reading under `root` ("" for the machine's own tree; tests have
 * their own). 0, -ESRCH (the process is gone), -ENOMEM. Whatever else is missing or makes no
 * sense is counted and the first told in `problem`. Free with limits_release, which accepts a
 * zeroed struct.
 */
int limits_read(const char *root, pid_t pid, struct limits *ret_limits);
void limits_release(struct limits *limits);

/* The machine alone. Likewise, what cannot be had is CGROUP_UNKNOWN. */
void limits_read_host(const char *root, struct limits_host *ret_host);
/*
 * Of cgroups and the machine as they were read before, no process. The paths stay those of
 * `memory`, and there is nothing to release.
 */
void limits_of_cgroup(const struct cgroup_memory *memory, const struct limits_host *host,
		      struct limits *ret_limits);

/*
 * The one that is reached first by memory that is taken and kept; NULL when nothing bounds it.
 * `hard`: leave out the one that only slows down.
 */
const struct limit *limits_nearest(const struct limits *limits, bool hard);

/* "memory.max of cgroup", "RLIMIT_AS", ...; never NULL. `version` of the cgroups. */
const char *limit_name(enum limit_kind kind, int version);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the memory controller says of a cgroup and of all above it. A snapshot of files that
 * change, vanish and are read one by one: figures of one level need not add up exactly.
 */
#ifndef SEEP_PROC_CGROUP_MEMORY_H
#define SEEP_PROC_CGROUP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/cgroup_mount.h"
#include "proc/memory_text.h"

enum { CGROUP_LEVELS = 32, CGROUP_PROBLEM = 240 };

/* Bytes; MEMORY_UNLIMITED where there is no limit, CGROUP_UNKNOWN where no file says it. */
#define CGROUP_UNKNOWN (UINT64_MAX - 1)

struct cgroup_level {
	char *path; /* "/a/b" */
	bool gone; /* it was removed while it was read */
	uint64_t max; /* memory.max; v1: memory.limit_in_bytes */
	uint64_t high; /* memory.high: above it its tasks are slowed down; v1 has none */
	uint64_t usage, peak;
	/* memory.swap.max, .swap.current; v1: memory.memsw.*, which count memory and swap */
	uint64_t swap_max, swap_usage;
	/* Of usage, by memory.stat: */
	uint64_t anonymous;
	uint64_t file; /* all of the page cache, tmpfs too */
	uint64_t reclaimable; /* what the kernel can drop: files' pages and slab */
	/* Times, since it was made; of its descendants too, but v1's oom_kill */
	uint64_t reached_max; /* v1: failcnt */
	uint64_t reached_high;
	uint64_t oom, oom_kill;
	bool under_oom; /* v1: its tasks wait for memory now */
	struct memory_pressure pressure; /* v2 */
};

struct cgroup_memory {
	int version;
	struct cgroup_level levels[CGROUP_LEVELS]; /* innermost first */
	size_t nr_levels;
	size_t levels_left_out; /* above the last one */
	size_t problems; /* files that were not as they should be */
	char problem[CGROUP_PROBLEM]; /* the first of them: which file, and what; "" none */
};

/*
 * Reads under `root` ("" for the machine's own tree). 0; -ENOENT: the innermost cgroup is not
 * there (any more); -EACCES, -ENOMEM. Other files that cannot be read or understood are counted
 * in `problems`, and what they would have said is CGROUP_UNKNOWN. Free with
 * cgroup_memory_release, which accepts a zeroed struct.
 */
int cgroup_memory_read(const char *root, const struct cgroup_place *place,
		       struct cgroup_memory *ret_memory);
/* The innermost level alone. `levels_left_out` is 0 when no level above counts its memory. */
int cgroup_memory_read_one(const char *root, const struct cgroup_place *place,
			   struct cgroup_memory *ret_memory);
void cgroup_memory_release(struct cgroup_memory *memory);
/* Its usage alone, for one file; CGROUP_UNKNOWN. */
uint64_t cgroup_memory_usage(const char *root, const struct cgroup_place *place);

static inline bool cgroup_known(uint64_t bytes)
{
	return bytes < CGROUP_UNKNOWN;
}

#endif

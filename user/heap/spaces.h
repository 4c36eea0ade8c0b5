/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The address spaces that records speak of: who they are, whom they came from, and the
 * course of their outstanding bytes. Identity follows the space, not the process id: an
 * exec makes a new space of the same process, a vfork none.
 */
#ifndef SEEP_HEAP_SPACES_H
#define SEEP_HEAP_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "heap/profile.h"

#define SPACES_MAX 65536 /* beyond: records of new spaces are refused */
#define SPACE_POINTS_MIN 16
#define SPACE_POINTS_MAX 512

struct mappings;

struct space_point {
	uint32_t time; /* milliseconds since the capture began */
	uint64_t live_bytes, live_count, rss_bytes;
};

struct space {
	uint32_t id; /* as in the records */
	uint32_t tgid, ns_tgid; /* 0: never announced */
	uint32_t forked_from; /* index, 0 none */
	uint32_t generation;
	bool inherits; /* began by fork: holds blocks of its parent */
	bool ended, replaced; /* replaced: ended by exec */
	uint32_t begin, end; /* milliseconds since the capture began */
	uint64_t start_time;
	char comm[SEEP_COMM_LEN + 1];
	uint64_t live_bytes, live_count; /* of LAYER_BLOCKS; as in struct cohort */
	uint64_t unmatched_frees, inherited_frees, repeated_frees, missed_frees, lost_frees;
	/* Releases of blocks from before the capture by interval, see space_unmatched. */
	uint32_t unmatched[PROFILE_COHORTS];
	unsigned int doublings;
	struct mappings *mappings; /* NULL until there is one */
	struct space_point *points;
	size_t nr_points, cap_points;
	uint32_t points_skipped, points_stride; /* of the marks one in `stride` is kept */
	uint64_t rss_first, rss_last;
};

struct spaces;

struct spaces *spaces_new(void);
void spaces_free(struct spaces *spaces);
/* Index of the space, from 1; made on first sight. 0: at the bound, or out of memory. */
uint32_t spaces_get(struct spaces *spaces, uint32_t id, uint32_t time);
/* 0 when it is not there. */
uint32_t spaces_find(const struct spaces *spaces, uint32_t id);
struct space *spaces_at(const struct spaces *spaces, uint32_t index);
size_t spaces_count(const struct spaces *spaces);
uint64_t spaces_bytes(const struct spaces *spaces);

/* Takes in what a SEEP_SPACE_BEGIN record says. 0 or -ENOMEM. */
int spaces_begin(struct spaces *spaces, const struct seep_space *begin, uint32_t time);

/* Counts a release in its interval, after the sites' interval has doubled so many times. */
void space_unmatched(struct space *space, uint32_t cohort, unsigned int doublings);
/* Brings the counts by interval to that many doublings. */
void space_merge(struct space *space, unsigned int doublings);
/* Keeps at most `most` points, at least 2. 0 or -ENOMEM, then without the point. */
int space_mark(struct space *space, const struct space_point *point, size_t most);

#endif

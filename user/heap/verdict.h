/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Says what a site does, and what a process does, from the course of the capture. Pure
 * arithmetic on a few hundred numbers; the reasoning is at the top of verdict.c.
 */
#ifndef SEEP_HEAP_VERDICT_H
#define SEEP_HEAP_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

#define VERDICT_TEXT 240
/* Of a rise, offset by releases of older blocks: from here on it may be none. */
#define VERDICT_OFFSET 0.5

/* What happened in one interval of the capture, at one site. */
struct verdict_interval {
	double alloc_bytes, alloc_count; /* born in it */
	double live_bytes, live_count; /* of those, live now */
	double gone_bytes, gone_count; /* of any age, released in it */
	double dip; /* how far the outstanding count fell below that of its begin */
	/* Of the whole process: releases of blocks from before the capture. */
	double unmatched;
	double active; /* of the whole process: allocations; 0 in all intervals: not known */
};

struct verdict_course {
	double interval; /* seconds */
	double begin; /* of the process, or of the capture, in seconds since the latter */
	double now; /* or the end of the process */
	bool ended; /* the process is gone */
	const char
		*unit; /* what is counted: NULL "block", "mapping", "handle" (which has no bytes) */
	double evicted_count; /* blocks of the site that could not be followed */
	double blocks_seen; /* allocations really seen: in sampled mode fewer than counted */
	size_t nr; /* intervals, oldest first; the last may be partial */
	struct verdict_interval intervals[PROFILE_COHORTS];
};

struct verdict {
	enum profile_verdict verdict;
	double growth_rate; /* bytes a second over the second half */
	/*
	 * A site that only waits for what its process frees of older blocks: its rise and
	 * those releases, each a second; else 0.
	 */
	double waiting_rise, waiting_offset;
	/*
	 * Of a process that leaks: seconds until its limit is reached, and the earliest and latest
	 * (95%); 0: not known, for the latest also never.
	 */
	double limit_seconds, limit_seconds_low, limit_seconds_high;
	char evidence[VERDICT_TEXT]; /* one sentence with its full stop */
};

void verdict_site(const struct verdict_course *course, struct verdict *ret_verdict);

/* What is known of the limit that is reached first, and what happened there in the capture. */
struct verdict_limit {
	const char *name; /* "memory.max of cgroup /a"; NULL: none, or not known */
	double bytes, room_bytes;
	double hits, oom_kills; /* times */
	double pressure; /* percent of the time that tasks waited for memory */
};

/* What the figures of the process's own runtime say. */
enum verdict_runtime {
	VERDICT_RUNTIME_UNKNOWN = 0,
	VERDICT_RUNTIME_STEADY,
	VERDICT_RUNTIME_TIGHT, /* its heap is too small for what it keeps */
	VERDICT_RUNTIME_GROWS, /* its heap, after each collection */
	VERDICT_RUNTIME_NATIVE, /* what it has beside its heap */
};

struct verdict_point {
	double seconds, live_bytes, rss_bytes;
};

/*
 * What the verdict of a process is made from. Mappings and handles are layers of their own:
 * what grows there is a leak too, but bytes of blocks, address space and handles never add.
 */
struct verdict_process {
	double seconds; /* traced */
	bool ended; /* by itself: what is live will never be freed */
	bool killed; /* for want of memory, in the midst of its work */
	bool bursts; /* most of what is outstanding was allocated unseen */
	double live_bytes; /* of allocators */
	double live_handles;
	uint64_t alloc_count; /* of all layers */
	/* Sites of allocators by their verdict: bytes, growth and number. */
	struct {
		double bytes, rate;
		size_t sites;
	} by_verdict[VERDICT_COUNT];
	struct {
		double rate; /* bytes, or handles, a second */
		size_t sites;
	} growing_mappings, growing_handles;
	uint64_t rss_start_bytes, rss_bytes; /* 0 unknown */
	double live_start_bytes; /* outstanding when rss_start_bytes was taken */
	uint64_t lost_frees;
	/* Sites of which all is freed in the end, but which hold ever more. */
	struct {
		double bytes, rate;
		size_t sites;
	} backlog;
	/*
	 * Sites that wait, as in struct verdict: their rises, the releases that are held against
	 * each of them (the most of them), and what they grow by in bytes, each a second.
	 */
	struct {
		double rise, offset, rate;
		size_t sites;
	} waiting;
	const struct verdict_point *course; /* oldest first */
	size_t nr_course;
	struct verdict_limit limit;
	struct {
		const char *name; /* NULL: nothing is known of it */
		double held_bytes, free_bytes; /* from the kernel; of that, given to nobody */
		bool at_most; /* free is a bound */
	} allocator;
	struct {
		enum verdict_runtime state;
		const char *evidence; /* a sentence */
	} runtime;
};

void verdict_process(const struct verdict_process *process, struct verdict *ret_verdict);

/* "1.5 MiB": whole bytes below 1 KiB, three digits above. */
void verdict_bytes(double bytes, char text[16]);

#endif

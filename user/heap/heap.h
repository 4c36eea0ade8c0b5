/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The collector's core: turns the records of the ring buffer into what is outstanding,
 * per address space and per site, and says what each site does. Pure: no kernel, no
 * files, no clock of its own; the same records give the same answer, so that it is
 * tested by replay.
 *
 * A site is (address space, stack id, family, operation [, thread]). A block is one
 * live allocation. Both tables are bounded: see struct heap_options. At the bound new
 * blocks are not followed: their site keeps counting allocations, and they are counted as
 * evicted; the old blocks, of which a leak consists, stay. Sites beyond their bound are
 * folded into one a space, and counted.
 */
#ifndef SEEP_HEAP_HEAP_H
#define SEEP_HEAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "heap/profile.h"

struct heap;

struct heap_options {
	uint64_t start_time; /* CLOCK_MONOTONIC ns: the attach time, zero of all ages */
	uint64_t max_bytes; /* bound of the heap's own memory; 0: no bound */
	uint64_t sample_bytes; /* as the kernel side samples; 0 exact */
	bool by_thread; /* a site per thread */
	uint32_t page_bytes; /* of the mapping layer, a power of two; 0: 4096 */
};

/* Selects and orders what heap_fill puts into a profile. */
struct heap_filter {
	uint64_t min_age_ns; /* --older: only blocks at least so old count as live */
	uint64_t min_size, max_size; /* -z, -Z: blocks of other sizes are not counted; 0 no bound */
};

/* NULL when out of memory. `options` is copied. */
struct heap *heap_new(const struct heap_options *options);
void heap_free(struct heap *heap);

/*
 * One record each; the caller has checked length and kind. Spaces not announced by
 * heap_space are made on first sight. 0, or -ENOMEM with the record not applied and
 * counted in heap_stats.refused.
 */
int heap_alloc(struct heap *heap, const struct seep_alloc *alloc); /* SEEP_ALLOC */
int heap_release(struct heap *heap, const struct seep_free *release); /* SEEP_FREE */
int heap_realloc_begin(struct heap *heap, const struct seep_free *old); /* SEEP_REALLOC_BEGIN */
int heap_realloc_end(struct heap *heap, const struct seep_alloc *moved); /* SEEP_REALLOC_END */
int heap_mapping(struct heap *heap, const struct seep_map *map); /* SEEP_MAP .. SEEP_BRK */
/* Mappings are seen no more: those known are forgotten, later records are of no effect. */
void heap_leave_mappings(struct heap *heap, uint64_t time);
int heap_space(struct heap *heap, const struct seep_space *space); /* SEEP_SPACE_* */

/*
 * Allocators are traced in bursts from now on: all between end and begin goes unseen. Times
 * are CLOCK_MONOTONIC ns. 0 or -ENOMEM.
 */
int heap_burst_begin(struct heap *heap, uint64_t time);
void heap_burst_end(struct heap *heap, uint64_t time);

/* Releases of `space` that the kernel side could not record (total so far). */
void heap_taint(struct heap *heap, uint32_t space, uint64_t lost_frees);

struct heap_stats {
	uint64_t blocks, peak_blocks, sites, spaces;
	uint64_t bytes; /* the heap's own memory, all tables */
	uint64_t block_bytes; /* of that, the table of live blocks with its index */
	uint64_t unmatched_frees, inherited_frees, repeated_frees, missed_frees;
	uint64_t blocks_evicted, evicted_bytes, sites_folded;
	uint64_t refused;
	uint64_t parked; /* reallocs under way */
};

struct heap_stats heap_stats(const struct heap *heap);

/*
 * The family whose blocks took most of what was allocated in the space since the capture began; 0
 * none.
 */
uint8_t heap_main_family(const struct heap *heap, uint32_t space);
/*
 * The blocks of the space that are outstanding, in no order; those on their way through realloc
 * are missing. 0; -ENOENT: no such space; -ENODATA: not all that seem to live do, since releases
 * were lost or not traced, or blocks are drawn.
 */
int heap_each_live(const struct heap *heap, uint32_t space,
		   void (*each)(void *context, uint64_t address, uint64_t size), void *context);

/*
 * What the caller knows of a space and the heap does not: fills comm, exe, container,
 * rss and so on of `process` (zeroed but for pid, ns_pid, parent, generation, comm).
 */
struct heap_naming {
	void *context;
	void (*describe_process)(void *context, uint32_t space, struct profile *profile,
				 struct profile_process *process);
	/* Index of the stack in the profile, or PROFILE_NONE. Called once per site. */
	uint32_t (*add_stack)(void *context, uint32_t space, uint64_t stack_id,
			      struct profile *profile);
	const char *(*family_name)(void *context, uint8_t family); /* static strings */
	const char *(*operation_name)(void *context, uint8_t op);
};

/*
 * Appends the processes, sites, cohorts and verdicts as they are at `now`
 * (CLOCK_MONOTONIC ns), and adds the heap's part of health. Sites without live blocks
 * are left out when `live_only`. At most `max_sites` sites a process, the largest by
 * live bytes; the rest are summed into one site per process and layer (blocks, mappings,
 * handles), stack PROFILE_NONE, operation "other sites". 0, or -ENOMEM with the profile still safe
 * to free.
 */
int heap_fill(struct heap *heap, uint64_t now, const struct heap_filter *filter, bool live_only,
	      size_t max_sites, const struct heap_naming *naming, struct profile *profile);

/*
 * Notes the outstanding bytes of every space at `now`: the course from which growth is
 * told. Called about once a second; keeps at most 512 points a space, halving their
 * density when full. `rss` may be NULL.
 */
void heap_mark(struct heap *heap, uint64_t now, uint64_t (*rss)(void *context, uint32_t space),
	       void *context);

#endif

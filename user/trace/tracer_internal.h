/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of the tracer share: tracer.c (wiring, processes), tracer_run.c (the loop),
 * tracer_records.c (what the kernel tells), tracer_profile.c (what is reported). Nobody else
 * includes it.
 */
#ifndef SEEP_TRACE_TRACER_INTERNAL_H
#define SEEP_TRACE_TRACER_INTERNAL_H

#include "attach/kernel.h"
#include "ingest/decode.h"
#include "trace/governor.h"
#include "trace/inner.h"
#include "trace/objects.h"
#include "trace/processes.h"
#include "trace/pythons.h"
#include "trace/stacks.h"
#include "trace/surroundings.h"
#include "trace/tracer.h"
#include "trace/unwinding.h"
#include "triage/oom_watch.h"

struct hashmap;

enum {
	TRACER_TICK_NS = 1000000000, /* growth is noted, late processes are looked for */
};

struct tracer {
	struct tracer_options options;
	struct features features;
	struct kernel *kernel;
	struct objects *objects;
	struct modules *modules;
	struct symbolizer *symbolizer;
	struct stacks *stacks;
	struct unwinding *unwinding; /* NULL: by frame pointers */
	struct pythons *pythons; /* NULL: their frames are not wanted */
	struct inner *inner; /* NULL: their objects are not wanted */
	struct processes *processes;
	struct surroundings *surroundings;
	struct oom_watch *oom_watch; /* NULL: the kernel does not tell, or it was not asked yet */
	struct heap *heap;
	struct governor *governor; /* NULL: no budget */
	struct decode_counts decoded;
	struct hashmap *refreshed; /* space -> when its maps were last read, ns */
	struct hashmap *stale; /* space -> pid: its maps are to be read again */
	uint64_t maps_rest; /* until then maps are not read because of new code alone, ns */
	struct hashmap *families; /* stack id -> family, where the kernel cannot tell */
	struct hashmap *allocator_stacks; /* id of a mapping's stack -> made by an allocator */
	pid_t *added; /* by the command or the filter */
	size_t nr_added, cap_added;
	pid_t *held; /* stopped themselves and were continued: once more at the tick */
	size_t nr_held, cap_held;
	uint64_t start, end, next_tick; /* CLOCK_MONOTONIC ns; end 0 while running */
	uint64_t planned; /* when the last run of a plan ends; 0: each is for itself */
	double start_wall;
	uint64_t clock; /* the latest time seen in a record, or of the last poll */
	bool out_of_memory;
	bool left_mappings; /* for the budget: see tracer.c, begin_bursts */
};

uint64_t monotonic_ns(void);

/* Whether this kernel lets us see the system calls of mappings. */
bool tracer_knows_mappings(const struct tracer *tracer);

/* Reads the process's maps, for names and for unwinding. */
void tracer_refresh_maps(struct tracer *tracer, uint32_t space, pid_t pid,
			 enum unwinding_wait wait);

/* Forgets what was read for the space. */
void tracer_forget_maps(struct tracer *tracer, uint32_t space);

/* Reads the maps of processes that have mapped new code since, where that was put off. */
void tracer_refresh_stale(struct tracer *tracer);

/* One record of the ring, from kernel_poll. */
void tracer_record(void *context, const void *data, size_t size);

/* Makes the process a target and attaches what it maps. */
int tracer_trace_process(struct tracer *tracer, pid_t pid);
/* It has ended: its probes go, and a later process of its pid is another one. */
void tracer_forget(struct tracer *tracer, pid_t pid);
/* What the looks at objects have shown, into the profile. 0 or -ENOMEM. */
int tracer_add_objects(struct tracer *tracer, struct profile *profile);
/* True of what is never traced along with the whole host: two such traces would trace each other.
 */
bool tracer_leaves_alone(struct tracer *tracer, pid_t pid);
bool tracer_was_added(const struct tracer *tracer, pid_t pid);

#endif

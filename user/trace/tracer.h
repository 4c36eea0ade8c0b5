/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tracing in progress: the kernel side, the files with probes, the heap, the stacks and
 * the processes, wired together. Commands make one, add processes, let it run, and take
 * profiles from it.
 */
#ifndef SEEP_TRACE_TRACER_H
#define SEEP_TRACE_TRACER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/features.h"
#include "attach/plan.h"
#include "heap/heap.h"
#include "heap/profile.h"
#include "proc/process.h"
#include "stack/symbols.h"

struct tracer;

struct tracer_options {
	struct plan_options plan;
	struct symbolizer_options symbols;
	struct process_filter filter; /* processes that come to match are traced too */
	bool has_filter;
	bool everything; /* -a */
	bool follow; /* children of traced processes */
	bool host_wide; /* probes in every process that maps the files: no gap at a fork */
	bool by_thread;
	bool no_mappings;
	bool no_python; /* native frames alone */
	bool no_objects; /* what runs in an interpreter is not looked at; never with `everything` */
	bool frame_pointers; /* walk stacks by frame pointers alone, without tables */
	double budget; /* percent of the targets' CPU time (governor.h); 0 no bound */
	uint64_t sample_bytes;
	uint64_t max_memory; /* of the collector; 0 no bound */
	size_t ring_bytes, max_threads, max_stacks, max_sampled;
	const char *command; /* for the capture's row */
};

/* `features` has been probed; the best mode in it is used. Strings in options must last. */
int tracer_new(const struct tracer_options *options, const struct features *features,
	       struct tracer **ret_tracer);
void tracer_free(struct tracer *tracer);

/*
 * Traces a process that is there. -ESRCH gone, -ENOENT it maps no allocator that could be
 * probed (it stays a target: one may come), -EPERM a return probe would kill it, -ENOEXEC
 * it is of another architecture, -ENOTSUP it is a kernel thread.
 */
int tracer_add(struct tracer *tracer, pid_t pid);
/* A child of ours that has not yet called exec: traced from its first instruction on. */
int tracer_add_child(struct tracer *tracer, pid_t pid);
/* Looks for processes that match the filter (or all). *ret_nr: how many are new. */
int tracer_add_matching(struct tracer *tracer, size_t *ret_nr);

/*
 * Collects for `seconds` (negative: without end), until *stop becomes non-zero, or until
 * all processes that were added have ended and none can come, or until the budget cannot
 * be kept. 0 or -errno.
 */
int tracer_run(struct tracer *tracer, double seconds, volatile sig_atomic_t *stop);
/*
 * The calls of tracer_run that follow are parts of a run of so many seconds: objects are looked at
 * several times in all of it, and for the last time at its end.
 */
void tracer_plan(struct tracer *tracer, double seconds);
/* The time has not sufficed to tell what grows among the objects of a process. */
bool tracer_is_short(const struct tracer *tracer);
/* Takes out all probes and collects what still waits in the ring. */
int tracer_stop(struct tracer *tracer);
bool tracer_targets_ended(const struct tracer *tracer);
/* The budget could not be kept, and the probes are out: there is nothing more to be seen. */
bool tracer_gave_up(const struct tracer *tracer);
void tracer_set_exit_status(struct tracer *tracer, pid_t pid, int status);

struct tracer_report {
	struct heap_filter filter;
	bool live_only;
	size_t max_sites; /* a process; 0: 1000 */
};

/* What is known now, as a profile of the caller's own. */
int tracer_profile(struct tracer *tracer, const struct tracer_report *report,
		   struct profile **ret_profile);

#endif

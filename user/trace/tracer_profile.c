// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is reported: the heap's sites with their stacks named, and the health of it all. */
#include "trace/tracer_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attach/families.h"
#include "base/vec.h"
#include "trace/left_out.h"

enum { DEFAULT_SITES = 1000 };

static void describe_process(void *context, uint32_t space, struct profile *profile,
			     struct profile_process *row)
{
	struct tracer *t = context;

	processes_describe(t->processes, space, profile, row);
	if (t->pythons && !row->runtime)
		row->runtime = profile_string(profile, pythons_runtime(t->pythons, space));
	if (t->surroundings)
		surroundings_describe(t->surroundings, t->heap, space, (pid_t)row->pid, profile,
				      row);
}

static uint32_t add_stack(void *context, uint32_t space, uint64_t stack_id, struct profile *profile)
{
	struct tracer *t = context;
	const struct traced_process *process = processes_find(t->processes, space);

	pid_t pid = process ? process->pid : 0;

	return stacks_report(t->stacks, stack_id, process && process->ended ? -pid : pid, profile);
}

static const char *name_family(void *context, uint8_t family)
{
	return family == SEEP_FAMILY_MAPPING ? "mapping" : family_name(family);
}

static const char *name_operation(void *context, uint8_t op)
{
	return operation_name(op);
}

/* What was mapped without a word (memory made executable later) gets its names now. */
static void refresh_maps(void *context, const struct traced_process *process)
{
	struct tracer *t = context;

	modules_refresh(t->modules, process->space, process->pid);
}

static void fill_capture(struct tracer *t, uint64_t now, struct profile *profile)
{
	struct profile_capture *capture = &profile->capture;
	char host[256] = "";
	struct utsname name;

	capture->started = t->start_wall;
	capture->seconds = (now - t->start) / 1e9;
	capture->mode = t->options.sample_bytes ? PROFILE_SAMPLED : PROFILE_EXACT;
	capture->sample_bytes = t->options.sample_bytes;
	capture->command = profile_string(profile, t->options.command);
	gethostname(host, sizeof(host) - 1);
	capture->host = profile_string(profile, host);
	if (!uname(&name)) {
		capture->kernel = profile_string(profile, name.release);
		capture->architecture = profile_string(profile, name.machine);
	}
	capture->seep_version = profile_string(profile, SEEP_VERSION);
}

static double own_cpu_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return 0;
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fill_health(struct tracer *t, struct profile *profile)
{
	struct profile_health *health = &profile->health;
	uint64_t c[SEEP_COUNT_MAX] = { 0 };

	kernel_counters(t->kernel, c);
	health->events = t->decoded.events;
	health->bad_records = t->decoded.bad_records;
	health->dropped_allocs = c[SEEP_COUNT_DROPPED_ALLOC];
	health->dropped_frees = c[SEEP_COUNT_DROPPED_FREE];
	health->dropped_stacks = c[SEEP_COUNT_DROPPED_STACK];
	health->dropped_other = c[SEEP_COUNT_DROPPED_OTHER];
	health->dropped = health->dropped_allocs + health->dropped_frees + health->dropped_stacks +
			  health->dropped_other;
	health->entries = c[SEEP_COUNT_ENTRIES];
	health->returns = c[SEEP_COUNT_RETURNS];
	health->abandoned = c[SEEP_COUNT_ABANDONED];
	health->nested = c[SEEP_COUNT_NESTED];
	health->threads_full = c[SEEP_COUNT_THREADS_FULL];
	health->spaces_full = c[SEEP_COUNT_SPACES_FULL];
	health->stacks_full = c[SEEP_COUNT_STACKS_FULL];
	health->stack_collisions = c[SEEP_COUNT_STACK_COLLISION];
	health->stack_faults = c[SEEP_COUNT_STACK_FAULT];
	health->sampled_full = c[SEEP_COUNT_SAMPLED_FULL];
	health->unsampled = c[SEEP_COUNT_UNSAMPLED];
	health->collector_bytes = heap_stats(t->heap).bytes + stacks_bytes(t->stacks) +
				  (t->pythons ? pythons_bytes(t->pythons) : 0);
	health->cpu_seconds = own_cpu_seconds();
	health->traced_share = 1;
	symbolizer_counts(t->symbolizer, &health->frames, &health->frames_unnamed);
}

/* `module` is NULL where it is not one file's. */
static int add_skip(struct profile *profile, const char *module, const char *what,
		    const char *reason)
{
	struct profile_health *health = &profile->health;
	struct profile_skipped_probe *skip = vec_push(
		&health->skipped_probes, &health->nr_skipped_probes, &health->cap_skipped_probes);

	if (!skip)
		return -ENOMEM;
	if (module)
		skip->module = profile_string(profile, module);
	skip->symbol = profile_string(profile, what);
	skip->reason = profile_string(profile, reason);
	return 0;
}

static int add_fault(void *context, const char *path, const char *fault)
{
	return add_skip(context, path, "stacks by unwind tables", fault);
}

static int add_left_out(void *context, const char *what, const char *reason)
{
	return add_skip(context, NULL, what, reason);
}

/*
 * Code that no table could be kept for, whose table was not built yet, or whose file is
 * damaged: its stacks are walked by frame pointers, or cut.
 */
static int report_left_out(struct tracer *t, struct profile *profile)
{
	struct unwinding_stats stats = { 0 };
	int err = 0;

	if (t->unwinding)
		stats = unwinding_stats(t->unwinding);
	if (t->left_mappings && !t->options.no_mappings)
		err = add_skip(profile, NULL, "mappings (mmap)",
			       "not traced once tracing is in bursts: this kernel has only "
			       "tracepoints for "
			       "them, which slow all system calls; --budget=off traces them");
	err = err
		      ?: left_out_of_stacks(&stats,
					    t->pythons ? pythons_without_evaluator(t->pythons) : 0,
					    add_left_out, profile);
	if (t->unwinding)
		err = err ?: unwinding_each_fault(t->unwinding, add_fault, profile);
	return err;
}

/* A process that has done nothing is reported too, so that a reader finds its pid. */
static int add_idle(struct tracer *t, uint64_t now, struct profile *profile)
{
	for (size_t i = 0; i < t->nr_added; i++) {
		struct profile_process *row;
		struct process_info info;

		if (processes_seen(t->processes, t->added[i]) || process_read(t->added[i], &info))
			continue;
		row = vec_push(&profile->processes, &profile->nr_processes,
			       &profile->cap_processes);
		if (!row)
			return -ENOMEM;
		row->pid = info.pid;
		row->ns_pid = info.ns_pid;
		row->parent = PROFILE_NONE;
		row->comm = profile_string(profile, info.comm);
		row->started = process_started(&info);
		row->seen_seconds = (now - t->start) / 1e9;
		row->exit_status = -1;
		row->rss_bytes = row->rss_start_bytes = info.rss_bytes;
		row->verdict = VERDICT_NONE;
		row->evidence =
			profile_string(profile, "It neither allocated nor released anything.");
	}
	return 0;
}

int tracer_profile(struct tracer *t, const struct tracer_report *report,
		   struct profile **ret_profile)
{
	const struct heap_naming naming = { t, describe_process, add_stack, name_family,
					    name_operation };
	uint64_t now = t->end ? t->end : monotonic_ns();
	struct profile *profile = profile_new();
	int err;

	if (!profile)
		return -ENOMEM;
	processes_each(t->processes, refresh_maps, t);
	/* While events come in nobody waits for a server. */
	symbolizer_hurry(t->symbolizer, !t->end);
	stacks_begin_report(t->stacks);
	fill_capture(t, now, profile);
	err = heap_fill(t->heap, now, &report->filter, report->live_only,
			report->max_sites ? report->max_sites : DEFAULT_SITES, &naming, profile);
	fill_health(t, profile);
	if (t->governor)
		err = err ?: governor_report(t->governor, now, profile);
	if (!t->options.everything)
		err = err ?: add_idle(t, now, profile);
	err = err ?: tracer_add_objects(t, profile);
	err = err ?: objects_report_skips(t->objects, profile);
	err = err ?: report_left_out(t, profile);
	if (err) {
		profile_free(profile);
		return err;
	}
	*ret_profile = profile;
	return 0;
}

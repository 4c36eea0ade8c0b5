// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the parts of a tracing, and which processes are traced. The loop is in tracer_run.c,
 * what a record means in tracer_records.c, what is reported in tracer_profile.c.
 */
#include "trace/tracer_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "proc/cpu.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

bool tracer_knows_mappings(const struct tracer *t)
{
	return t->features.call_entries || (t->features.tracefs && !t->left_mappings);
}

static int open_kernel(struct tracer *t)
{
	const struct tracer_options *o = &t->options;
	struct kernel_options options = {
		.mode = t->features.best,
		.trace_all = o->everything,
		.follow_all = o->everything,
		.announce_exec = o->has_filter || o->everything,
		.mappings = tracer_knows_mappings(t) && !o->no_mappings,
		.new_code = tracer_knows_mappings(t),
		.call_entries = t->features.call_entries,
		.late_allocation = t->features.late_allocation,
		.find_vma = t->features.find_vma,
		.sample_bytes = o->sample_bytes,
		.ring_bytes = o->ring_bytes,
		.max_threads = o->max_threads,
		.max_stacks = o->max_stacks,
		.max_sampled = o->max_sampled,
		.unwind_tables = !o->frame_pointers,
		.python = !o->no_python,
	};

	return kernel_open(&options, &t->kernel);
}

static uint32_t module_of_table(const void *context, uint16_t table)
{
	return context ? unwinding_table_module(context, table) : PLACE_NONE;
}

static void add_cpu(void *context, const struct traced_process *process)
{
	struct tracer *t = ((void **)context)[0];
	double *sum = ((void **)context)[1];

	if (!tracer_was_added(t, process->pid))
		*sum += process_cpu_seconds(process->pid);
}

/* Of those that were added, and of their children. */
static double targets_cpu_seconds(void *context)
{
	struct tracer *t = context;
	double sum = 0;

	if (t->options.everything)
		return host_cpu_seconds();
	for (size_t i = 0; i < t->nr_added; i++)
		sum += process_cpu_seconds(t->added[i]);
	processes_each(t->processes, add_cpu, (void *[]){ t, &sum });
	return sum;
}

static void probe(void *context, bool on)
{
	struct tracer *t = context;

	if (on)
		objects_resume(t->objects);
	else
		objects_pause(t->objects);
}

static bool is_stepped(void *context, bool releases)
{
	struct tracer *t = context;

	return objects_stepped(t->objects, releases);
}

static size_t others(void *context)
{
	struct tracer *t = context;

	return objects_sharers(t->objects) - 1;
}

/*
 * Tracepoints of system calls make all of these slower, also while nothing is traced: on a server
 * that costs as much as the whole budget. Then new code is looked for now and then.
 */
static void begin_bursts(void *context)
{
	struct tracer *t = context;

	if (!kernel_leave_tracepoints(t->kernel))
		return;
	t->left_mappings = true;
	if (!t->options.no_mappings)
		heap_leave_mappings(t->heap, monotonic_ns());
}

static int open_governor(struct tracer *t)
{
	struct governor_options options = {
		.percent = t->options.budget,
		.host = t->options.everything,
		.kernel = t->kernel,
		.heap = t->heap,
		.context = t,
		.cpu_seconds = targets_cpu_seconds,
		.probe = probe,
		.bursts = begin_bursts,
		.stepped = is_stepped,
		.others = others,
		.start = t->start,
	};

	return t->options.budget > 0 ? governor_new(&options, &t->governor) : 0;
}

static int open_collector(struct tracer *t)
{
	struct heap_options heap = {
		.max_bytes = t->options.max_memory,
		.sample_bytes = t->options.sample_bytes,
		.by_thread = t->options.by_thread,
		.page_bytes = sysconf(_SC_PAGESIZE),
	};
	struct stacks_files files = { .module = module_of_table };

	t->modules = modules_new();
	t->symbolizer = t->modules ? symbolizer_new(t->modules, &t->options.symbols) : NULL;
	if (t->modules && !t->options.frame_pointers)
		t->unwinding = unwinding_new(t->kernel, t->modules, NULL);
	if (t->modules && !t->options.no_python)
		t->pythons = pythons_new(t->kernel, t->modules);
	if (!t->options.no_objects && !t->options.everything) {
		t->inner = inner_new();
		if (!t->inner)
			return -ENOMEM;
	}
	files.context = t->unwinding;
	files.pythons = t->pythons;
	t->stacks = t->symbolizer ? stacks_new(t->modules, t->symbolizer, &files) : NULL;
	t->processes = processes_new();
	t->surroundings = surroundings_new();
	t->objects = objects_new(t->kernel, &t->options.plan, &t->features, t->options.host_wide);
	t->refreshed = hashmap_new();
	t->stale = hashmap_new();
	t->families = hashmap_new();
	t->allocator_stacks = hashmap_new();
	t->start = monotonic_ns();
	t->start_wall = clock_ns(CLOCK_REALTIME) / 1e9;
	t->next_tick = t->start + TRACER_TICK_NS;
	heap.start_time = t->start;
	t->heap = heap_new(&heap);
	return t->stacks && t->processes && t->surroundings && t->objects && t->refreshed &&
			       t->stale && t->families && t->allocator_stacks && t->heap
		       ? 0
		       : -ENOMEM;
}

/*
 * An exception cannot pass a return probe. With sessions the kernel side leaves out the
 * return of each call that may throw: of a size that cannot be had, or where memory is
 * limited. Where memory is not overcommitted any call may.
 */
static bool throwing_is_safe(const struct features *features)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
	int mode = 2;

	if (file && fscanf(file, "%d", &mode) != 1)
		mode = 2;
	if (file)
		fclose(file);
	return features->best == ATTACH_SESSION && mode != 2;
}

int tracer_new(const struct tracer_options *options, const struct features *features,
	       struct tracer **ret_tracer)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->features = *features;
	t->options.host_wide |= options->everything;
	t->options.plan.nop5_is_free = features->nop5_is_free;
	t->options.plan.sampled = options->sample_bytes;
	t->options.plan.allow_throwing |= throwing_is_safe(features);
	err = open_kernel(t);
	err = err ?: open_collector(t);
	err = err ?: open_governor(t);
	if (err) {
		tracer_free(t);
		return err;
	}
	*ret_tracer = t;
	return 0;
}

void tracer_free(struct tracer *t)
{
	if (!t)
		return;
	inner_free(t->inner);
	governor_free(t->governor);
	objects_free(t->objects);
	kernel_free(t->kernel);
	heap_free(t->heap);
	stacks_free(t->stacks);
	pythons_free(t->pythons);
	unwinding_free(t->unwinding);
	symbolizer_free(t->symbolizer);
	modules_free(t->modules);
	processes_free(t->processes);
	surroundings_free(t->surroundings);
	oom_watch_close(t->oom_watch);
	hashmap_free(t->refreshed);
	hashmap_free(t->stale);
	hashmap_free(t->families);
	hashmap_free(t->allocator_stacks);
	free(t->added);
	free(t->held);
	free(t);
}

static uint32_t target_bits(const struct tracer *t, pid_t pid)
{
	return SEEP_TARGET_TRACED | (t->options.follow ? SEEP_TARGET_FOLLOW : 0) |
	       (process_memory_limited(pid) ? SEEP_TARGET_LIMITED : 0);
}

bool tracer_was_added(const struct tracer *t, pid_t pid)
{
	for (size_t i = 0; i < t->nr_added; i++)
		if (t->added[i] == pid)
			return true;
	return false;
}

static int remember(struct tracer *t, pid_t pid)
{
	pid_t *slot = vec_push(&t->added, &t->nr_added, &t->cap_added);

	if (!slot)
		return -ENOMEM;
	*slot = pid;
	return 0;
}

void tracer_forget(struct tracer *t, pid_t pid)
{
	size_t kept = 0;

	objects_forget(t->objects, pid);
	if (t->inner)
		inner_end(t->inner, pid);
	if (!t->options.has_filter && !t->options.everything)
		return;
	for (size_t i = 0; i < t->nr_added; i++)
		if (t->added[i] != pid)
			t->added[kept++] = t->added[i];
	t->nr_added = kept;
}

int tracer_trace_process(struct tracer *t, pid_t pid)
{
	int err = processes_meet(t->processes, pid);

	/* All before the probes: their first hit must find it. */
	tracer_refresh_maps(t, SEEP_UNWIND_BY_TGID(pid), pid, UNWINDING_SMALL);
	err = err ?: kernel_set_target(t->kernel, pid, target_bits(t, pid));

	return err ?: objects_scan(t->objects, pid, NULL);
}

/* Only user memory of programs of this machine. */
static int check_traceable(const struct process_info *info)
{
	uint16_t machine, own_machine;
	uint8_t class, own_class;

	if (info->kernel_thread)
		return -ENOTSUP;
	if (process_machine(info->pid, &machine, &class) ||
	    process_machine(getpid(), &own_machine, &own_class))
		return 0;
	return machine == own_machine && class == own_class ? 0 : -ENOEXEC;
}

int tracer_add(struct tracer *t, pid_t pid)
{
	struct process_info info;
	size_t before = objects_probes(t->objects);
	int err;

	err = process_read(pid, &info);
	err = err ?: check_traceable(&info);
	err = err ?: remember(t, pid);
	err = err ?: tracer_trace_process(t, pid);
	if (err)
		return err;
	return objects_probes(t->objects) > before || t->options.host_wide ? 0 : -ENOENT;
}

int tracer_add_child(struct tracer *t, pid_t pid)
{
	int err = remember(t, pid);

	return err ?: kernel_set_target(t->kernel, pid, target_bits(t, pid) | SEEP_TARGET_HOLD);
}

/* One that has come to allocate meanwhile is known by what it did. */
static void prepare(struct tracer *t, pid_t pid)
{
	if (processes_seen(t->processes, pid) || processes_meet(t->processes, pid))
		return;
	tracer_refresh_maps(t, SEEP_UNWIND_BY_TGID(pid), pid, UNWINDING_SMALL);
}

bool tracer_leaves_alone(struct tracer *t, pid_t pid)
{
	return t->options.everything && process_runs_own_program(pid) &&
	       !kernel_leave_alone(t->kernel, pid);
}

/* With -a every process is a target already; it is only a matter of the files it maps. */
static void add_if_matching(struct tracer *t, pid_t pid, size_t *nr)
{
	if (pid == getpid() || tracer_was_added(t, pid))
		return;
	if (t->options.has_filter && !process_matches(pid, &t->options.filter))
		return;
	if (remember(t, pid))
		return;
	if (t->options.everything) {
		prepare(t, pid);
		objects_scan(t->objects, pid, NULL);
	} else {
		tracer_trace_process(t, pid);
	}
	(*nr)++;
}

/* Ended ones make room, so that a long look at a busy host keeps a short list. */
static void forget_ended(struct tracer *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nr_added; i++) {
		if (kill(t->added[i], 0) && errno == ESRCH) {
			objects_forget(t->objects, t->added[i]);
			/* Of one that never allocated. */
			tracer_forget_maps(t, SEEP_UNWIND_BY_TGID(t->added[i]));
			continue;
		}
		t->added[kept++] = t->added[i];
	}
	t->nr_added = kept;
}

int tracer_add_matching(struct tracer *t, size_t *ret_nr)
{
	size_t nr_pids = 0, nr = 0;
	pid_t *pids = NULL;
	int err = process_list(&pids, &nr_pids);

	if (err)
		return err;
	forget_ended(t);
	/* Before the first probe, which all processes have at once. */
	for (size_t i = 0; i < nr_pids; i++)
		if (!tracer_was_added(t, pids[i]) && tracer_leaves_alone(t, pids[i]))
			remember(t, pids[i]);
	for (size_t i = 0; i < nr_pids; i++)
		add_if_matching(t, pids[i], &nr);
	free(pids);
	if (ret_nr)
		*ret_nr = nr;
	return 0;
}

void tracer_set_exit_status(struct tracer *t, pid_t pid, int status)
{
	processes_set_exit_status(t->processes, pid, status);
}

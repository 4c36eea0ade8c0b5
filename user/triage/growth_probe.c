// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the programs of bpf/triage/growth.bpf.c: loads and attaches them, watches what they cost
 * by the kernel's statistics, and takes them out when that is too much. A host whose processes
 * fault a million times a second is told so, not slowed down. What was counted is read in
 * growth_counts.c.
 */
#include "triage/growth_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { MAX_STACKS = 8192, MAX_PROCESSES = 8192, EVERY = 16 };

static const double BUDGET = 0.01;
/* Beside the program itself: the tracepoint that leads to it. Measured, and in no statistics. */
static const double TRACEPOINT_SECONDS = 50e-9;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int set_bounds(struct growth_bpf *bpf, const struct growth_probe_options *o)
{
	uint32_t stacks = (uint32_t)(o->max_stacks ? o->max_stacks : MAX_STACKS);
	uint32_t processes = (uint32_t)(o->max_processes ? o->max_processes : MAX_PROCESSES);
	int err = bpf_map__set_max_entries(bpf->maps.sites, stacks);

	err = err ?: bpf_map__set_max_entries(bpf->maps.stacks, stacks);
	bpf->rodata->every = o->every ? o->every : EVERY;
	bpf_program__set_autoload(bpf->progs.seep_mmap, o->calls);
	bpf_program__set_autoload(bpf->progs.seep_munmap, o->calls);
	bpf_program__set_autoload(bpf->progs.seep_brk, o->calls);
	return err ?: bpf_map__set_max_entries(bpf->maps.processes, processes);
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static int load(struct growth_probe *probe, const struct growth_probe_options *options)
{
	libbpf_print_fn_t print = libbpf_set_print(silent);
	int err;

	probe->bpf = growth_bpf__open();
	err = probe->bpf ? set_bounds(probe->bpf, options) : -errno;
	err = err ?: growth_bpf__load(probe->bpf);
	err = err ?: growth_bpf__attach(probe->bpf);
	libbpf_set_print(print);
	return err;
}

int growth_probe_open(const struct growth_probe_options *options, struct growth_probe **ret_probe)
{
	static const struct growth_probe_options defaults;
	const struct growth_probe_options *o = options ? options : &defaults;
	struct growth_probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe) {
		if (o->statistics > 0)
			close(o->statistics);
		return -ENOMEM;
	}
	probe->budget = o->budget > 0 ? o->budget : BUDGET;
	probe->statistics = o->statistics > 0 ? o->statistics
					      : bpf_enable_stats(BPF_STATS_RUN_TIME);
	/* Without statistics (5.8) nobody would know what it costs. */
	err = probe->statistics < 0 ? -errno : load(probe, o);
	if (err) {
		growth_probe_close(probe);
		if (err == -EPERM || err == -EACCES)
			return -EPERM;
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	}
	probe->attached = true;
	probe->checked = now();
	*ret_probe = probe;
	return 0;
}

void growth_probe_close(struct growth_probe *probe)
{
	if (!probe)
		return;
	growth_bpf__destroy(probe->bpf);
	if (probe->statistics >= 0)
		close(probe->statistics);
	free(probe);
}

static void sum_runs(const struct growth_probe *probe, uint64_t *ret_ns, uint64_t *ret_hits)
{
	struct bpf_program *program;

	*ret_ns = *ret_hits = 0;
	bpf_object__for_each_program(program, probe->bpf->obj)
	{
		struct bpf_prog_info info;
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		memset(&info, 0, sizeof(info));
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
			continue;
		*ret_ns += info.run_time_ns;
		*ret_hits += info.run_cnt;
	}
}

int growth_probe_check(struct growth_probe *probe, struct growth_state *ret_state)
{
	struct growth_state state = { .attached = probe->attached };
	double time = now(), seconds = time - probe->checked;
	uint64_t ns, hits, lost;
	int err = 0;

	sum_runs(probe, &ns, &hits);
	if (probe->attached && seconds > 0) {
		double more = (double)(hits - probe->hits);

		state.hits_per_second = more / seconds;
		state.cost =
			((double)(ns - probe->run_ns) / 1e9 + more * TRACEPOINT_SECONDS) / seconds;
		state.attached = probe->attached = state.cost <= probe->budget;
		if (!probe->attached)
			growth_bpf__detach(probe->bpf);
	}
	probe->run_ns = ns;
	probe->hits = hits;
	probe->checked = time;
	state.stacks_lost = __atomic_load_n(&probe->bpf->bss->lost.stacks, __ATOMIC_RELAXED);
	state.processes_lost = __atomic_load_n(&probe->bpf->bss->lost.processes, __ATOMIC_RELAXED);
	lost = state.stacks_lost + state.processes_lost;
	if (lost != probe->lost)
		err = growth_forget_ended(probe);
	probe->lost = lost;
	if (!err)
		*ret_state = state;
	return err;
}

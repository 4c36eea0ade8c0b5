// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the BPF object and its maps. Which programs are loaded depends on the way of
 * attaching alone; attachment.c puts them into files.
 */
#include "attach/kernel.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/kernel_internal.h"
#include "attach/kernel_unwind.h"
#include "attach/link.h"
#include "attach/unlink.h"
#include "base/log.h"
#include "early.skel.h"

enum {
	DEFAULT_RING = 16 << 20,
	DEFAULT_THREADS = 16384,
	EARLY_THREADS = 2048,
	DEFAULT_STACKS = 262144,
	BYTES_A_STACK = 16, /* two hashes */
	DEFAULT_SAMPLED = 262144,
	QUANTILES = 4096,
	MOST_PROGRAMS = 64, /* that are stopped together */
	DRAIN_MS = 2000, /* a record is written in a microsecond, once its thread runs */
	BATCH = 1 << 17, /* records handed over at once */
};

static size_t ring_size(size_t wanted)
{
	size_t size = sysconf(_SC_PAGESIZE);

	while (size < wanted && size < 1 << 30)
		size *= 2;
	return size;
}

static void set_knobs(struct tracer_bpf *bpf, const struct kernel_options *o, size_t ring)
{
	bpf->rodata->self_tgid = getpid();
	bpf->rodata->trace_all = o->trace_all;
	bpf->rodata->follow_all = o->follow_all;
	bpf->rodata->announce_exec = o->announce_exec;
	bpf->rodata->want_stacks = !o->no_stacks;
	bpf->rodata->have_tables = o->unwind_tables;
	bpf->rodata->want_python = o->python;
	bpf->rodata->mapping_layer = o->mappings;
	bpf->rodata->sample_bytes = o->sample_bytes;
	bpf->rodata->wakeup_bytes = ring / 8;
	bpf->rodata->largest_size = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/*
 * Entries that are large and few are allocated when they are needed, where that is safe;
 * older kernels warn of it, so there the tables are made whole, and smaller.
 */
static int size_late_maps(struct tracer_bpf *bpf, const struct kernel_options *o)
{
	size_t threads = o->late_allocation ? DEFAULT_THREADS : EARLY_THREADS;
	int err = bpf_map__set_max_entries(bpf->maps.threads, o->max_threads ?: threads);

	if (o->late_allocation)
		return err;
	return err ?: bpf_map__set_map_flags(bpf->maps.threads, 0);
}

/* The table is one of sets, and their number a power of two. */
static int size_stacks(struct tracer_bpf *bpf, size_t wanted)
{
	size_t in_set = bpf_map__value_size(bpf->maps.stacks) / BYTES_A_STACK;
	__u32 sets = 1;

	while (sets * in_set < wanted)
		sets *= 2;
	bpf->rodata->stack_sets = sets;
	return bpf_map__set_max_entries(bpf->maps.stacks, sets);
}

static int size_maps(struct tracer_bpf *bpf, const struct kernel_options *o, size_t ring)
{
	int err = bpf_map__set_max_entries(bpf->maps.ring, ring);

	err = err ?: size_late_maps(bpf, o);
	err = err ?: size_stacks(bpf, o->max_stacks ?: DEFAULT_STACKS);
	if (o->sample_bytes)
		err = err
			      ?: bpf_map__set_max_entries(bpf->maps.sampled,
							  o->max_sampled ?: DEFAULT_SAMPLED);
	return err ?: kernel_unwind_size(bpf, o);
}

static void load_none(struct tracer_bpf *bpf)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf->obj) bpf_program__set_autoload(program, false);
}

static void load_one(struct bpf_program *program)
{
	bpf_program__set_autoload(program, true);
}

static void load_plain(struct tracer_bpf *bpf)
{
	load_one(bpf->progs.seep_enter_malloc);
	load_one(bpf->progs.seep_enter_calloc);
	load_one(bpf->progs.seep_enter_realloc);
	load_one(bpf->progs.seep_enter_reallocarray);
	load_one(bpf->progs.seep_enter_memalign);
	load_one(bpf->progs.seep_enter_posix_memalign);
	load_one(bpf->progs.seep_enter_purge);
	load_one(bpf->progs.seep_release_plain);
	load_one(bpf->progs.seep_leave);
}

static void choose_call_entries(struct tracer_bpf *bpf, const struct kernel_options *o)
{
	if (o->mappings || o->new_code) {
		load_one(bpf->progs.seep_mmap);
		load_one(bpf->progs.seep_mmap_done);
	}
	if (!o->mappings)
		return;
	load_one(bpf->progs.seep_munmap);
	load_one(bpf->progs.seep_munmap_done);
	load_one(bpf->progs.seep_mremap);
	load_one(bpf->progs.seep_mremap_done);
	load_one(bpf->progs.seep_brk_done);
}

static void choose_tracepoints(struct tracer_bpf *bpf, const struct kernel_options *o)
{
	if (o->mappings || o->new_code) {
		load_one(bpf->progs.seep_enter_mapping);
		load_one(bpf->progs.seep_exit_mmap);
	}
	if (!o->mappings)
		return;
	load_one(bpf->progs.seep_enter_munmap);
	load_one(bpf->progs.seep_exit_munmap);
	load_one(bpf->progs.seep_exit_mremap);
	load_one(bpf->progs.seep_exit_brk);
}

static void choose_programs(struct tracer_bpf *bpf, const struct kernel_options *o)
{
	load_none(bpf);
	switch (o->mode) {
	case ATTACH_SESSION:
		load_one(bpf->progs.seep_session);
		bpf_program__set_expected_attach_type(bpf->progs.seep_session,
						      (enum bpf_attach_type)LINK_UPROBE_SESSION);
		load_one(bpf->progs.seep_release_multi);
		break;
	case ATTACH_MULTI:
		load_one(bpf->progs.seep_enter_multi);
		load_one(bpf->progs.seep_leave_multi);
		load_one(bpf->progs.seep_release_multi);
		break;
	case ATTACH_PERF_COOKIE:
		load_one(bpf->progs.seep_enter);
		load_one(bpf->progs.seep_leave);
		load_one(bpf->progs.seep_release);
		break;
	default:
		load_plain(bpf);
	}
	load_one(bpf->progs.seep_identify);
	load_one(bpf->progs.seep_fork);
	load_one(bpf->progs.seep_exec);
	load_one(bpf->progs.seep_exit);
	if (o->call_entries && o->mode != ATTACH_PERF)
		choose_call_entries(bpf, o);
	else
		choose_tracepoints(bpf, o);
}

/* The i-th of n equally likely values of an exponential distribution, at its middle. */
static uint64_t quantile(uint64_t mean, unsigned int i)
{
	double value = -log((i + 0.5) / QUANTILES) * (double)mean;

	return value < 1 ? 1 : (uint64_t)value;
}

static int fill_quantiles(struct tracer_bpf *bpf, uint64_t mean)
{
	int fd = bpf_map__fd(bpf->maps.sample_quantiles), err = 0;

	for (uint32_t i = 0; !err && i < QUANTILES; i++) {
		uint64_t value = quantile(mean, i);

		err = bpf_map_update_elem(fd, &i, &value, BPF_ANY) ? -errno : 0;
	}
	return err;
}

static int hand_over(void *context, void *data, size_t size)
{
	struct kernel *kernel = context;

	kernel->record(kernel->record_context, data, size);
	/* Under a flood the ring is never empty; the caller has more to do than to drain it. */
	return ++kernel->in_batch < BATCH ? 0 : -ECANCELED;
}

/* The object, or the other one compiled from the same sources: all is alike but one call. */
static struct tracer_bpf *open_object(bool find_vma)
{
	struct tracer_bpf *bpf;
	int err;

	if (find_vma)
		return tracer_bpf__open();
	bpf = calloc(1, sizeof(*bpf));
	if (!bpf)
		return NULL;
	err = tracer_bpf__create_skeleton(bpf);
	if (!err) {
		bpf->skeleton->data = early_bpf__elf_bytes(&bpf->skeleton->data_sz);
		err = bpf_object__open_skeleton(bpf->skeleton, NULL);
	}
	if (!err)
		return bpf;
	tracer_bpf__destroy(bpf);
	errno = -err;
	return NULL;
}

/* The program of sys_enter_mmap serves two tracepoints. */
static int attach_mremap(struct kernel *kernel, const struct kernel_options *options)
{
	struct bpf_program *program = kernel->bpf->progs.seep_enter_mapping;

	if (!options->mappings || !bpf_program__autoload(program))
		return 0;
	kernel->mremap = bpf_program__attach_tracepoint(program, "syscalls", "sys_enter_mremap");
	return kernel->mremap ? 0 : -errno;
}

int kernel_open(const struct kernel_options *options, struct kernel **ret_kernel)
{
	size_t ring = ring_size(options->ring_bytes ?: DEFAULT_RING);
	struct kernel *kernel = calloc(1, sizeof(*kernel));
	int err;

	if (!kernel)
		return -ENOMEM;
	kernel->mode = options->mode;
	kernel->bpf = open_object(options->find_vma);
	if (!kernel->bpf) {
		err = -errno;
		goto fail;
	}
	set_knobs(kernel->bpf, options, ring);
	choose_programs(kernel->bpf, options);
	err = size_maps(kernel->bpf, options, ring);
	err = err ?: tracer_bpf__load(kernel->bpf);
	if (!err && options->sample_bytes)
		err = fill_quantiles(kernel->bpf, options->sample_bytes);
	if (!err)
		kernel_try_identify(kernel);
	if (!err && options->unwind_tables)
		err = kernel_unwind_open(kernel);
	err = err ?: tracer_bpf__attach(kernel->bpf);
	err = err ?: attach_mremap(kernel, options);
	if (err)
		goto fail;
	kernel->ring =
		ring_buffer__new(bpf_map__fd(kernel->bpf->maps.ring), hand_over, kernel, NULL);
	if (!kernel->ring) {
		err = -errno;
		goto fail;
	}
	*ret_kernel = kernel;
	return 0;
fail:
	kernel_free(kernel);
	return err;
}

void kernel_free(struct kernel *kernel)
{
	if (!kernel)
		return;
	unlink_end(kernel->unlinking);
	unlink_end(kernel->leaving);
	ring_buffer__free(kernel->ring);
	kernel_unwind_close(kernel);
	bpf_link__destroy(kernel->mremap);
	tracer_bpf__destroy(kernel->bpf);
	free(kernel);
}

/* Those whose section begins so ("": all). Returns how many. */
static size_t take_links(struct kernel *kernel, const char *section, struct probe_link *links)
{
	struct bpf_object_skeleton *skeleton = kernel->bpf->skeleton;
	size_t nr = 0;

	for (int i = 0; i < skeleton->prog_cnt && nr < MOST_PROGRAMS; i++) {
		const struct bpf_prog_skeleton *prog = &skeleton->progs[i];
		const char *name = bpf_program__section_name(*prog->prog);

		if (!*prog->link || strncmp(name, section, strlen(section)) != 0)
			continue;
		links[nr++] = (struct probe_link){ .fd = -1, .link = *prog->link };
		*prog->link = NULL;
	}
	if (kernel->mremap)
		links[nr++] = (struct probe_link){ .fd = -1, .link = kernel->mremap };
	kernel->mremap = NULL;
	return nr;
}

void kernel_stop(struct kernel *kernel)
{
	struct probe_link links[MOST_PROGRAMS + 1];
	size_t nr = take_links(kernel, "", links);

	/* A tracepoint takes 40 ms, one after the other: nobody needs to wait for it. */
	kernel->unlinking = unlink_begin(links, nr);
}

bool kernel_leave_tracepoints(struct kernel *kernel)
{
	struct probe_link links[MOST_PROGRAMS + 1];
	size_t nr = take_links(kernel, "tp/", links);

	if (nr)
		kernel->leaving = unlink_begin(links, nr);
	return nr;
}

static int put_target(struct kernel *kernel, pid_t pid, uint32_t flags)
{
	int fd = bpf_map__fd(kernel->bpf->maps.targets);
	uint32_t tgid = pid;
	int err = bpf_map_update_elem(fd, &tgid, &flags, BPF_ANY) ? -errno : 0;

	kernel->bpf->bss->target_generation++;
	return err;
}

int kernel_leave_alone(struct kernel *kernel, pid_t pid)
{
	return put_target(kernel, pid, 0);
}

int kernel_set_target(struct kernel *kernel, pid_t pid, uint32_t flags)
{
	int fd = bpf_map__fd(kernel->bpf->maps.targets);
	uint32_t tgid = pid;
	int err;

	if (flags)
		return put_target(kernel, pid, flags);
	err = bpf_map_delete_elem(fd, &tgid) ? -errno : 0;
	kernel->bpf->bss->target_generation++;
	return err;
}

int kernel_count_shared(struct kernel *kernel, pid_t pid, uint32_t number, bool counts)
{
	int fd = bpf_map__fd(kernel->bpf->maps.counted_in);
	struct seep_counted_in key = { pid, number };
	uint8_t value = 1;

	if (counts)
		return bpf_map_update_elem(fd, &key, &value, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, &key) ? -errno : 0;
}

int kernel_poll(struct kernel *kernel, int timeout_ms, kernel_record_fn fn, void *context)
{
	int n;

	kernel->record = fn;
	kernel->record_context = context;
	kernel->in_batch = 0;
	n = ring_buffer__consume(kernel->ring);
	if (!n && timeout_ms) {
		n = ring_buffer__poll(kernel->ring, timeout_ms);
		/* Records below the wake-up mark wait without a wake-up. */
		if (!n)
			n = ring_buffer__consume(kernel->ring);
	}
	return n == -ECANCELED ? (int)kernel->in_batch : n;
}

int kernel_drain(struct kernel *kernel, kernel_record_fn fn, void *context)
{
	struct ring *ring = ring_buffer__ring(kernel->ring, 0);
	unsigned long end = ring__producer_pos(ring);
	int n, patience = DRAIN_MS;

	/* Both positions only ever grow. */
	while ((long)(end - ring__consumer_pos(ring)) > 0) {
		n = kernel_poll(kernel, 0, fn, context);
		if (n < 0)
			return n;
		if (n)
			continue;
		/* The next one is being written by a thread that is not running just now. */
		if (!patience--)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

static uint64_t passed_over(struct kernel *kernel, int cpus)
{
	struct seep_sampling *states = calloc(cpus, sizeof(*states));
	uint64_t sum = 0;
	uint32_t zero = 0;

	if (states && !bpf_map_lookup_elem(bpf_map__fd(kernel->bpf->maps.sampling), &zero, states))
		for (int cpu = 0; cpu < cpus; cpu++)
			sum += states[cpu].passed_over;
	free(states);
	return sum;
}

int kernel_counters(struct kernel *kernel, uint64_t ret_counters[SEEP_COUNT_MAX])
{
	int fd = bpf_map__fd(kernel->bpf->maps.counters), cpus = libbpf_num_possible_cpus();
	uint64_t *values;

	if (cpus < 1)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < SEEP_COUNT_MAX; i++) {
		ret_counters[i] = 0;
		if (bpf_map_lookup_elem(fd, &i, values))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			ret_counters[i] += values[cpu];
	}
	ret_counters[SEEP_COUNT_UNSAMPLED] += passed_over(kernel, cpus);
	free(values);
	return 0;
}

int kernel_tainted(struct kernel *kernel, void (*fn)(void *context, uint32_t space, uint64_t lost),
		   void *context)
{
	int fd = bpf_map__fd(kernel->bpf->maps.tainted);
	uint32_t key, *previous = NULL, next;
	uint64_t lost;

	while (!bpf_map_get_next_key(fd, previous, &next)) {
		key = next;
		previous = &key;
		if (!bpf_map_lookup_elem(fd, &key, &lost) && lost)
			fn(context, key, lost);
	}
	return 0;
}

int kernel_set_python(struct kernel *kernel, uint32_t space, const struct seep_python *python)
{
	int fd = bpf_map__fd(kernel->bpf->maps.pythons);
	int err = bpf_map_update_elem(fd, &space, python, BPF_ANY) ? -errno : 0;

	kernel->bpf->bss->python_generation++;
	return err;
}

void kernel_forget_space(struct kernel *kernel, uint32_t space)
{
	kernel_unwind_forget_space(kernel, space);
	bpf_map_delete_elem(bpf_map__fd(kernel->bpf->maps.pythons), &space);
	bpf_map_delete_elem(bpf_map__fd(kernel->bpf->maps.tainted), &space);
}

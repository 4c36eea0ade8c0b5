// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the tracepoint oom:mark_victim (bpf/triage/oom.bpf.c) and turns its records into words.
 * Newer kernels give it the task, and all is known at that very moment. Older ones give a
 * number alone: then the process is asked through /proc while it dies, and what cannot be had any
 * more is unknown. Which of them this is shows when the program is loaded.
 *
 * Which limit was reached: that of the level whose usage is nearest to it, when it is as near as
 * an allocation that failed leaves it. With none the machine itself was out of memory.
 */
#include "triage/oom_watch.h"

#include <errno.h>
#include <linux/types.h>
#include <stdarg.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "../../bpf/triage.h"
#include "oom.skel.h"
#include "triage/oom_victim.h"

struct oom_watch {
	struct oom_bpf *bpf;
	struct ring_buffer *ring;
	oom_victim_fn fn; /* during oom_watch_poll */
	void *context;
};

static int on_record(void *context, void *data, size_t size)
{
	struct oom_watch *watch = context;
	struct oom_victim victim;
	char *cgroup, *limit_cgroup;

	if (size < sizeof(struct seep_oom))
		return 0;
	oom_victim_read(data, &victim, &cgroup, &limit_cgroup);
	watch->fn(watch->context, &victim);
	free(cgroup);
	free(limit_cgroup);
	return 0;
}

static int load(struct oom_watch *watch, bool task)
{
	watch->bpf = oom_bpf__open();
	if (!watch->bpf)
		return -errno;
	bpf_program__set_autoload(watch->bpf->progs.seep_oom_task, task);
	bpf_program__set_autoload(watch->bpf->progs.seep_oom_pid, !task);
	return oom_bpf__load(watch->bpf);
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

/* The program that takes a task is refused where the tracepoint gives a number. */
static int load_what_fits(struct oom_watch *watch)
{
	libbpf_print_fn_t print = libbpf_set_print(silent);
	int err = load(watch, true);

	if (err && err != -EPERM) {
		oom_bpf__destroy(watch->bpf);
		err = load(watch, false);
	}
	libbpf_set_print(print);
	return err;
}

static int attach(struct oom_watch *watch)
{
	struct oom_bpf *bpf = watch->bpf;

	watch->ring = ring_buffer__new(bpf_map__fd(bpf->maps.victims), on_record, watch, NULL);
	if (!watch->ring)
		return -errno;
	return oom_bpf__attach(bpf);
}

int oom_watch_open(struct oom_watch **ret_watch)
{
	struct oom_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	err = load_what_fits(watch);
	err = err ?: attach(watch);
	if (err) {
		oom_watch_close(watch);
		if (err == -EPERM || err == -EACCES)
			return -EPERM;
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	}
	*ret_watch = watch;
	return 0;
}

void oom_watch_close(struct oom_watch *watch)
{
	if (!watch)
		return;
	ring_buffer__free(watch->ring);
	oom_bpf__destroy(watch->bpf);
	free(watch);
}

int oom_watch_fd(const struct oom_watch *watch)
{
	return ring_buffer__epoll_fd(watch->ring);
}

int oom_watch_poll(struct oom_watch *watch, int timeout_ms, oom_victim_fn fn, void *context)
{
	watch->fn = fn;
	watch->context = context;
	return ring_buffer__poll(watch->ring, timeout_ms);
}

uint64_t oom_watch_lost(const struct oom_watch *watch)
{
	return __atomic_load_n(&watch->bpf->bss->lost, __ATOMIC_RELAXED);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the tracepoint oom:mark_victim (bpf/triage/oom.bpf.c) and turns its records into words.
 * Newer kernels give it the task, and all is known at that very moment. Older ones give a
 * number alone: then the process is asked through /proc while it dies, and what cannot be had any
 * more is unknown. Which of them this is the kernel's type information says.
 *
 * Which limit was reached: that of the level whose usage is nearest to it, when it is as near as
 * an allocation that failed leaves it. With none the machine itself was out of memory.
 */
#include "triage/oom_watch.h"

#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
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

/* Does the tracepoint's first argument point to something (a task), or is it a number? */
static int takes_task(bool *ret_task)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	int id, err = -EOPNOTSUPP;

	if (!btf)
		return -EOPNOTSUPP;
	id = btf__find_by_name_kind(btf, "btf_trace_mark_victim", BTF_KIND_TYPEDEF);
	type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	/* The first of all is the tracepoint's own. */
	if (type && btf_is_func_proto(type) && btf_vlen(type) >= 2) {
		const struct btf_type *first = btf__type_by_id(btf, btf_params(type)[1].type);

		if (first) {
			*ret_task = btf_is_ptr(first);
			err = 0;
		}
	}
	btf__free(btf);
	return err;
}

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
	struct bpf_link *link;
	int err;

	watch->bpf = oom_bpf__open();
	if (!watch->bpf)
		return -errno;
	bpf_program__set_autoload(watch->bpf->progs.seep_oom_task, task);
	bpf_program__set_autoload(watch->bpf->progs.seep_oom_pid, !task);
	err = oom_bpf__load(watch->bpf);
	if (err)
		return err;
	watch->ring =
		ring_buffer__new(bpf_map__fd(watch->bpf->maps.victims), on_record, watch, NULL);
	if (!watch->ring)
		return -errno;
	link = bpf_program__attach(task ? watch->bpf->progs.seep_oom_task
					: watch->bpf->progs.seep_oom_pid);
	if (!link)
		return -errno;
	if (task)
		watch->bpf->links.seep_oom_task = link;
	else
		watch->bpf->links.seep_oom_pid = link;
	return 0;
}

int oom_watch_open(struct oom_watch **ret_watch)
{
	struct oom_watch *watch;
	bool task = false;
	int err = takes_task(&task);

	if (err)
		return err;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	err = load(watch, task);
	if (err) {
		oom_watch_close(watch);
		return err == -EPERM || err == -EACCES ? -EPERM : err;
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

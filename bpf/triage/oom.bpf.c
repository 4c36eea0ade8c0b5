// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells of each process that the kernel has chosen to be killed for want of memory, with what it
 * had and what its cgroups had at that moment: a little later all of that is gone. The
 * tracepoint gives the task since 72ba14deb40a (6.10), the number of a thread alone before;
 * only the program that fits can be loaded. An object of its own: it runs without a tracer.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "triage.h"

/* Only the members that are needed. CO-RE ignores the names from the three lines on. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kernfs_node___oom {
	const char *name;
};

struct cgroup___oom {
	struct kernfs_node___oom *kn;
};

struct cgroup_subsys_state___oom {
	struct cgroup___oom *cgroup;
	struct cgroup_subsys_state___oom *parent;
};

struct css_set___oom {
	struct cgroup_subsys_state___oom *subsys[16];
};

struct page_counter___oom {
	atomic_long_t usage;
	unsigned long max;
};

struct mem_cgroup___oom {
	struct cgroup_subsys_state___oom css;
	struct page_counter___oom memory;
	struct page_counter___oom memsw;
};

struct task_struct___oom {
	struct css_set___oom *cgroups;
};

struct cred___oom {
	kuid_t uid;
};

struct task_struct___cred {
	const struct cred___oom *real_cred;
};

/* Since f1a7941243c1 (6.2); what CPUs have not added up yet is left out. */
struct percpu_counter___oom {
	s64 count;
};

struct mm_struct___late {
	struct percpu_counter___oom rss_stat[4];
};

struct mm_rss_stat___oom {
	atomic_long_t count[4];
};

struct mm_struct___early {
	struct mm_rss_stat___oom rss_stat;
};
#pragma clang attribute pop

enum cgroup_subsys_id___oom { memory_cgrp_id___oom = 4 };

/* enum of include/linux/mm_types_task.h */
#define MM_FILEPAGES 0
#define MM_ANONPAGES 1
#define MM_SWAPENTS 2
#define MM_SHMEMPAGES 3

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18); /* 99 victims */
} victims SEC(".maps");

__u64 lost;

static __always_inline struct seep_oom *begin_record(__u32 flags)
{
	struct seep_oom *r = bpf_ringbuf_reserve(&victims, sizeof(*r), 0);

	if (!r) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	r->time = bpf_ktime_get_ns();
	r->flags = flags;
	r->pid = 0;
	r->uid = ~0u;
	r->nr_levels = 0;
	r->anonymous = r->file = r->shared = r->swap = SEEP_OOM_UNKNOWN;
	__builtin_memset(r->comm, 0, sizeof(r->comm));
	return r;
}

#define RSS(mm, kind)                                                                              \
	(bpf_core_field_exists(((struct mm_struct___late *)0)->rss_stat[0].count)                  \
		 ? (__u64)BPF_CORE_READ((struct mm_struct___late *)(mm), rss_stat[kind].count)     \
		 : (__u64)BPF_CORE_READ((struct mm_struct___early *)(mm),                          \
					rss_stat.count[kind].counter))

/* A sum that is not complete may be below 0. */
static __always_inline __u64 not_negative(__u64 pages)
{
	return (__s64)pages < 0 ? 0 : pages;
}

static __always_inline void read_memory(struct task_struct *task, struct seep_oom *r)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	if (!mm)
		return;
	r->anonymous = not_negative(RSS(mm, MM_ANONPAGES));
	r->file = not_negative(RSS(mm, MM_FILEPAGES));
	r->swap = not_negative(RSS(mm, MM_SWAPENTS));
	r->shared = not_negative(RSS(mm, MM_SHMEMPAGES));
}

/* The state of the memory controller for this task's cgroup. */
static __always_inline struct cgroup_subsys_state___oom *memory_state(struct task_struct *task)
{
	struct cgroup_subsys_state___oom *css = NULL;
	struct css_set___oom *set;
	__u64 at;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id___oom, memory_cgrp_id___oom))
		return NULL;
	set = BPF_CORE_READ((struct task_struct___oom *)task, cgroups);
	at = (__u64)set + bpf_core_field_offset(set->subsys) +
	     8 * bpf_core_enum_value(enum cgroup_subsys_id___oom, memory_cgrp_id___oom);
	bpf_probe_read_kernel(&css, sizeof(css), (void *)at);
	return css;
}

static __always_inline void read_level(struct cgroup_subsys_state___oom *css,
				       struct seep_oom_level *level)
{
	struct mem_cgroup___oom *memory = (void *)css; /* css is its first member */

	level->usage = BPF_CORE_READ(memory, memory.usage.counter);
	level->max = BPF_CORE_READ(memory, memory.max);
	level->both_usage = level->both_max = SEEP_OOM_UNKNOWN;
	if (bpf_core_field_exists(memory->memsw)) {
		level->both_usage = BPF_CORE_READ(memory, memsw.usage.counter);
		level->both_max = BPF_CORE_READ(memory, memsw.max);
	}
	level->name[0] = '\0';
	bpf_probe_read_kernel_str(level->name, sizeof(level->name),
				  BPF_CORE_READ(css, cgroup, kn, name));
}

SEC("tp_btf/mark_victim")
int seep_oom_task(__u64 *args)
{
	struct task_struct *task = (void *)args[0];
	struct cgroup_subsys_state___oom *css;
	struct seep_oom *r = begin_record(0);

	if (!r)
		return 0;
	/* Read as a task's, not probed: so a kernel that gives a number refuses to load this. */
	r->pid = task->tgid;
	r->uid = BPF_CORE_READ((struct task_struct___cred *)task, real_cred, uid.val);
	BPF_CORE_READ_STR_INTO(&r->comm, task, group_leader, comm);
	read_memory(task, r);
	css = memory_state(task);
	for (int i = 0; i < SEEP_OOM_LEVELS && css; i++) {
		read_level(css, &r->levels[i]);
		r->nr_levels = i + 1;
		css = BPF_CORE_READ(css, parent);
	}
	if (css)
		r->flags |= SEEP_OOM_CUT;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("tp_btf/mark_victim")
int seep_oom_pid(__u64 *args)
{
	struct seep_oom *r = begin_record(SEEP_OOM_PID_ALONE);

	if (!r)
		return 0;
	r->pid = (__u32)args[0];
	bpf_ringbuf_submit(r, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

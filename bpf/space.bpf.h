/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is traced, and as whom. Memory belongs to an address space, not to a process: a
 * vfork child shares its parent's, exec replaces it, fork copies it. An address space is
 * known here by its mm_struct while it lives and numbered for good: the number is what
 * travels. A thread keeps its decision; exec forgets it.
 */
#ifndef SEEP_SPACE_BPF_H
#define SEEP_SPACE_BPF_H

#include "emit.bpf.h"

/* 5.5, commit cf25e24db61c renamed real_start_time. */
struct task_struct___old {
	__u64 real_start_time;
} __attribute__((preserve_access_index));

static __always_inline __u64 start_time(struct task_struct *leader)
{
	struct task_struct___old *old = (void *)leader;

	if (bpf_core_field_exists(leader->start_boottime))
		return BPF_CORE_READ(leader, start_boottime);
	return BPF_CORE_READ(old, real_start_time);
}

static __always_inline __u32 ns_tgid(struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	/* numbers[] is indexed by hand: its length is not in the type. */
	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (level & 31) * bpf_core_type_size(struct upid));
	return upid.nr;
}

static __always_inline __u32 target_flags(__u32 tgid)
{
	__u32 *flags;

	if (tgid == self_tgid)
		return 0;
	flags = bpf_map_lookup_elem(&targets, &tgid);
	if (flags)
		return *flags;
	return trace_all ? SEEP_TARGET_TRACED | (follow_all ? SEEP_TARGET_FOLLOW : 0) : 0;
}

__u32 last_space __weak = 0;

/* A number never used before. The candidates may race; the insertion decides. */
static __always_inline __u32 new_space_id(void)
{
	__u64 none = 0;

	for (int i = 0; i < 16; i++) {
		__u32 id = ++last_space;

		if (id && !bpf_map_update_elem(&tainted, &id, &none, BPF_NOEXIST))
			return id;
	}
	return 0;
}

static __always_inline void announce(struct seep_space *r, struct task_struct *task, __u8 kind,
				     __u8 reason, __u32 space, __u32 parent, __u16 flags)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	r->kind = kind;
	r->reason = reason;
	r->flags = flags;
	r->space = space;
	r->tgid = BPF_CORE_READ(task, tgid);
	r->ns_tgid = ns_tgid(leader);
	r->parent = parent;
	r->parent_tgid = BPF_CORE_READ(leader, real_parent, tgid);
	r->start_time = start_time(leader);
	r->time = bpf_ktime_get_ns();
	BPF_CORE_READ_STR_INTO(&r->comm, leader, comm);
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

const volatile struct seep_unwind_space no_mappings __weak = {};

/*
 * A space begins with the mappings and the Python kept under another key: a forked child with
 * its parent's, one seen for the first time with what user space has read of its process. One
 * that begins with none is asked of the kernel, address by address.
 */
static __always_inline void inherit_mappings(__u32 from, __u32 to)
{
	void *mappings;
	struct seep_python *python;

	python = want_python ? bpf_map_lookup_elem(&pythons, &from) : NULL;
	if (python)
		bpf_map_update_elem(&pythons, &to, python, BPF_ANY);
	if (!have_tables)
		return;
	mappings = bpf_map_lookup_elem(&unwind_spaces, &from);
	if (!mappings && vmas_can_be_found)
		mappings = (void *)&no_mappings;
	if (mappings && !bpf_map_update_elem(&unwind_spaces, &to, mappings, BPF_ANY))
		__sync_fetch_and_add(&mappings_generation, 1);
}

/* Numbers and announces the address space `mm` of `task`. NULL when a table is full. */
static __always_inline struct space *begin_space(struct task_struct *task, __u64 mm, __u8 reason,
						 __u32 parent, __u16 flags)
{
	struct space space = { .users = 1 };
	struct process process = { .mm = mm };
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct seep_space *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		count(SEEP_COUNT_DROPPED_OTHER);
		return NULL;
	}
	space.id = new_space_id();
	if (!space.id || bpf_map_update_elem(&spaces, &mm, &space, BPF_NOEXIST)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		if (space.id)
			bpf_map_delete_elem(&tainted, &space.id);
		/* Another thread of it may have been first. */
		struct space *theirs = bpf_map_lookup_elem(&spaces, &mm);

		if (!theirs)
			count(SEEP_COUNT_SPACES_FULL);
		return theirs;
	}
	inherit_mappings(reason == SEEP_SPACE_FORK ? parent : SEEP_UNWIND_BY_TGID(tgid), space.id);
	process.space = space.id;
	bpf_map_update_elem(&processes, &tgid, &process, BPF_ANY);
	announce(r, task, SEEP_SPACE_BEGIN, reason, space.id, parent, flags);
	return bpf_map_lookup_elem(&spaces, &mm);
}

/* The process gives up its address space; the last user of it ends it. */
static __always_inline __u32 leave_space(struct task_struct *task, __u32 tgid, __u8 reason)
{
	struct process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct seep_space *r;
	struct space *space;
	__u64 mm;
	__u32 id;

	if (!process)
		return 0;
	mm = process->mm;
	id = process->space;
	bpf_map_delete_elem(&processes, &tgid);
	space = bpf_map_lookup_elem(&spaces, &mm);
	if (!space || space->id != id)
		return id;
	if (space->users > 1) {
		__sync_fetch_and_add(&space->users, -1);
		return id;
	}
	bpf_map_delete_elem(&spaces, &mm);
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (r)
		announce(r, task, SEEP_SPACE_END, reason, id, 0, 0);
	else
		count(SEEP_COUNT_DROPPED_OTHER);
	return id;
}

/* A process comes to share an address space that is known. */
static __always_inline void share_space(struct space *space, __u64 mm, __u32 tgid)
{
	struct process process = { .mm = mm, .space = space->id };

	if (!bpf_map_update_elem(&processes, &tgid, &process, BPF_NOEXIST))
		__sync_fetch_and_add(&space->users, 1);
}

static __noinline struct thread *new_thread(__u32 tid)
{
	struct thread *blank;
	__u32 zero = 0;

	blank = bpf_map_lookup_elem(&blank_thread, &zero);
	if (!blank)
		return NULL;
	bpf_map_update_elem(&threads, &tid, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&threads, &tid);
}

/* The calling thread, whose decision is to be made (again). */
static __noinline struct thread *decide_thread(__u32 tgid, __u32 tid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 generation = target_generation, flags = target_flags(tgid);
	struct space *space;
	struct thread *t;
	__u64 mm;

	if (!flags)
		return NULL;
	mm = (__u64)BPF_CORE_READ(task, mm);
	if (!mm)
		return NULL;
	space = bpf_map_lookup_elem(&spaces, &mm);
	if (space)
		share_space(space, mm, tgid);
	else
		space = begin_space(task, mm, SEEP_SPACE_SEEN, 0, 0);
	if (!space)
		return NULL;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (!t)
		t = new_thread(tid);
	if (!t) {
		count(SEEP_COUNT_THREADS_FULL);
		return NULL;
	}
	t->tid = tid;
	t->tgid = tgid;
	t->limited = flags & SEEP_TARGET_LIMITED;
	t->space = space->id;
	t->generation = generation;
	return t;
}

/* The calling thread, or NULL when it is not traced. */
static __always_inline struct thread *current_thread(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = (__u32)id;
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (t && t->generation == target_generation)
		return t->space ? t : NULL;
	return decide_thread(id >> 32, tid);
}

#endif

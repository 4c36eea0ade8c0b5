// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Birth and end of address spaces: fork, exec and exit, from the scheduler's tracepoints
 * (BTF-typed: they need no more than the kernel's own type information, 5.5).
 */
#include "space.bpf.h"

#define SIGSTOP 19

SEC("tp_btf/sched_process_fork")
int BPF_PROG(seep_fork, struct task_struct *parent, struct task_struct *child)
{
	__u64 parent_mm = (__u64)BPF_CORE_READ(parent, mm);
	__u64 mm = (__u64)BPF_CORE_READ(child, mm);
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	__u32 tgid = BPF_CORE_READ(child, tgid);
	__u32 flags, parent_id = 0;
	struct space *space;

	if (tgid == parent_tgid || !mm)
		return 0;
	space = bpf_map_lookup_elem(&spaces, &parent_mm);
	if (space && mm == parent_mm)
		share_space(space, mm, tgid);
	if (space)
		parent_id = space->id;
	/* The address of an mm that has ended may come back. */
	if (mm != parent_mm)
		bpf_map_delete_elem(&spaces, &mm);
	flags = target_flags(parent_tgid);
	if (!(flags & SEEP_TARGET_FOLLOW))
		return 0;
	bpf_map_update_elem(&targets, &tgid, &flags, BPF_ANY);
	if (mm == parent_mm)
		return 0;
	if (!space) {
		space = begin_space(parent, parent_mm, SEEP_SPACE_SEEN, 0, 0);
		parent_id = space ? space->id : 0;
	}
	begin_space(child, mm, SEEP_SPACE_FORK, parent_id, 0);
	return 0;
}

static __always_inline void announce_untraced(struct task_struct *task)
{
	struct seep_space *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (r)
		announce(r, task, SEEP_SPACE_BEGIN, SEEP_SPACE_EXEC, 0, 0, 0);
	else
		count(SEEP_COUNT_DROPPED_OTHER);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(seep_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u64 mm = (__u64)BPF_CORE_READ(task, mm);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	__u32 old_tid = old_pid, old_space, flags = target_flags(tgid);
	__u16 held = 0;

	/* The thread that called exec has become the leader; what it did before is over. */
	bpf_map_delete_elem(&threads, &tgid);
	bpf_map_delete_elem(&threads, &old_tid);
	bpf_map_delete_elem(&spaces, &mm);
	old_space = leave_space(task, tgid, SEEP_SPACE_EXEC);
	if (!flags) {
		if (announce_exec)
			announce_untraced(task);
		return 0;
	}
	if (flags & SEEP_TARGET_HOLD && !bpf_send_signal(SIGSTOP))
		held = SEEP_HELD;
	begin_space(task, mm, SEEP_SPACE_EXEC, old_space, held);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(seep_exit, struct task_struct *task)
{
	__u32 tid = BPF_CORE_READ(task, pid);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (t) {
		if (t->calls[CALL_ALLOCATOR].sp)
			count(SEEP_COUNT_ABANDONED);
		bpf_map_delete_elem(&threads, &tid);
	}
	/* Decremented before this tracepoint, on every kernel: 0 is the last thread. */
	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	leave_space(task, tgid, SEEP_SPACE_EXIT);
	bpf_map_delete_elem(&targets, &tgid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Mappings, a layer of their own, from the system calls' tracepoints. What a call takes
 * away is told at its entry, what it makes at its exit: in between, another thread may
 * already be given the old range.
 */
#include "call.bpf.h"
#include "space.bpf.h"
#include "unwind.bpf.h"

#define MAP_ANONYMOUS 0x20
#define MREMAP_DONTUNMAP 4
#define PROT_EXEC 4
#define SIGSTOP 19

static __always_inline bool is_error(__s64 result)
{
	return (__u64)result >= (__u64)-4095;
}

/* The user's registers at a system call. 5.15, commit dd6e10fbd9fb. */
static __always_inline bool user_registers(struct registers *regs)
{
	struct pt_regs *user;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return false;
	user = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	regs->ip = PT_REGS_IP_CORE(user);
	regs->sp = PT_REGS_SP_CORE(user);
	regs->fp = PT_REGS_FP_CORE(user);
	regs->lr = 0;
	regs->guess = true;
	return true;
}

static __always_inline void begin_mapping(struct thread *t, __u64 address, __u64 size)
{
	const struct call *call = &t->calls[CALL_ALLOCATOR];
	struct registers regs = {};

	t->mapping.address = address;
	t->mapping.size = size;
	t->mapping.old_size = 0;
	t->mapping.flags = 0;
	t->mapping.active = 1;
	t->mapping.new_code = 0;
	t->mapping.stack = 0;
	if (!user_registers(&regs)) {
		if (call->sp)
			t->mapping.flags |= SEEP_IN_ALLOCATOR;
		return;
	}
	if (call_is_under_way(call, regs.sp))
		t->mapping.flags |= SEEP_IN_ALLOCATOR;
	t->mapping.stack = stack_id(t, &regs, &t->mapping.flags);
}

static __always_inline bool end_mapping(struct thread *t)
{
	bool active = t && t->mapping.active;

	if (active)
		t->mapping.active = 0;
	return active;
}

SEC("tp/syscalls/sys_enter_mmap")
int seep_enter_mmap(struct trace_event_raw_sys_enter *ctx)
{
	struct thread *t = current_thread();

	if (!t)
		return 0;
	begin_mapping(t, ctx->args[0], ctx->args[1]);
	if (ctx->args[3] & MAP_ANONYMOUS)
		t->mapping.flags |= SEEP_ANONYMOUS;
	else
		t->mapping.new_code = !!(ctx->args[2] & PROT_EXEC);
	return 0;
}

SEC("tp/syscalls/sys_exit_mmap")
int seep_exit_mmap(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *t = current_thread();
	__u16 hold = 0;

	if (!end_mapping(t) || is_error(ctx->ret))
		return 0;
	emit_map(t, SEEP_MAP, ctx->ret, t->mapping.size, t->mapping.stack, t->mapping.flags);
	if (!t->mapping.new_code)
		return 0;
	if (target_flags(t->tgid) & SEEP_TARGET_HOLD && !bpf_send_signal(SIGSTOP))
		hold = SEEP_HELD;
	emit_map(t, SEEP_NEW_CODE, ctx->ret, t->mapping.size, 0, hold);
	wake_collector();
	return 0;
}

SEC("tp/syscalls/sys_enter_munmap")
int seep_enter_munmap(struct trace_event_raw_sys_enter *ctx)
{
	struct thread *t = current_thread();

	if (!t)
		return 0;
	t->mapping.address = ctx->args[0];
	t->mapping.size = ctx->args[1];
	t->mapping.active = 1;
	emit_map(t, SEEP_UNMAP_BEGIN, ctx->args[0], ctx->args[1], 0, 0);
	return 0;
}

SEC("tp/syscalls/sys_exit_munmap")
int seep_exit_munmap(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *t = current_thread();

	if (end_mapping(t))
		emit_map(t, SEEP_UNMAP_END, t->mapping.address, t->mapping.size, 0,
			 is_error(ctx->ret) ? SEEP_FAILED : 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_mremap")
int seep_enter_mremap(struct trace_event_raw_sys_enter *ctx)
{
	struct thread *t = current_thread();

	if (!t)
		return 0;
	begin_mapping(t, ctx->args[0], ctx->args[2]);
	t->mapping.old_size = ctx->args[1];
	if (!ctx->args[1] || ctx->args[3] & MREMAP_DONTUNMAP)
		t->mapping.flags |= SEEP_KEEP_OLD;
	emit_map(t, SEEP_REMAP_BEGIN, ctx->args[0], ctx->args[1], 0, t->mapping.flags);
	return 0;
}

SEC("tp/syscalls/sys_exit_mremap")
int seep_exit_mremap(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *t = current_thread();

	if (!end_mapping(t))
		return 0;
	if (is_error(ctx->ret))
		emit_map(t, SEEP_REMAP_END, t->mapping.address, t->mapping.old_size, 0,
			 t->mapping.flags | SEEP_FAILED);
	else
		emit_map(t, SEEP_REMAP_END, ctx->ret, t->mapping.size, t->mapping.stack,
			 t->mapping.flags);
	return 0;
}

SEC("tp/syscalls/sys_exit_brk")
int seep_exit_brk(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *t = current_thread();

	if (t)
		emit_map(t, SEEP_BRK, ctx->ret, 0, 0, SEEP_IN_ALLOCATOR);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Mappings, a layer of their own, from their system calls. What a call takes away is told
 * at its entry, what it makes at its exit: in between, another thread may already be given
 * the old range.
 *
 * Each call has two pairs of programs. Those on the call's own function (fentry, fexit)
 * cost nobody else anything. Those on its tracepoints are for where these cannot be
 * attached: while one such tracepoint is on, every system call of the host is slower, and
 * return probes, which are one, as well.
 */
#include "call.bpf.h"
#include "space.bpf.h"
#include "unwind.bpf.h"

#define MAP_ANONYMOUS 0x20
#define MREMAP_DONTUNMAP 4
#define PROT_EXEC 4
#define SIGSTOP 19
/* Both programs of a call, a stack's walk aside. */
#define CALL_NS 1500

#ifdef __TARGET_ARCH_x86
#define SYSCALL(name) "__x64_sys_" #name
#define NR_MREMAP 25 /* asm/unistd_64.h */
#else
#define SYSCALL(name) "__arm64_sys_" #name
#define NR_MREMAP 216 /* asm-generic/unistd.h */
#endif

/* Off: only new code is told of. */
const volatile bool mapping_layer = true;

static __always_inline bool is_error(__s64 result)
{
	return (__u64)result >= (__u64)-4095;
}

static __always_inline void from_user(struct registers *regs, const struct pt_regs *user)
{
	regs->ip = PT_REGS_IP_CORE(user);
	regs->sp = PT_REGS_SP_CORE(user);
	regs->fp = PT_REGS_FP_CORE(user);
	regs->lr = 0;
	regs->guess = true;
}

/* The user's registers at a tracepoint; ip 0 without them. 5.15, commit dd6e10fbd9fb. */
static __always_inline void user_registers(struct registers *regs)
{
	regs->ip = 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		from_user(regs, (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
}

static __always_inline void begin_mapping(struct thread *t, __u64 address, __u64 size,
					  const struct registers *regs)
{
	const struct call *call = &t->calls[CALL_ALLOCATOR];

	t->mapping.address = address;
	t->mapping.size = size;
	t->mapping.old_size = 0;
	t->mapping.flags = 0;
	t->mapping.active = 1;
	t->mapping.new_code = 0;
	t->mapping.stack = 0;
	count_more(SEEP_COUNT_MAPPING_NS, CALL_NS);
	if (!mapping_layer)
		return;
	if (regs->ip ? call_is_under_way(call, regs->sp) : !!call->sp)
		t->mapping.flags |= SEEP_IN_ALLOCATOR;
	if (regs->ip) {
		__u64 begin = bpf_ktime_get_ns();

		t->mapping.stack = stack_id(t, regs, &t->mapping.flags);
		count_more(SEEP_COUNT_MAPPING_NS, bpf_ktime_get_ns() - begin);
	}
}

static __always_inline bool end_mapping(struct thread *t)
{
	bool active = t && t->mapping.active;

	if (active)
		t->mapping.active = 0;
	return active;
}

static __always_inline void enter_mmap(__u64 address, __u64 size, __u64 protection, __u64 flags,
				       const struct registers *regs)
{
	struct thread *t = current_thread();

	if (!t)
		return;
	begin_mapping(t, address, size, regs);
	if (flags & MAP_ANONYMOUS)
		t->mapping.flags |= SEEP_ANONYMOUS;
	else
		t->mapping.new_code = !!(protection & PROT_EXEC);
}

/*
 * From now on the kernel is asked for code there, until the process's maps are read again.
 * User space may replace the entry meanwhile: then it is about to, because of the record
 * that follows, once more.
 */
static __always_inline void note_new_code(struct thread *t, __u64 start, __u64 size)
{
	struct seep_unwind_space *space;

	if (!have_tables)
		return;
	space = bpf_map_lookup_elem(&unwind_spaces, &t->space);
	if (!space)
		return;
	if (!space->changed_end || start < space->changed_start)
		space->changed_start = start;
	if (start + size > space->changed_end)
		space->changed_end = start + size;
	__sync_fetch_and_add(&space->changes, 1);
	__sync_fetch_and_add(&space->generation, 1);
	__sync_fetch_and_add(&mappings_generation, 1);
}

static __always_inline void exit_mmap(__s64 result)
{
	struct thread *t = current_thread();
	__u16 hold = 0;

	if (!end_mapping(t) || is_error(result))
		return;
	if (mapping_layer)
		emit_map(t, SEEP_MAP, result, t->mapping.size, t->mapping.stack, t->mapping.flags);
	if (!t->mapping.new_code)
		return;
	note_new_code(t, result, t->mapping.size);
	if (target_flags(t->tgid) & SEEP_TARGET_HOLD && !bpf_send_signal(SIGSTOP))
		hold = SEEP_HELD;
	emit_map(t, SEEP_NEW_CODE, result, t->mapping.size, 0, hold);
	wake_collector();
}

static __always_inline void enter_munmap(__u64 address, __u64 size)
{
	struct thread *t = current_thread();

	if (!t)
		return;
	t->mapping.address = address;
	t->mapping.size = size;
	t->mapping.active = 1;
	count_more(SEEP_COUNT_MAPPING_NS, CALL_NS);
	emit_map(t, SEEP_UNMAP_BEGIN, address, size, 0, 0);
}

static __always_inline void exit_munmap(__s64 result)
{
	struct thread *t = current_thread();

	if (end_mapping(t))
		emit_map(t, SEEP_UNMAP_END, t->mapping.address, t->mapping.size, 0,
			 is_error(result) ? SEEP_FAILED : 0);
}

static __always_inline void enter_mremap(__u64 address, __u64 old_size, __u64 size, __u64 flags,
					 const struct registers *regs)
{
	struct thread *t = current_thread();

	if (!t)
		return;
	begin_mapping(t, address, size, regs);
	t->mapping.old_size = old_size;
	if (!old_size || flags & MREMAP_DONTUNMAP)
		t->mapping.flags |= SEEP_KEEP_OLD;
	emit_map(t, SEEP_REMAP_BEGIN, address, old_size, 0, t->mapping.flags);
}

static __always_inline void exit_mremap(__s64 result)
{
	struct thread *t = current_thread();

	if (!end_mapping(t))
		return;
	if (is_error(result))
		emit_map(t, SEEP_REMAP_END, t->mapping.address, t->mapping.old_size, 0,
			 t->mapping.flags | SEEP_FAILED);
	else
		emit_map(t, SEEP_REMAP_END, result, t->mapping.size, t->mapping.stack,
			 t->mapping.flags);
}

static __always_inline void exit_brk(__u64 end)
{
	struct thread *t = current_thread();

	if (t)
		emit_map(t, SEEP_BRK, end, 0, 0, SEEP_IN_ALLOCATOR);
}

SEC("fentry/" SYSCALL(mmap))
int BPF_PROG(seep_mmap, const struct pt_regs *user)
{
	struct registers regs;

	from_user(&regs, user);
	enter_mmap(PT_REGS_PARM1_CORE_SYSCALL(user), PT_REGS_PARM2_CORE_SYSCALL(user),
		   PT_REGS_PARM3_CORE_SYSCALL(user), PT_REGS_PARM4_CORE_SYSCALL(user), &regs);
	return 0;
}

SEC("fexit/" SYSCALL(mmap))
int BPF_PROG(seep_mmap_done, const struct pt_regs *user, long result)
{
	exit_mmap(result);
	return 0;
}

SEC("fentry/" SYSCALL(munmap))
int BPF_PROG(seep_munmap, const struct pt_regs *user)
{
	enter_munmap(PT_REGS_PARM1_CORE_SYSCALL(user), PT_REGS_PARM2_CORE_SYSCALL(user));
	return 0;
}

SEC("fexit/" SYSCALL(munmap))
int BPF_PROG(seep_munmap_done, const struct pt_regs *user, long result)
{
	exit_munmap(result);
	return 0;
}

SEC("fentry/" SYSCALL(mremap))
int BPF_PROG(seep_mremap, const struct pt_regs *user)
{
	struct registers regs;

	from_user(&regs, user);
	enter_mremap(PT_REGS_PARM1_CORE_SYSCALL(user), PT_REGS_PARM2_CORE_SYSCALL(user),
		     PT_REGS_PARM3_CORE_SYSCALL(user), PT_REGS_PARM4_CORE_SYSCALL(user), &regs);
	return 0;
}

SEC("fexit/" SYSCALL(mremap))
int BPF_PROG(seep_mremap_done, const struct pt_regs *user, long result)
{
	exit_mremap(result);
	return 0;
}

SEC("fexit/" SYSCALL(brk))
int BPF_PROG(seep_brk_done, const struct pt_regs *user, long result)
{
	exit_brk(result);
	return 0;
}

/*
 * For sys_enter_mremap as well: the walk of a stack is most of a program, and would be given to
 * the verifier once more.
 */
SEC("tp/syscalls/sys_enter_mmap")
int seep_enter_mapping(struct trace_event_raw_sys_enter *ctx)
{
	struct registers regs;

	user_registers(&regs);
	/* An int in these records; above it is whatever was there. */
	if ((__u32)ctx->id == NR_MREMAP)
		enter_mremap(ctx->args[0], ctx->args[1], ctx->args[2], ctx->args[3], &regs);
	else
		enter_mmap(ctx->args[0], ctx->args[1], ctx->args[2], ctx->args[3], &regs);
	return 0;
}

SEC("tp/syscalls/sys_exit_mmap")
int seep_exit_mmap(struct trace_event_raw_sys_exit *ctx)
{
	exit_mmap(ctx->ret);
	return 0;
}

SEC("tp/syscalls/sys_enter_munmap")
int seep_enter_munmap(struct trace_event_raw_sys_enter *ctx)
{
	enter_munmap(ctx->args[0], ctx->args[1]);
	return 0;
}

SEC("tp/syscalls/sys_exit_munmap")
int seep_exit_munmap(struct trace_event_raw_sys_exit *ctx)
{
	exit_munmap(ctx->ret);
	return 0;
}

SEC("tp/syscalls/sys_exit_mremap")
int seep_exit_mremap(struct trace_event_raw_sys_exit *ctx)
{
	exit_mremap(ctx->ret);
	return 0;
}

SEC("tp/syscalls/sys_exit_brk")
int seep_exit_brk(struct trace_event_raw_sys_exit *ctx)
{
	exit_brk(ctx->ret);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

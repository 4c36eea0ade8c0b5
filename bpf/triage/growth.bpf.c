// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts where processes grow, for the whole host: page faults that write to memory that is not
 * there yet, and, when asked to, what mmap and brk ask for, each by process and user stack. One
 * fault in `every` is counted, for so many; the others cost a counter. Stacks are the kernel's
 * own, by frame pointers: unwind tables of every program of a host are too much for a look that is
 * to cost nothing, so code without frame pointers shows its innermost function and little more.
 *
 * Faults come from the tracepoints of exceptions, which x86 has. They do not know the mapping:
 * writing to a file's pages counts as well, and a huge page is one fault.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "triage.h"

/* enum x86_pf_error_code of arch/x86/include/asm/trap_pf.h */
#define PF_PRESENT 1
#define PF_WRITE 2
#define MAP_ANONYMOUS 0x20
#define TICK_NS 10000000 /* USER_HZ is 100 on all architectures */

const volatile __u64 every = 16;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct seep_growth_process);
	__type(value, struct seep_growth_counts);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct seep_growth_key);
	__type(value, struct seep_growth_counts);
} sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 8192);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, SEEP_GROWTH_FRAMES * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} faults SEC(".maps");

struct seep_growth_lost lost;

static __always_inline struct seep_growth_process this_process(void)
{
	struct task_struct *leader = (void *)bpf_get_current_task();
	struct seep_growth_process process = { .pid = bpf_get_current_pid_tgid() >> 32 };

	leader = BPF_CORE_READ(leader, group_leader);
	process.start_ticks = BPF_CORE_READ(leader, start_boottime) / TICK_NS;
	return process;
}

static __always_inline void add(struct seep_growth_counts *to, const struct seep_growth_counts *by)
{
	/* Atomic although per CPU: programs of this kind can be preempted. */
	__sync_fetch_and_add(&to->faults, by->faults);
	__sync_fetch_and_add(&to->mapped, by->mapped);
	__sync_fetch_and_add(&to->unmapped, by->unmapped);
	__sync_fetch_and_add(&to->raised, by->raised);
	__sync_fetch_and_add(&to->lowered, by->lowered);
}

static __always_inline void add_to_process(const struct seep_growth_process *process,
					   const struct seep_growth_counts *by)
{
	struct seep_growth_counts *counts = bpf_map_lookup_elem(&processes, process);

	if (counts)
		add(counts, by);
	else if (bpf_map_update_elem(&processes, process, by, BPF_NOEXIST))
		__sync_fetch_and_add(&lost.processes, 1);
}

static __always_inline void note(void *ctx, const struct seep_growth_counts *by)
{
	struct seep_growth_key key = { .process = this_process() };
	struct seep_growth_counts *counts;

	add_to_process(&key.process, by);
	key.stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	/* Another stack has its place, or there is none: all of these are one. */
	if (key.stack < 0)
		key.stack = -1;
	counts = bpf_map_lookup_elem(&sites, &key);
	if (counts)
		add(counts, by);
	else if (bpf_map_update_elem(&sites, &key, by, BPF_NOEXIST))
		__sync_fetch_and_add(&lost.stacks, 1);
}

/* One fault in `every`, on each CPU. */
static __always_inline bool is_counted(void)
{
	__u32 zero = 0;
	__u64 *seen = bpf_map_lookup_elem(&faults, &zero);

	return seen && __sync_fetch_and_add(seen, 1) % every == 0;
}

static __always_inline int note_fault(void *ctx, unsigned long address, unsigned long error)
{
	struct seep_growth_counts by = { .faults = every };

	/* The upper half of the addresses is the kernel's; what is there is being copied. */
	if ((error & (PF_PRESENT | PF_WRITE)) == PF_WRITE && !(address >> 63) && is_counted())
		note(ctx, &by);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(seep_fault, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return note_fault(ctx, address, error);
}

/* The kernel's own, as when a file is read into memory that is new. */
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(seep_fault_in_kernel, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return note_fault(ctx, address, error);
}

SEC("tp/syscalls/sys_enter_mmap")
int seep_mmap(struct trace_event_raw_sys_enter *ctx)
{
	struct seep_growth_counts by = { .mapped = ctx->args[1] };

	if (ctx->args[3] & MAP_ANONYMOUS)
		note(ctx, &by);
	return 0;
}

/* What it takes away is not known to be anonymous; nor does it need a stack. */
SEC("tp/syscalls/sys_enter_munmap")
int seep_munmap(struct trace_event_raw_sys_enter *ctx)
{
	struct seep_growth_counts by = { .unmapped = ctx->args[1] };
	struct seep_growth_process process = this_process();

	add_to_process(&process, &by);
	return 0;
}

SEC("tp/syscalls/sys_enter_brk")
int seep_brk(struct trace_event_raw_sys_enter *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	unsigned long before = BPF_CORE_READ(task, mm, brk), after = ctx->args[0];
	struct seep_growth_counts by = {};

	/* With less than where it begins it only asks. */
	if (after < BPF_CORE_READ(task, mm, start_brk) || after == before)
		return 0;
	if (after > before)
		by.raised = after - before;
	else
		by.lowered = before - after;
	note(ctx, &by);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stops a thread at an allocation of which seep takes the stack. It sits at the very probe
 * sites of seep, and stops only what the test traces with ptrace.
 *
 * It runs before return probes are set up for this call, so what it notes of the return
 * addresses is what the program itself has put there.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "witness.h"

#define SIGSTOP 19 /* the one signal that no thread can block */

struct return_instance___full {
	unsigned long func;
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance___full *next;
} __attribute__((preserve_access_index));

struct uprobe_task___full {
	struct return_instance___full *return_instances;
} __attribute__((preserve_access_index));

struct task_struct___full {
	int tgid;
	unsigned int ptrace;
	struct task_struct___full *parent;
	struct uprobe_task___full *utask;
} __attribute__((preserve_access_index));

const volatile __u32 tester = 0; /* the test's tgid */
volatile __u32 every = 1; /* one of so many allocations is looked at; 0: none any more */
__u64 lost = 0; /* stops that could not be had */

/* By tid: where it has been told to stop, until the test has taken it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct witness_hit);
} hits SEC(".maps");

/* The zeroes that a new entry of `hits` starts from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct witness_hit);
} blank_hit SEC(".maps");

/* Addresses of probe sites, as they have been hit. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} sites SEC(".maps");

/* Never made; a program with a tail call keeps the kernel's stack (bpf/alloc.bpf.c). */
const volatile bool never = false;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} nowhere SEC(".maps");

static __always_inline bool is_ours(struct task_struct___full *task)
{
	return BPF_CORE_READ(task, ptrace) && BPF_CORE_READ(task, parent, tgid) == tester;
}

/* Inside of another call of an allocator: one whose return is waited for. */
static __always_inline bool is_nested(struct task_struct___full *task)
{
	struct return_instance___full *instance = BPF_CORE_READ(task, utask, return_instances);

	for (int i = 0; i < WITNESS_RETURNS && instance; i++) {
		__u64 function = BPF_CORE_READ(instance, func);

		if (bpf_map_lookup_elem(&sites, &function))
			return true;
		instance = BPF_CORE_READ(instance, next);
	}
	return false;
}

/* The replaced return addresses. */
static __always_inline void note_returns(struct task_struct___full *task, struct witness_hit *hit)
{
	struct return_instance___full *instance = BPF_CORE_READ(task, utask, return_instances);

	for (int i = 0; i < WITNESS_RETURNS && instance; i++) {
		hit->returns[i].slot = BPF_CORE_READ(instance, stack);
		hit->returns[i].address = BPF_CORE_READ(instance, orig_ret_vaddr);
		hit->nr_returns = i + 1;
		instance = BPF_CORE_READ(instance, next);
	}
}

static __always_inline void note_registers(struct pt_regs *ctx, struct witness_hit *hit)
{
	__u64 *r = hit->registers;

	r[0] = ctx->ax;
	r[1] = ctx->dx;
	r[2] = ctx->cx;
	r[3] = ctx->bx;
	r[4] = ctx->si;
	r[5] = ctx->di;
	r[6] = ctx->bp;
	r[7] = ctx->sp;
	r[8] = ctx->r8;
	r[9] = ctx->r9;
	r[10] = ctx->r10;
	r[11] = ctx->r11;
	r[12] = ctx->r12;
	r[13] = ctx->r13;
	r[14] = ctx->r14;
	r[15] = ctx->r15;
	r[16] = ctx->ip;
}

static __always_inline bool fill_hit(struct pt_regs *ctx, struct task_struct___full *task,
				     struct witness_hit *hit)
{
	hit->tid = (__u32)bpf_get_current_pid_tgid();
	hit->tgid = bpf_get_current_pid_tgid() >> 32;
	hit->nr_returns = 0;
	note_returns(task, hit);
	note_registers(ctx, hit);
	if (bpf_probe_read_user(&hit->return_address, 8, (void *)ctx->sp))
		return false;
	return true;
}

static __always_inline bool stop_here(struct pt_regs *ctx, struct task_struct___full *task,
				      __u32 tid)
{
	struct witness_hit *hit, *blank;
	__u32 zero = 0;

	blank = bpf_map_lookup_elem(&blank_hit, &zero);
	if (!blank || bpf_map_update_elem(&hits, &tid, blank, BPF_ANY))
		return false;
	hit = bpf_map_lookup_elem(&hits, &tid);
	if (!hit || !fill_hit(ctx, task, hit))
		return false;
	return !bpf_send_signal_thread(SIGSTOP);
}

SEC("uprobe.multi")
int stop_at_allocation(struct pt_regs *ctx)
{
	struct task_struct___full *task = (void *)bpf_get_current_task();
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 ip = ctx->ip;
	__u8 one = 1;

	if (never)
		bpf_tail_call(ctx, &nowhere, 0);
	if (!is_ours(task))
		return 0;
	if (!bpf_map_lookup_elem(&sites, &ip))
		bpf_map_update_elem(&sites, &ip, &one, BPF_ANY);
	if (!every || bpf_get_prandom_u32() % every || is_nested(task))
		return 0;
	if (!stop_here(ctx, task, tid)) {
		bpf_map_delete_elem(&hits, &tid);
		__sync_fetch_and_add(&lost, 1);
	}
	return 0;
}

/* For return probes that the test sets on callers: it has only to be there. */
SEC("uprobe.multi")
int let_return(struct pt_regs *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that do nothing: what the probes alone cost. See floor.c. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* At the entry of a session this wants the return probe as well. */
SEC("uprobe.multi")
int floor_session(struct pt_regs *ctx)
{
	return 0;
}

/* At the entry of a session this does without its return. */
SEC("uprobe.multi")
int floor_session_entry(struct pt_regs *ctx)
{
	return 1;
}

SEC("uprobe.multi")
int floor_probe(struct pt_regs *ctx)
{
	return 0;
}

struct stack {
	__u64 frames[127];
};

/* Scratch of the kernel's walker; torn when it is preempted, which costs the same. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stack);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct stack));
} aggregated SEC(".maps");

extern bool bpf_session_is_return___plain(void) __ksym __weak;
extern bool bpf_session_is_return___context(void *ctx) __ksym __weak;

static __always_inline bool is_return(struct pt_regs *ctx)
{
	if (bpf_ksym_exists(bpf_session_is_return___plain))
		return bpf_session_is_return___plain();
	return bpf_ksym_exists(bpf_session_is_return___context) &&
	       bpf_session_is_return___context(ctx);
}

/* The kernel's own walker, by frame pointers. */
SEC("uprobe.multi")
int floor_session_stack(struct pt_regs *ctx)
{
	__u32 zero = 0;
	struct stack *stack = bpf_map_lookup_elem(&scratch, &zero);

	if (stack && !is_return(ctx))
		bpf_get_stack(ctx, stack, sizeof(*stack), BPF_F_USER_STACK);
	return 0;
}

/* And with its aggregation. */
SEC("uprobe.multi")
int floor_session_stackid(struct pt_regs *ctx)
{
	if (!is_return(ctx))
		bpf_get_stackid(ctx, &aggregated, BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

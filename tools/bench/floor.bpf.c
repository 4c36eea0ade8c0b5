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

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a parked call is still under way. */
#ifndef SEEP_CALL_BPF_H
#define SEEP_CALL_BPF_H

#include "maps.bpf.h"

/* Where return probes lead in this process; 0 while it has had none. */
static __always_inline __u64 trampoline_address(void)
{
#ifdef __TARGET_ARCH_x86
	struct task_struct *task = (void *)bpf_get_current_task();
	struct xol_area *area = BPF_CORE_READ(task, mm, uprobes_state.xol_area);

	return BPF_CORE_READ(area, vaddr);
#else
	return 0;
#endif
}

/*
 * Asked when something happens further down the stack than a parked call. On x86 the
 * return probe has replaced its return address by the trampoline's; when something else
 * stands there, the stack has been unwound and used again.
 */
static __always_inline bool call_is_alive(const struct call *call)
{
#ifdef __TARGET_ARCH_x86
	__u64 trampoline = trampoline_address(), slot = 0;

	if (!trampoline || bpf_probe_read_user(&slot, sizeof(slot), (void *)call->sp))
		return true;
	return slot - trampoline < 4096;
#else
	return true;
#endif
}

/* `sp`: where the stack is now. */
static __always_inline bool call_is_under_way(const struct call *call, __u64 sp)
{
	return call->sp && sp < call->sp && call_is_alive(call);
}

#endif

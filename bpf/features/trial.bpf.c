// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Small programs that find out, by being tried, how this kernel can attach to user code.
 * An object of its own: what does not load here must not keep the tracer from loading.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Written by the programs, read by user space: what each hit has seen. */
__u64 entries;
__u64 returns;
__u64 cookie;

extern bool bpf_session_is_return___plain(void) __ksym __weak;
extern bool bpf_session_is_return___context(void *ctx) __ksym __weak;

SEC("uprobe.multi")
int trial_session(struct pt_regs *ctx)
{
	bool is_return;

	if (bpf_ksym_exists(bpf_session_is_return___plain))
		is_return = bpf_session_is_return___plain();
	else if (bpf_ksym_exists(bpf_session_is_return___context))
		is_return = bpf_session_is_return___context(ctx);
	else
		return 1;
	__sync_fetch_and_add(is_return ? &returns : &entries, 1);
	cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("uprobe.multi")
int trial_multi(struct pt_regs *ctx)
{
	__sync_fetch_and_add(&entries, 1);
	cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("uprobe")
int trial_cookie(struct pt_regs *ctx)
{
	__sync_fetch_and_add(&entries, 1);
	cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("uprobe")
int trial_plain(struct pt_regs *ctx)
{
	__sync_fetch_and_add(&entries, 1);
	return 0;
}

#ifdef __TARGET_ARCH_x86
#define TRIAL_CALL "fentry/__x64_sys_getpgid"
#else
#define TRIAL_CALL "fentry/__arm64_sys_getpgid"
#endif

/* Counts the calls of one process. */
__u32 caller;

SEC(TRIAL_CALL)
int trial_function_entry(void *ctx)
{
	if ((__u32)(bpf_get_current_pid_tgid() >> 32) == caller)
		__sync_fetch_and_add(&entries, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

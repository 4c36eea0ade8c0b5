/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The user stack of the current thread; see stack.bpf.c. */
#ifndef SEEP_UNWIND_BPF_H
#define SEEP_UNWIND_BPF_H

#include "maps.bpf.h"

struct registers {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 lr; /* return address where it is in a register, else 0: it is at *sp */
	bool guess; /* inside a function: what is at *sp may be no return address */
};

/* At a function's first instruction, or where nothing was pushed yet. */
static __always_inline struct registers registers_at_entry(struct pt_regs *ctx)
{
	struct registers regs = {
		.ip = PT_REGS_IP(ctx),
		.sp = PT_REGS_SP(ctx),
		.fp = PT_REGS_FP(ctx),
	};

#ifdef __TARGET_ARCH_arm64
	regs.lr = PT_REGS_RET(ctx);
#endif
	return regs;
}

/* Two multiply-and-rotate hashes with unlike constants (those of xxHash64). */
struct stack_hash {
	__u64 id;
	__u64 check;
};

static __always_inline void hash_frame(struct stack_hash *h, __u64 pc)
{
	h->id = (h->id ^ pc) * 0xc2b2ae3d27d4eb4fULL;
	h->id ^= h->id >> 29;
	h->check = (h->check + pc) * 0x165667b19e3779f9ULL;
	h->check ^= h->check >> 32;
}

/*
 * Walks, hashes and, if it is new, sends the stack of the current thread, which must have an
 * entry in `threads`; returns its id, and what is wrong with it in that entry's stack.flags.
 * By tables where the address space has them, else by frame pointers. A global function of
 * scalars: the verifier looks at it once, not once a caller and path.
 */
__u64 send_current_stack(__u64 ip, __u64 sp, __u64 fp, __u64 lr, bool guess);

/* The id of the stack, 0 where none is wanted. *flags gets what is wrong with it. */
static __always_inline __u64 stack_id(struct thread *t, const struct registers *regs, __u16 *flags)
{
	__u64 id;

	if (!want_stacks)
		return 0;
	id = send_current_stack(regs->ip, regs->sp, regs->fp, regs->lr, regs->guess);
	*flags |= t->stack.flags;
	return id;
}

#endif

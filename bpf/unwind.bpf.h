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
 * The calling thread's entry, as it is handed to global functions. Those of kernels before 5.13
 * take numbers alone (e5069b9c23b3): there each looks for it itself.
 */
#ifdef EARLY_KERNELS
typedef __u32 thread_handle;

static __always_inline __u32 handle_of(const struct thread *t)
{
	return t->tid;
}

static __always_inline struct thread *thread_of(__u32 tid)
{
	return bpf_map_lookup_elem(&threads, &tid);
}
#else
typedef struct thread *thread_handle;

static __always_inline struct thread *handle_of(struct thread *t)
{
	return t;
}

static __always_inline struct thread *thread_of(struct thread *t)
{
	return t;
}
#endif

/*
 * How a walk goes on. STEP_FOLLOW: along the last walk; STEP_MET: the rest is that of the last
 * walk; STEP_FULL: no room for more.
 */
enum step {
	STEP_ON = 0,
	STEP_FOLLOW,
	STEP_END,
	STEP_MET,
	STEP_FAULT,
	STEP_NO_RULE,
	STEP_NO_CODE,
	STEP_FULL,
};

/*
 * The stack of a thread: by tables where the address space has them, else by frame pointers.
 * Three global functions, which the verifier looks at once each, called one after the other and
 * not by each other: the stack of all that is called is 512 bytes. begin_stack, which is told by
 * the cursor's flags whether the registers are exact, and walk_on return an enum step; walk_on is
 * called with it for as long as there is more, each time going some frames further; end_stack
 * hashes what was found, sends it if it is new, and returns its id, and what is wrong with it in
 * the thread's stack.flags.
 */
int begin_stack(thread_handle handle, __u64 ip, __u64 sp, __u64 fp, __u64 lr);
int walk_on(thread_handle handle, int step);
__u64 end_stack(thread_handle handle, int step);

/*
 * The Python frames of the thread, found before end_stack and made part of the stack
 * by it: python_on is called while begin_python or itself has returned STEP_ON.
 */
int begin_python(thread_handle handle);
int python_on(thread_handle handle);

#define PYTHON_CALLS 128

/* What python.generation says of the thread's process still holds, and it is no Python. */
static __always_inline bool is_no_python(const struct thread *t)
{
	return t->python.generation == python_generation && t->python.space == t->space &&
	       !t->python.at.frame_bytes;
}

static __always_inline void walk_python(struct thread *t)
{
	int step = begin_python(handle_of(t));

	for (int i = 0; i < PYTHON_CALLS && step == STEP_ON; i++)
		step = python_on(handle_of(t));
}

/* The id of the stack, 0 where none is wanted. *flags gets what is wrong with it. */
static __always_inline __u64 stack_id(struct thread *t, const struct registers *regs, __u16 *flags)
{
	__u64 id;
	int step;

	if (!want_stacks)
		return 0;
	t->cursor.flags = regs->guess ? 0 : WALKED_EXACT;
	step = begin_stack(handle_of(t), regs->ip, regs->sp, regs->fp, regs->lr);
	for (int i = 0; i < SEEP_STACK_MAX && step <= STEP_FOLLOW; i++)
		step = walk_on(handle_of(t), step);
	if (want_python && !is_no_python(t))
		walk_python(t);
	id = end_stack(handle_of(t), step);
	*flags |= t->stack.flags;
	return id;
}

#endif

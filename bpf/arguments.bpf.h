/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call asks for, read from its arguments by the shape of its operation. */
#ifndef SEEP_ARGUMENTS_BPF_H
#define SEEP_ARGUMENTS_BPF_H

#include "maps.bpf.h"

/* The barriers keep the compiler from choosing an offset into the context at run time. */
#define ARGUMENT(n, macro)                                                                         \
	case n:                                                                                    \
		value = macro(ctx);                                                                \
		barrier_var(value);                                                                \
		break;

static __always_inline __u64 argument(struct pt_regs *ctx, __u32 n)
{
	__u64 value = 0;

	switch (n) {
		ARGUMENT(0, PT_REGS_PARM1)
		ARGUMENT(1, PT_REGS_PARM2)
		ARGUMENT(2, PT_REGS_PARM3)
		ARGUMENT(3, PT_REGS_PARM4)
		ARGUMENT(4, PT_REGS_PARM5)
		ARGUMENT(5, PT_REGS_PARM6)
	}
	return value;
}

static __always_inline __u64 string_length(struct thread *t, __u64 string, __u64 most, __u16 *flags)
{
	long length = bpf_probe_read_user_str(t->window, sizeof(t->window), (void *)string);

	if (length < 0 || length == sizeof(t->window))
		*flags |= SEEP_SIZE_UNKNOWN;
	if (length < 1)
		return 0;
	return (__u64)length - 1 > most ? most + 1 : length;
}

static __always_inline bool copies_a_string(__u8 op)
{
	return op == SEEP_OP_STRDUP || op == SEEP_OP_STRNDUP;
}

/* Only the string tells how much is asked for. */
static __always_inline void read_string(struct pt_regs *ctx, struct thread *t, __u64 cookie,
					struct call *call)
{
	__u32 first = SEEP_COOKIE_ARG(cookie);
	__u64 most = call->op == SEEP_OP_STRNDUP ? argument(ctx, first + 1) : -2;

	call->old = 0;
	call->size = string_length(t, argument(ctx, first), most, &call->flags);
}

/* What is asked for; `call->old` gets the block given up or where the result goes. */
static __always_inline void read_arguments(struct pt_regs *ctx, __u64 cookie, struct call *call)
{
	/* Some entry points take a heap before the rest. */
	__u32 first = SEEP_COOKIE_ARG(cookie);

	call->old = 0;
	switch (call->op) {
	case SEEP_OP_MALLOC:
		call->size = argument(ctx, first);
		break;
	case SEEP_OP_CALLOC:
		call->size = argument(ctx, first) * argument(ctx, first + 1);
		break;
	case SEEP_OP_REALLOC:
	case SEEP_OP_RESIZE:
		call->old = argument(ctx, first);
		call->size = argument(ctx, first + 1);
		break;
	case SEEP_OP_REALLOCARRAY:
		call->old = argument(ctx, first);
		call->size = argument(ctx, first + 1) * argument(ctx, first + 2);
		break;
	case SEEP_OP_MEMALIGN:
		call->size = argument(ctx, first + 1);
		break;
	case SEEP_OP_POSIX_MEMALIGN:
		call->old = argument(ctx, first);
		call->size = argument(ctx, first + 2);
		break;
	case SEEP_OP_ACQUIRE_ARG:
		call->old = argument(ctx, first - 1);
		call->size = 1;
		break;
	default:
		call->size = 1;
	}
}

static __always_inline bool gives_up_a_block(const struct call *call)
{
	return (call->op == SEEP_OP_REALLOC || call->op == SEEP_OP_REALLOCARRAY ||
		call->op == SEEP_OP_RESIZE) &&
	       call->old;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The probes on allocators. An entry probe decides whether the call counts, takes the
 * stack and parks what it learnt in the thread's call slot; the return probe adds the
 * result and sends the record; a release is sent at its entry.
 *
 * Allocators call each other and themselves. Only the outermost call of a thread counts.
 * It is known by its stack pointer: a call further down the stack is nested in it, and
 * the return that belongs to it leaves the stack pointer just above it. A new call that
 * is not further down shows that the parked one was abandoned (longjmp, an exception, a
 * cancelled thread), and takes its place.
 *
 * One program per way of attaching: uprobe.session where the kernel has it (6.13), whose
 * entry can do without its return; a pair of uprobe.multi (6.6) or perf-event uprobes;
 * and, for kernels without cookies (before 5.15), one entry program per operation.
 */
#include "arguments.bpf.h"
#include "call.bpf.h"
#include "sample.bpf.h"
#include "space.bpf.h"
#include "unwind.bpf.h"

enum { WITH_RETURN = 0, WITHOUT_RETURN = 1 };

/*
 * From 6.13 on (commits a76ab5731e32, 5bd36da1e37e) a program of this type whose frame is
 * 64 bytes or more has its stack in per-CPU memory. Nothing keeps a uprobe program from
 * being preempted there by itself in another thread, which then writes over that stack
 * and brings the kernel down (seen on 7.2). A program with a tail call keeps the kernel's
 * stack; this one is never made. An array for each type of attachment: they do not mix.
 */
const volatile bool never = false;

#define NOWHERE(name)                                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                             \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, __u32);                                                              \
	} name SEC(".maps")

NOWHERE(nowhere_session);
NOWHERE(nowhere_multi);
NOWHERE(nowhere);

#define KEEP_KERNEL_STACK(ctx, array)                                                              \
	do {                                                                                       \
		if (never)                                                                         \
			bpf_tail_call(ctx, &array, 0);                                             \
	} while (0)

/* How much the return instruction pops: the return address, where that is on the stack. */
#ifdef __TARGET_ARCH_x86
#define RETURN_POPS 8
#else
#define RETURN_POPS 0
#endif

/*
 * True when the call about to begin is inside the parked one; or is the parked one, which
 * has gone on as another entry point by a jump and will return with the stack where it is.
 */
static __always_inline bool is_nested(struct call *call, __u64 sp)
{
	if (!call->sp)
		return false;
	if (sp <= call->sp && call_is_alive(call)) {
		count(SEEP_COUNT_NESTED);
		return true;
	}
	count(SEEP_COUNT_ABANDONED);
	call->sp = 0;
	return false;
}

enum draw { DRAW_LATER, DRAW_HIT, DRAW_MISS };

/*
 * Draws before anything else is looked at, since nearly all calls miss. A miss ends the
 * call here, but for a realloc whose old block may be a sample.
 */
static __always_inline enum draw draw(struct pt_regs *ctx, __u64 cookie, bool *ret_over)
{
	struct call call = { .op = SEEP_COOKIE_OP(cookie) };

	*ret_over = false;
	if (!sample_bytes || call.op >= SEEP_OP_ACQUIRE || copies_a_string(call.op))
		return DRAW_LATER;
	read_arguments(ctx, cookie, &call);
	if (sample_hits(call.size))
		return DRAW_HIT;
	*ret_over = !gives_up_a_block(&call) || !sampled_may_be_live(call.old);
	return DRAW_MISS;
}

/*
 * Whether a call counts in sampled mode. A realloc is a release and an allocation: it
 * counts when the old block was sampled or the new one is.
 */
static __always_inline bool is_sampled(struct thread *t, struct call *call, enum draw drawn)
{
	if (drawn == DRAW_LATER)
		drawn = sample_hits(call->size) ? DRAW_HIT : DRAW_MISS;
	if (drawn == DRAW_HIT)
		call->flags |= SEEP_SAMPLED;
	/* Forgotten now: once it is freed inside, another thread may be given the address. */
	call->old_sampled = gives_up_a_block(call) && sampled_forget(t->space, call->old);
	return drawn == DRAW_HIT || call->old_sampled;
}

/*
 * What was parked in an earlier burst has returned unseen, and the trampoline's address may
 * still stand in the dead part of the stack.
 */
static __always_inline void enter_burst(struct thread *t)
{
	if (t->burst == burst)
		return;
	t->burst = burst;
	t->calls[CALL_ALLOCATOR].sp = 0;
	t->calls[CALL_PAIR].sp = 0;
}

/*
 * Whether a call of a function that may throw gets a return probe. An exception cannot pass
 * one: no when it will throw. And no where its releases are not seen (yet).
 */
static __always_inline bool may_return(const struct thread *t, const struct call *call,
				       __u64 cookie)
{
	struct seep_counted_in key = { t->tgid, SEEP_COOKIE_SHARED_NUMBER(cookie) };

	if (!(cookie & SEEP_COOKIE_THROWS))
		return true;
	if (t->limited || call->size > largest_size)
		return false;
	return !key.number || bpf_map_lookup_elem(&counted_in, &key);
}

static __always_inline int enter_call(struct pt_regs *ctx, __u64 cookie)
{
	__u8 op = SEEP_COOKIE_OP(cookie);
	bool pair = op >= SEEP_OP_ACQUIRE, over;
	enum draw drawn = draw(ctx, cookie, &over);
	struct registers regs;
	struct thread *t;
	struct call *call;

	if (over)
		return WITHOUT_RETURN;
	t = current_thread();
	if (!t)
		return WITHOUT_RETURN;
	enter_burst(t);
	call = &t->calls[pair ? CALL_PAIR : CALL_ALLOCATOR];
	regs = registers_at_entry(ctx);
	if (is_nested(call, regs.sp))
		return WITHOUT_RETURN;
	call->op = op;
	call->family = SEEP_COOKIE_FAMILY(cookie);
	call->flags = 0;
	call->null_frees = !!(cookie & SEEP_COOKIE_NULL_FREES);
	call->old_sampled = 0;
	if (op == SEEP_OP_PURGE) {
		call->sp = regs.sp;
		count(SEEP_COUNT_ENTRIES);
		return WITH_RETURN;
	}
	if (copies_a_string(op))
		read_string(ctx, t, cookie, call);
	else
		read_arguments(ctx, cookie, call);
	if (!may_return(t, call, cookie))
		return WITHOUT_RETURN;
	if (sample_bytes && !pair && !is_sampled(t, call, drawn))
		return WITHOUT_RETURN;
	call->stack = stack_id(t, &regs, &call->flags);
	call->sp = regs.sp;
	if (gives_up_a_block(call) && (!sample_bytes || call->old_sampled))
		emit_free(t, SEEP_REALLOC_BEGIN, call->family, op, call->old, 0);
	count(SEEP_COUNT_ENTRIES);
	return WITH_RETURN;
}

/*
 * A handle may be an address that malloc has handed out as well (FILE *, SSL *): pairs
 * have a key space of their own, above all user addresses.
 */
#define HANDLE(value) ((value) | 1ULL << 63)

/* The address that a successful call has made, 0 when it has failed. */
static __always_inline __u64 result_of(const struct call *call, __u64 result)
{
	__u64 address = 0;

	switch (call->op) {
	case SEEP_OP_POSIX_MEMALIGN:
	case SEEP_OP_ACQUIRE_ARG:
		if ((__u32)result ||
		    bpf_probe_read_user(&address, sizeof(address), (void *)call->old))
			return 0;
		return call->op == SEEP_OP_ACQUIRE_ARG && address ? HANDLE(address) : address;
	case SEEP_OP_RESIZE:
		return call->old;
	case SEEP_OP_ACQUIRE:
		/* File descriptors and handles fail as -1. */
		return !result || (__u32)result == (__u32)-1 ? 0 : HANDLE(result);
	default:
		return result;
	}
}

/* In sampled mode a block is sent only if it was drawn, whatever became of the old one. */
static __always_inline bool keep_sample(struct thread *t, const struct call *call, __u64 address)
{
	if (!sample_bytes || call->op >= SEEP_OP_ACQUIRE)
		return true;
	return call->flags & SEEP_SAMPLED && sampled_remember(t->space, address);
}

static __always_inline void end_realloc(struct thread *t, struct call *call, __u64 address)
{
	bool freed = !address && !call->size && call->null_frees;
	__u16 flags = address ? 0 : freed ? SEEP_NULL_FREES : SEEP_FAILED;

	if (sample_bytes && address && !keep_sample(t, call, address)) {
		/* The old block is gone, the new one was not drawn. */
		address = 0;
		flags = SEEP_NULL_FREES;
	}
	if (sample_bytes && !call->old_sampled && flags)
		return;
	if (sample_bytes && call->old_sampled && flags == SEEP_FAILED)
		sampled_remember(t->space, call->old);
	emit_alloc(t, call, SEEP_REALLOC_END, address, call->size, flags);
}

static __always_inline void leave_call_at(struct thread *t, struct call *call, struct pt_regs *ctx)
{
	__u64 result = PT_REGS_RC(ctx), address;

	if (!call->sp || PT_REGS_SP(ctx) != call->sp + RETURN_POPS)
		return;
	call->sp = 0;
	count(SEEP_COUNT_RETURNS);
	if (call->op == SEEP_OP_PURGE)
		return;
	if (call->op == SEEP_OP_RESIZE)
		call->size = result;
	address = result_of(call, result);
	if (gives_up_a_block(call)) {
		end_realloc(t, call, address);
		return;
	}
	if (address && keep_sample(t, call, address) &&
	    !emit_alloc(t, call, SEEP_ALLOC, address, call->size, 0) && sample_bytes)
		sampled_forget(t->space, address);
}

static __always_inline int leave_call(struct pt_regs *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (!t)
		return 0;
	leave_call_at(t, &t->calls[CALL_ALLOCATOR], ctx);
	leave_call_at(t, &t->calls[CALL_PAIR], ctx);
	return 0;
}

/*
 * Is this release part of the call under way? A realloc frees its old block, and its own
 * records tell of that; at a thread's end its cache is freed, which may end in a jump.
 */
static __always_inline bool is_own_release(const struct call *call, __u64 address, __u64 sp)
{
	if (call->op == SEEP_OP_PURGE)
		return call->sp && sp <= call->sp && call_is_alive(call);
	return gives_up_a_block(call) && call->old == address && call_is_under_way(call, sp);
}

static __always_inline int release(struct pt_regs *ctx, __u64 cookie)
{
	/* A pair counts its argument from 1. */
	bool pair = SEEP_COOKIE_OP(cookie) == SEEP_OP_RELEASE;
	__u64 address = argument(ctx, SEEP_COOKIE_ARG(cookie) - pair);
	struct thread *t;
	struct call *call;

	if (!address || !burst || (sample_bytes && !pair && !sampled_may_be_live(address)))
		return 0;
	t = current_thread();
	if (!t)
		return 0;
	if (pair) {
		emit_free(t, SEEP_FREE, SEEP_COOKIE_FAMILY(cookie), SEEP_OP_RELEASE,
			  HANDLE(address), 0);
		return 0;
	}
	call = &t->calls[CALL_ALLOCATOR];
	if (is_own_release(call, address, PT_REGS_SP(ctx))) {
		count(SEEP_COUNT_NESTED);
		return 0;
	}
	if (sample_bytes && !sampled_forget(t->space, address))
		return 0;
	emit_free(t, SEEP_FREE, SEEP_COOKIE_FAMILY(cookie), SEEP_OP_FREE, address, 0);
	return 0;
}

/*
 * Session kfuncs: 6.13, commit d920179b3d4842 (no argument until 7.0, the context since).
 * Whichever fits the kernel's signature is resolved, the other stays absent.
 */
extern bool bpf_session_is_return___plain(void) __ksym __weak;
extern bool bpf_session_is_return___context(void *ctx) __ksym __weak;

SEC("uprobe.multi")
int seep_session(struct pt_regs *ctx)
{
	bool is_return;

	KEEP_KERNEL_STACK(ctx, nowhere_session);
	if (bpf_ksym_exists(bpf_session_is_return___plain))
		is_return = bpf_session_is_return___plain();
	else if (bpf_ksym_exists(bpf_session_is_return___context))
		is_return = bpf_session_is_return___context(ctx);
	else
		return WITHOUT_RETURN;
	if (is_return)
		return leave_call(ctx);
	return burst ? enter_call(ctx, bpf_get_attach_cookie(ctx)) : WITHOUT_RETURN;
}

SEC("uprobe.multi")
int seep_enter_multi(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere_multi);
	if (burst)
		enter_call(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("uprobe.multi")
int seep_leave_multi(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere_multi);
	return leave_call(ctx);
}

SEC("uprobe.multi")
int seep_release_multi(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere_multi);
	return release(ctx, bpf_get_attach_cookie(ctx));
}

SEC("uprobe")
int seep_enter(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere);
	if (burst)
		enter_call(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("uretprobe")
int seep_leave(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere);
	return leave_call(ctx);
}

SEC("uprobe")
int seep_release(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere);
	return release(ctx, bpf_get_attach_cookie(ctx));
}

/* Without cookies the family is unknown here; user space tells it by the probed function. */
#define ENTER_PLAIN(name, op)                                                                      \
	SEC("uprobe")                                                                              \
	int seep_enter_##name(struct pt_regs *ctx)                                                 \
	{                                                                                          \
		KEEP_KERNEL_STACK(ctx, nowhere);                                                   \
		if (burst)                                                                         \
			enter_call(ctx, SEEP_COOKIE(op, 0, 0, 0));                                 \
		return 0;                                                                          \
	}

ENTER_PLAIN(malloc, SEEP_OP_MALLOC)
ENTER_PLAIN(calloc, SEEP_OP_CALLOC)
ENTER_PLAIN(realloc, SEEP_OP_REALLOC)
ENTER_PLAIN(reallocarray, SEEP_OP_REALLOCARRAY)
ENTER_PLAIN(memalign, SEEP_OP_MEMALIGN)
ENTER_PLAIN(posix_memalign, SEEP_OP_POSIX_MEMALIGN)
ENTER_PLAIN(purge, SEEP_OP_PURGE)

SEC("uprobe")
int seep_release_plain(struct pt_regs *ctx)
{
	KEEP_KERNEL_STACK(ctx, nowhere);
	return release(ctx, SEEP_COOKIE(SEEP_OP_FREE, 0, 0, 0));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frame pointer walker: for code built with frame pointers, and where there are no
 * tables. All state is in the thread's map entry; see table_walk.bpf.h for why.
 */
#ifndef SEEP_FRAME_WALK_BPF_H
#define SEEP_FRAME_WALK_BPF_H

#include "unwind.bpf.h"

/*
 * The saved frame pointer and return address at t->record.fp take its place. The index is
 * masked, so that the verifier sees it stay inside the window.
 */
static __always_inline bool next_frame(struct thread *t, __u64 base)
{
	__u64 fp = t->record.fp, distance = fp - base;
	__u32 i = (distance >> 3) & (STACK_WINDOW / 8 - 1);

	if (distance >= t->window_bytes)
		return !bpf_probe_read_user(&t->record, sizeof(t->record), (void *)fp);
	t->record.fp = t->window[i];
	t->record.return_address = t->window[(i + 1) & (STACK_WINDOW / 8 - 1)];
	return true;
}

#define LARGEST_STACK (64 << 20)	/* a frame further off is not one */

/* Reads the window and sets t->record to the first return address. */
static __always_inline void begin_walk(struct thread *t, const struct registers *regs)
{
	t->window_bytes = 0;
	t->stack.reason = SEEP_STACK_WHOLE;
	t->stack.guessed[0] = t->stack.guessed[1] = 0;
	if (!bpf_probe_read_user(t->window, STACK_WINDOW, (void *)regs->sp))
		t->window_bytes = STACK_WINDOW - 8;
	t->stack.flags = regs->guess ? SEEP_STACK_GUESS : 0;
	t->record.fp = regs->fp;
	t->record.return_address = regs->lr ?: t->window[0];
	if (!t->window_bytes && !regs->lr)
		bpf_probe_read_user(&t->record.return_address, 8, (void *)regs->sp);
	/* Not 0, or the walk would end where only the guess is wrong. */
	if (regs->guess)
		t->record.return_address |= !t->record.return_address;
}

/* Leaves the frames in t->frames, their number and what is wrong in t->stack. */
static __always_inline void walk_frame_pointers(struct thread *t, const struct registers *regs,
						struct stack_hash *h)
{
	__u32 n;

	begin_walk(t, regs);
	t->frames[0] = regs->ip;
	for (n = 1; n < SEEP_STACK_MAX; n++) {
		__u64 pc = t->record.return_address, fp = t->record.fp;

		if (!pc)
			break;
		t->frames[n] = pc;
		hash_frame(h, pc);
		/* The chain ends at 0, or where the register was used for something else. */
		if (fp - regs->sp > LARGEST_STACK || fp & 7) {
			t->record.return_address = 0;
		} else if (!next_frame(t, regs->sp)) {
			count(SEEP_COUNT_STACK_FAULT);
			t->stack.flags |= SEEP_STACK_CUT;
			t->stack.reason = SEEP_STACK_FAULT;
			t->record.return_address = 0;
		} else if (t->record.fp <= fp) {
			t->record.fp = 0;
		}
	}
	t->stack.nr_frames = n;
	if (n == SEEP_STACK_MAX) {
		t->stack.flags |= SEEP_STACK_CUT;
		t->stack.reason = SEEP_STACK_FULL;
	}
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frame pointer walker: for code built with frame pointers, and where there are no
 * tables. All state is in the thread's map entry; see table_walk.bpf.h for why.
 */
#ifndef SEEP_FRAME_WALK_BPF_H
#define SEEP_FRAME_WALK_BPF_H

#include "unwind.bpf.h"
#include "window.bpf.h"

/* The saved frame pointer and return address at t->record.fp take its place. */
static __always_inline bool next_frame(struct thread *t)
{
	__u64 fp = t->record.fp;

	slide_window(t, fp, sizeof(t->record));
	return load(t, fp + 8, &t->record.return_address) && load(t, fp, &t->record.fp);
}

#define LARGEST_STACK (64 << 20) /* a frame further off is not one */

/* Sets t->record to the first return address. */
static __always_inline void begin_walk(struct thread *t, const struct registers *regs)
{
	t->stack.reason = SEEP_STACK_WHOLE;
	t->stack.guessed[0] = t->stack.guessed[1] = 0;
	t->stack.flags = regs->guess ? SEEP_STACK_GUESS : 0;
	t->record.fp = regs->fp;
	t->record.return_address = regs->lr;
	open_window(t);
	move_window(t, regs->sp);
	if (!regs->lr && !load(t, regs->sp, &t->record.return_address))
		t->record.return_address = 0;
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
	hash_frame(h, regs->ip);
	for (n = 1; n < SEEP_STACK_MAX; n++) {
		__u64 pc = t->record.return_address, fp = t->record.fp;

		if (!pc)
			break;
		t->frames[n] = pc;
		hash_frame(h, pc);
		/* The chain ends at 0, or where the register was used for something else. */
		if (fp - regs->sp > LARGEST_STACK || fp & 7) {
			t->record.return_address = 0;
		} else if (!next_frame(t)) {
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

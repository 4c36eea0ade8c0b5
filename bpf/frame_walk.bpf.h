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

#define RECORDS_A_ROUND 16 /* frames of a walk at once: for the verifier's sake */
#define LARGEST_STACK (64 << 20) /* a frame further off is not one */

/* Sets t->record to the first return address. */
static __always_inline void begin_walk(struct thread *t, const struct registers *regs)
{
	t->stack.reason = SEEP_STACK_WHOLE;
	t->stack.guessed[0] = t->stack.guessed[1] = 0;
	t->stack.flags = regs->guess ? SEEP_STACK_GUESS : 0;
	t->record.fp = regs->fp;
	t->record.return_address = regs->lr;
	t->stack_end = 0;
	open_window(t);
	move_window(t, regs->sp);
	if (!regs->lr && !load(t, regs->sp, &t->record.return_address))
		t->record.return_address = 0;
	/* Not 0, or the walk would end where only the guess is wrong. */
	if (regs->guess)
		t->record.return_address |= !t->record.return_address;
}

static __always_inline void begin_frames(struct thread *t, const struct registers *regs,
					 const struct stack_hash *h)
{
	begin_walk(t, regs);
	t->frames[0] = regs->ip;
	t->stack.nr_frames = 1;
	t->stack.id = h->id;
	t->check = h->check;
	t->walk_bottom = regs->sp;
}

/*
 * Takes the frame at t->record and goes on to its caller; false when there is none. Leaves
 * the frames in t->frames, their number, hash and what is wrong in t->stack.
 */
static __always_inline bool take_record(struct thread *t)
{
	__u64 pc = t->record.return_address, fp = t->record.fp;
	struct stack_hash h = { .id = t->stack.id, .check = t->check };
	__u32 n = t->stack.nr_frames;

	if (!pc)
		return false;
	if (n >= SEEP_STACK_MAX) {
		t->stack.flags |= SEEP_STACK_CUT;
		t->stack.reason = SEEP_STACK_FULL;
		return false;
	}
	t->frames[masked(n, SEEP_STACK_MAX + 1)] = pc;
	t->stack.nr_frames = n + 1;
	hash_frame(&h, pc);
	t->stack.id = h.id;
	t->check = h.check;
	/* The chain ends at 0, or where the register was used for something else. */
	if (fp - t->walk_bottom > LARGEST_STACK || fp & 7)
		return false;
	if (!next_frame(t)) {
		count(SEEP_COUNT_STACK_FAULT);
		t->stack.flags |= SEEP_STACK_CUT;
		t->stack.reason = SEEP_STACK_FAULT;
		return false;
	}
	if (t->record.fp <= fp)
		t->record.fp = 0;
	return true;
}

static __always_inline int walk_records(struct thread *t)
{
	for (int i = 0; i < RECORDS_A_ROUND; i++)
		if (!take_record(t))
			return STEP_END;
	return STEP_ON;
}

#endif

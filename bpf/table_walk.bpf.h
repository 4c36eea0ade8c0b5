/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table unwinder: a walk from frame to caller (frame_step.bpf.h) up a whole stack.
 *
 * Most of a stack is the stack of the last call. A frame is its pc, sp and fp, and its
 * caller follows from them and from the one or two words of the stack that its rule reads.
 * So once a frame of the last walk is met again, that walk's callers are still the callers
 * for as long as those words are the same: no rule need be looked up, and hashes run from
 * the outermost frame inwards, so that what is above a frame need not be hashed again. This
 * is no shortcut: every word that a whole walk would read is read.
 *
 * The last walk lies at the end of t->walked, outermost frame last, the one under way grows
 * from its beginning; join_walk puts the new frames in front of the old ones.
 *
 * All state is in the thread's map entry. To the verifier what is read from there is any
 * number, so that it follows each path through a frame once, not once a combination of
 * what came before. Each part is a global function, verified once: no callbacks, and no
 * pointers passed but the thread's.
 */
#ifndef SEEP_TABLE_WALK_BPF_H
#define SEEP_TABLE_WALK_BPF_H

#include "call.bpf.h"
#include "frame_step.bpf.h"

/* Frames of a walk at once, new ones and those of the last walk: for the verifier's sake. */
#define FRAMES_A_ROUND 4
#define FOLLOWED_A_ROUND 32
#define LISTED_A_ROUND 16
#define PASSES_A_FRAME 8 /* frames of the last walk that are passed over at once */

static __always_inline struct walked_frame *walked_at(struct thread *t, __u64 index)
{
	return &t->walked[masked(index, WALKED_FRAMES)];
}

/* True when the last walk came by where the cursor is: at frame t->past. */
static __always_inline bool meets_past(struct thread *t)
{
	const struct cursor *c = &t->cursor;

	for (int i = 0; i < PASSES_A_FRAME; i++) {
		const struct walked_frame *w;

		if (t->past >= WALKED_FRAMES)
			return false;
		w = walked_at(t, t->past);
		if (w->sp >= c->sp)
			return w->sp == c->sp && w->pc == c->pc && w->fp == c->fp &&
			       (w->flags & WALKED_STATE) == c->flags &&
			       t->nr_new + WALKED_FRAMES - t->past < SEEP_STACK_MAX;
		t->past++;
	}
	return false;
}

/* Whether *caller is still the caller of *w: its words are read, and the window moved to them. */
static __always_inline bool still_calls(struct thread *t, const struct walked_frame *w,
					const struct walked_frame *caller)
{
	__u64 pc, fp, lower = w->slot < w->fp_slot ? w->slot : w->fp_slot;

	if (w->slot == NO_SLOT)
		return false;
	slide_window(t, w->sp + lower, WINDOW_MARGIN);
	if (!load(t, w->sp + w->slot, &pc) || pc != caller->pc)
		return false;
	return w->fp_slot == NO_SLOT || (load(t, w->sp + w->fp_slot, &fp) && fp == caller->fp);
}

/* The same of a window that holds the frame's words, which is most often so. */
static __always_inline bool window_holds(const struct thread *t, __u64 base, __u64 bytes,
					 const struct walked_frame *w,
					 const struct walked_frame *caller)
{
	__u64 ra = w->sp - base + w->slot, fp = w->sp - base + w->fp_slot;

	if (w->slot == NO_SLOT || ra >= bytes || ra & 7 ||
	    t->window[masked(ra >> 3, STACK_WINDOW / 8)] != caller->pc)
		return false;
	return w->fp_slot == NO_SLOT ||
	       (fp < bytes && !(fp & 7) &&
		t->window[masked(fp >> 3, STACK_WINDOW / 8)] == caller->fp);
}

/* What the walk under way had in common with the last one, and where they part. */
static __always_inline void take_back(struct thread *t, __u64 parting)
{
	const struct walked_frame *w = walked_at(t, parting);

	t->cursor.pc = w->pc;
	t->cursor.sp = w->sp;
	t->cursor.fp = w->fp;
	t->cursor.flags = w->flags & WALKED_STATE;
	/* Never over what is still to be copied: new frames are fewer than those passed. */
	for (int i = 0; i < WALKED_FRAMES && t->past <= parting; i++)
		*walked_at(t, t->nr_new++) = *walked_at(t, t->past++);
}

/*
 * From frame t->following of the last walk outwards while it still holds. STEP_MET: it does
 * to the end. STEP_FOLLOW: it has up to here. Else the frames in common, which begin with
 * t->past, are taken over as new ones.
 */
static __always_inline int follow_past(struct thread *t)
{
	__u64 at = t->following, base = t->window_base, bytes = t->window_bytes;

	for (int i = 0; i < FOLLOWED_A_ROUND; i++) {
		const struct walked_frame *w = walked_at(t, at);
		const struct walked_frame *caller = walked_at(t, at + 1);

		if (w->flags & WALKED_OUTERMOST)
			return STEP_MET;
		if (at + 1 < WALKED_FRAMES && window_holds(t, base, bytes, w, caller)) {
			at++;
			continue;
		}
		if (at + 1 >= WALKED_FRAMES || !still_calls(t, w, caller)) {
			take_back(t, at);
			return leave_frame(t, walked_at(t, t->nr_new - 1));
		}
		base = t->window_base;
		bytes = t->window_bytes;
		at++;
	}
	t->following = at;
	return STEP_FOLLOW;
}

/* Takes the cursor's frame and goes on to its caller; enum step. */
static __always_inline int take_frame(struct thread *t)
{
	struct walked_frame *w = walked_at(t, t->nr_new++);

	w->pc = t->cursor.pc;
	w->sp = t->cursor.sp;
	w->fp = t->cursor.fp;
	w->flags = t->cursor.flags;
	/* The new frames have come upon the old ones: these are of no use any more. */
	if (t->nr_new > t->past)
		t->past = WALKED_FRAMES;
	return leave_frame(t, w);
}

/* New frames, until there are enough of them for once, or the last walk is met. */
static __always_inline int walk_anew(struct thread *t)
{
	int step = STEP_ON;

	for (int i = 0; i < FRAMES_A_ROUND && !step; i++) {
		if (!t->cursor.pc)
			return STEP_END;
		if (t->cursor.pc == t->trampoline)
			undo_return_probe(handle_of(t));
		if (t->nr_new >= SEEP_STACK_MAX - 1)
			return STEP_FULL;
		if (meets_past(t)) {
			t->following = t->past;
			t->switched_in = 0;
			return STEP_FOLLOW;
		}
		step = take_frame(t);
	}
	return step;
}

/* Puts the new frames in front of those that they have met, and hashes them. */
static __always_inline void join_walk(struct thread *t, bool met, struct stack_hash *h)
{
	__u64 n = t->nr_new, to = WALKED_FRAMES;

	if (met) {
		to = t->past;
		h->id = walked_at(t, to)->hash;
		h->check = walked_at(t, to)->check;
	}
	for (int i = 0; i < WALKED_FRAMES && n && to; i++) {
		struct walked_frame *w = walked_at(t, --to);

		*w = *walked_at(t, --n);
		hash_frame(h, w->frame);
		w->hash = h->id;
		w->check = h->check;
	}
	t->walked_first = to;
}

static __always_inline __u8 stack_end(int step)
{
	switch (step) {
	case STEP_ON:
	case STEP_FOLLOW:
	case STEP_FULL:
		return SEEP_STACK_FULL;
	case STEP_END:
	case STEP_MET:
		return SEEP_STACK_WHOLE;
	case STEP_FAULT:
		return SEEP_STACK_FAULT;
	case STEP_NO_CODE:
		return SEEP_STACK_NO_CODE;
	default:
		return SEEP_STACK_NO_RULE;
	}
}

static __always_inline void begin_table_walk(struct thread *t, __u32 generation,
					     const struct registers *regs)
{
	if (!t->trampoline)
		t->trampoline = trampoline_address();
	t->past = t->walked_first;
	if (t->rules_generation != generation || t->walked_space != t->space)
		t->past = WALKED_FRAMES;
	if (t->rules_generation != generation)
		begin_generation(t, generation);
	t->walked_space = t->space;
	t->nr_new = 0;
	t->nr_switches = 0;
	t->switched_in = 0;
	t->stack_end = t->past < WALKED_FRAMES ? walked_at(t, WALKED_FRAMES - 1)->sp + WINDOW_MARGIN
					       : 0;
	open_window(t);
	move_window(t, regs->sp);
	t->cursor.pc = regs->ip;
	t->cursor.sp = regs->sp;
	t->cursor.fp = regs->fp;
	t->cursor.flags = regs->guess ? 0 : WALKED_EXACT;
}

/* To the caller of the function whose first instruction is about to run. */
static __always_inline void leave_entry(struct thread *t, const struct registers *regs)
{
	t->cursor.flags = 0;
	t->cursor.slot = regs->sp;
	if (regs->lr) {
		t->cursor.pc = regs->lr;
		return;
	}
	if (!load(t, regs->sp, &t->cursor.pc))
		t->cursor.pc = 0;
	t->cursor.sp = regs->sp + 8;
}

/* The probed function's own frame. Inside of it its rule leads on; at the entry none is needed. */
static __always_inline int leave_first_frame(struct thread *t, const struct registers *regs)
{
	int step = STEP_ON;

	t->first.flags = 0;
	if (regs->guess)
		step = leave_frame(t, &t->first);
	else
		t->first.frame = rule_of_cursor(t)->frame;
	t->frames[0] = t->first.frame;
	if (!regs->guess)
		leave_entry(t, regs);
	return step;
}

/* Up to the first of the probed function's callers. */
static __always_inline int begin_tables(struct thread *t, __u32 generation,
					const struct registers *regs)
{
	begin_table_walk(t, generation, regs);
	return leave_first_frame(t, regs);
}

static __always_inline void end_tables(struct thread *t, int step, struct stack_hash *h)
{
	join_walk(t, step == STEP_MET, h);
	hash_frame(h, t->frames[0]);
	t->stack.nr_frames = 1 + WALKED_FRAMES - t->walked_first;
	t->stack.reason = stack_end(step);
	t->stack.flags = t->stack.reason == SEEP_STACK_WHOLE ? 0 : SEEP_STACK_CUT;
}

/*
 * Some frames of the walk just made, from frame n of the stack on, which is at `at` in t->walked.
 * Returns whether it is a guess who called the last: what `guessed` is for the next ones.
 */
__noinline int list_some_frames(thread_handle handle, __u32 n, __u32 at, int guessed)
{
	struct thread *t = thread_of(handle);

	if (!t)
		return 0;
	for (int i = 0; i < LISTED_A_ROUND && n < SEEP_STACK_MAX && at < WALKED_FRAMES; i++) {
		const struct walked_frame *w = walked_at(t, at++);

		t->frames[masked(n, SEEP_STACK_MAX + 1)] = w->frame;
		t->stack.guessed[masked(n >> 6, 2)] |= (__u64) !!guessed << (n & 63);
		guessed = !!(w->flags & WALKED_GUESSED);
		n++;
	}
	return guessed;
}

/* The frames of the walk just made, leaf first, as they are sent. */
static __always_inline void list_walked_frames(struct thread *t)
{
	int guessed = !!(t->first.flags & WALKED_GUESSED);
	__u32 first = t->walked_first;

	t->stack.guessed[0] = t->stack.guessed[1] = 0;
	for (__u32 n = 0; n < SEEP_STACK_MAX && first + n < WALKED_FRAMES; n += LISTED_A_ROUND)
		guessed = list_some_frames(handle_of(t), 1 + n, first + n, guessed);
}

#endif

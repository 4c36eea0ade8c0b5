/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table unwinder: from a frame to its caller by the rule that the binary's own call
 * frame information gives for the pc (unwind_table.h says how a rule is looked up).
 *
 * Where no table knows the code (JIT, a file without the information) the frame pointer
 * is tried; such a frame is marked as a guess, and must lead back into code.
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
 * what came before. Each part is a global function of scalars, verified once, by every
 * kernel since 5.8: no callbacks, no pointers passed.
 */
#ifndef SEEP_TABLE_WALK_BPF_H
#define SEEP_TABLE_WALK_BPF_H

#include "call.bpf.h"
#include "table_lookup.bpf.h"
#include "unwind.bpf.h"
#include "window.bpf.h"

#define WINDOW_MARGIN 256 /* a frame's slots are within so much of its stack pointer, mostly */
/* Frames of a walk at once, new ones and those of the last walk: for the verifier's sake. */
#define FRAMES_A_ROUND 4
#define FOLLOWED_A_ROUND 32
#define RETURN_INSTANCES 64 /* the kernel's MAX_URETPROBE_DEPTH */
#define PASSES_A_FRAME 8 /* frames of the last walk that are passed over at once */
#define STACK_REACH (64ULL << 20) /* a frame pointer further up, or down, is of another stack */
#define SWITCHES_A_WALK 8

static __always_inline struct walked_frame *walked_at(struct thread *t, __u64 index)
{
	return &t->walked[masked(index, WALKED_FRAMES)];
}

#define KEY_GENERATION_BITS 15 /* of a cached rule's key */

/* What a cached rule is good for: this pc, as the mappings are now. */
static __always_inline __u64 cache_key(const struct thread *t)
{
	return (t->cursor.pc << 1 | (t->cursor.flags & WALKED_EXACT)) ^ (__u64)t->rules_generation
										<< 49;
}

/* Of an entry of shared_rules with these contents: over what it is good for, and all of it. */
static __always_inline __u64 shared_check(const struct thread *t, __u64 key, __u64 frame,
					  const struct seep_unwind_rule *rule)
{
	const __u64 *words = (const void *)rule;
	__u64 h = (key ^ frame) * 0x9e3779b185ebca87ULL;

	h ^= (__u64)t->rules_generation << 32 | t->space;
	h = (h ^ h >> 32 ^ words[0]) * 0xc2b2ae3d27d4eb4fULL;
	h = (h ^ h >> 29 ^ words[1]) * 0x165667b19e3779f9ULL;
	return h ^ h >> 32;
}

/* Leaves the rule for the cursor's pc, as the tables have it, in *cached. */
static __always_inline void search_rule(struct thread *t, struct cached_rule *cached)
{
	__u64 pc = t->cursor.pc - !(t->cursor.flags & WALKED_EXACT);
	__u32 space_id = t->space, id = SEEP_UNWIND_NO_RULE;
	struct seep_unwind_mapping *m = NULL;
	struct seep_unwind_space *space;
	struct seep_unwind_rule *rule;

	space = bpf_map_lookup_elem(&unwind_spaces, &space_id);
	if (space)
		m = find_code(space, pc, &t->fresh);
	if (m)
		id = find_rule(m->table, pc - m->bias);
	cached->frame = t->cursor.pc;
	cached->rule.cfa = SEEP_CFA_NONE;
	rule = bpf_map_lookup_elem(&unwind_rules, &id);
	if (rule)
		cached->rule = *rule;
	if (m && m->table)
		cached->frame = SEEP_FRAME(m->table, SEEP_FRAME_ELF(t->cursor.pc - m->bias));
	/* Outside of all code: not even a frame pointer is worth trying. */
	if (!m)
		cached->rule.cfa = SEEP_CFA_COUNT;
	cached->key = cache_key(t);
}

static __always_inline struct cached_rule *rule_of_cursor(struct thread *t)
{
	__u64 key = cache_key(t), hash = key * 0x9e3779b97f4a7c15ULL;
	__u32 index = (hash ^ t->space * 0x85ebca6bU) >> 32 & (SHARED_RULES - 1);
	struct shared_rule *shared;
	struct cached_rule *cached;

	cached = &t->rules[masked(hash >> 57, RULE_CACHE)];
	if (cached->key == key)
		return cached;
	shared = bpf_map_lookup_elem(&shared_rules, &index);
	if (!shared)
		return cached;
	cached->frame = shared->frame;
	cached->rule = shared->rule;
	cached->key = key;
	if (shared->check == shared_check(t, key, cached->frame, &cached->rule))
		return cached;
	cached->key = 0;
	search_rule(t, cached);
	shared->frame = cached->frame;
	shared->rule = cached->rule;
	shared->check = shared_check(t, cached->key, cached->frame, &cached->rule);
	return cached;
}

/* *ret_elsewhere: a word was read to find it that is no slot of the frame's. */
static __always_inline int canonical_frame(struct thread *t, const struct seep_unwind_rule *rule,
					   bool *ret_elsewhere)
{
	struct cursor *c = &t->cursor;
	__s64 offset = rule->cfa_offset;

	*ret_elsewhere = false;
	switch (rule->cfa) {
	case SEEP_CFA_SP:
		c->cfa = c->sp + offset;
		return STEP_ON;
	case SEEP_CFA_FP:
		c->cfa = c->fp + offset;
		return c->flags & WALKED_FP_LOST ? STEP_NO_RULE : STEP_ON;
	case SEEP_CFA_SP_DEREF:
	case SEEP_CFA_FP_DEREF:
		*ret_elsewhere = true;
		if (rule->cfa == SEEP_CFA_FP_DEREF && c->flags & WALKED_FP_LOST)
			return STEP_NO_RULE;
		if (!load(t, (rule->cfa == SEEP_CFA_SP_DEREF ? c->sp : c->fp) + offset, &c->cfa))
			return STEP_FAULT;
		c->cfa += rule->cfa_add;
		return STEP_ON;
	case SEEP_CFA_PLT:
		c->cfa = c->sp + offset + ((c->pc & 15) >= (__u8)rule->cfa_add ? 8 : 0);
		return STEP_ON;
	case SEEP_CFA_END:
		return STEP_END;
	default:
		return STEP_NO_RULE;
	}
}

/* An interrupted frame: all registers are in the signal's context. */
static __always_inline int leave_signal(struct thread *t)
{
	struct cursor *c = &t->cursor;
	__u64 sp = c->sp;

#ifdef __TARGET_ARCH_x86
	if (!load(t, sp + SEEP_SIGNAL_X86_PC, &c->pc) ||
	    !load(t, sp + SEEP_SIGNAL_X86_FP, &c->fp) || !load(t, sp + SEEP_SIGNAL_X86_SP, &c->sp))
		return STEP_FAULT;
#else
	if (!load(t, sp + SEEP_SIGNAL_ARM64_PC, &c->pc) ||
	    !load(t, sp + SEEP_SIGNAL_ARM64_FP, &c->fp) ||
	    !load(t, sp + SEEP_SIGNAL_ARM64_SP, &c->sp))
		return STEP_FAULT;
#endif
	c->flags = WALKED_EXACT;
	return STEP_ON;
}

/* The distance of a slot from the frame's sp; NO_SLOT when it is out of reach. */
static __always_inline __u32 slot_from(__u64 sp, __u64 slot)
{
	return slot - sp < 1U << 30 ? slot - sp : NO_SLOT;
}

/*
 * Go runs C code on another stack than its own, lower or higher. Nothing but the frame pointer
 * leads back, so it is followed to any place, if that proves to be of the same file.
 */
static __always_inline int switch_stack(struct thread *t, const struct walked_frame *w)
{
	t->switched_in = SEEP_FRAME_TABLE(w->frame);
	if (!t->switched_in || !t->cursor.pc || t->nr_switches++ >= SWITCHES_A_WALK)
		return STEP_NO_RULE;
	return STEP_ON;
}

/* Code that no table knows, but that may keep frame pointers. */
static __always_inline int follow_frame_pointer(struct thread *t, struct walked_frame *w)
{
	struct cursor *c = &t->cursor;
	__u64 fp = c->fp, sp = c->sp;

	/* Where code ends that keeps frame pointers; of interrupted code it says nothing. */
	if (!fp || c->flags & WALKED_FP_LOST)
		return c->flags & WALKED_EXACT ? STEP_NO_RULE : STEP_END;
	if (fp & 7)
		return STEP_NO_RULE;
	if (!load(t, fp + 8, &c->pc) || !load(t, fp, &c->fp))
		return STEP_FAULT;
	w->slot = slot_from(sp, fp + 8);
	w->fp_slot = slot_from(sp, fp);
	c->slot = fp + 8;
	c->sp = fp + 16;
	c->flags = 0;
	return fp - sp > STACK_REACH ? switch_stack(t, w) : STEP_ON;
}

static __always_inline int apply_rule(struct thread *t, const struct seep_unwind_rule *rule,
				      struct walked_frame *w)
{
	struct cursor *c = &t->cursor;
	bool elsewhere;
	int step = canonical_frame(t, rule, &elsewhere);
	__u64 fp_slot = 0;

	if (step)
		return step;
	/* A stack that does not get shorter is none. */
	if (c->cfa <= c->sp)
		return STEP_NO_RULE;
	if (rule->fp == SEEP_WHERE_CFA || rule->fp == SEEP_WHERE_FP) {
		fp_slot = (rule->fp == SEEP_WHERE_CFA ? c->cfa : c->fp) + rule->fp_offset;
		if (!load(t, fp_slot, &c->fp))
			return STEP_FAULT;
		c->flags &= ~WALKED_FP_LOST;
	} else if (rule->fp == SEEP_WHERE_LOST) {
		c->flags |= WALKED_FP_LOST;
	}
	if (rule->ra != SEEP_WHERE_CFA)
		return STEP_NO_RULE;
	c->slot = c->cfa + rule->ra_offset;
	if (!load(t, c->slot, &c->pc))
		return STEP_FAULT;
	if (!elsewhere) {
		w->slot = slot_from(c->sp, c->slot);
		w->fp_slot = fp_slot ? slot_from(c->sp, fp_slot) : NO_SLOT;
		/* One that cannot be read again: the frame is not known again. */
		if (fp_slot && w->fp_slot == NO_SLOT)
			w->slot = NO_SLOT;
	}
	c->sp = c->cfa;
	c->flags &= ~WALKED_EXACT;
	return STEP_ON;
}

/*
 * A return probe under way has put its trampoline's address in place of the return
 * address, which the kernel keeps in a list by where it stood.
 */
static __always_inline void undo_return_probe(struct thread *t)
{
#ifdef __TARGET_ARCH_x86
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *instance;

	if (!t->trampoline || t->cursor.pc != t->trampoline)
		return;
	instance = BPF_CORE_READ(task, utask, return_instances);
	for (int i = 0; i < RETURN_INSTANCES && instance; i++) {
		if (BPF_CORE_READ(instance, stack) == t->cursor.slot) {
			t->cursor.pc = BPF_CORE_READ(instance, orig_ret_vaddr);
			return;
		}
		instance = BPF_CORE_READ(instance, next);
	}
#endif
}

/* From the frame at the cursor, which is *w, to its caller; enum step. */
static __always_inline int leave_frame(struct thread *t, struct walked_frame *w)
{
	const struct cached_rule *cached = rule_of_cursor(t);
	int step;

	w->frame = cached->frame;
	w->slot = NO_SLOT;
	w->fp_slot = NO_SLOT;
	slide_window(t, t->cursor.sp, WINDOW_MARGIN);
	if (t->switched_in && t->switched_in != SEEP_FRAME_TABLE(w->frame)) {
		t->nr_new--;
		return STEP_NO_RULE;
	}
	t->switched_in = 0;
	if (cached->rule.cfa == SEEP_CFA_COUNT)
		return STEP_NO_CODE;
	if (cached->rule.cfa == SEEP_CFA_SIGNAL)
		return leave_signal(t);
	/* Interrupted, it may stand where its frame pointer is not yet its own. */
	if (cached->rule.cfa == SEEP_CFA_UNSUPPORTED && t->cursor.flags & WALKED_EXACT)
		return STEP_NO_RULE;
	if (cached->rule.cfa == SEEP_CFA_NONE || cached->rule.cfa == SEEP_CFA_UNSUPPORTED) {
		w->flags |= WALKED_GUESSED;
		step = follow_frame_pointer(t, w);
	} else {
		step = apply_rule(t, &cached->rule, w);
	}
	if (step == STEP_END)
		w->flags |= WALKED_OUTERMOST;
	return step;
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

/* Whether *caller is still the caller of *w. */
static __always_inline bool still_calls(struct thread *t, const struct walked_frame *w,
					const struct walked_frame *caller)
{
	__u64 pc, fp;

	if (w->slot == NO_SLOT)
		return false;
	if (w->slot < STACK_WINDOW - 8)
		slide_window(t, w->sp, w->slot + 8);
	if (!load(t, w->sp + w->slot, &pc) || pc != caller->pc)
		return false;
	return w->fp_slot == NO_SLOT || (load(t, w->sp + w->fp_slot, &fp) && fp == caller->fp);
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
	__u64 at = t->following;

	for (int i = 0; i < FOLLOWED_A_ROUND; i++) {
		const struct walked_frame *w = walked_at(t, at);

		if (w->flags & WALKED_OUTERMOST)
			return STEP_MET;
		if (at + 1 >= WALKED_FRAMES || !still_calls(t, w, walked_at(t, at + 1))) {
			take_back(t, at);
			return leave_frame(t, walked_at(t, t->nr_new - 1));
		}
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
		undo_return_probe(t);
		if (!t->cursor.pc)
			return STEP_END;
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

/* Keys hold the generation's low bits: rules of one that has the same ones are forgotten. */
static __always_inline void begin_generation(struct thread *t, __u32 generation)
{
	if ((t->rules_generation ^ generation) >> KEY_GENERATION_BITS)
		for (int i = 0; i < RULE_CACHE; i++)
			t->rules[i].key = 0;
	t->rules_generation = generation;
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

/* The frames of the walk just made, leaf first, as they are sent. */
static __always_inline void list_walked_frames(struct thread *t)
{
	__u64 guessed = !!(t->first.flags & WALKED_GUESSED), at = t->walked_first;

	t->stack.guessed[0] = t->stack.guessed[1] = 0;
	for (__u64 n = 1; n < SEEP_STACK_MAX && at < WALKED_FRAMES; n++) {
		const struct walked_frame *w = walked_at(t, at++);

		t->frames[masked(n, SEEP_STACK_MAX + 1)] = w->frame;
		t->stack.guessed[(n >> 6) & 1] |= guessed << (n & 63);
		guessed = !!(w->flags & WALKED_GUESSED);
	}
}

#endif

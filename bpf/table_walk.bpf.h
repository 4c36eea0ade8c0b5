/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table unwinder: from a frame to its caller by the rule that the binary's own call
 * frame information gives for the pc (unwind_table.h says how a rule is looked up).
 *
 * Where no table knows the code (JIT, a file without the information) the frame pointer
 * is tried; such a frame is marked as a guess, and must lead back into code.
 *
 * All state is in the thread's map entry. To the verifier what is read from there is any
 * number, so that it follows each path through a frame once, not once a combination of
 * what came before.
 */
#ifndef SEEP_TABLE_WALK_BPF_H
#define SEEP_TABLE_WALK_BPF_H

#include "call.bpf.h"
#include "table_lookup.bpf.h"
#include "unwind.bpf.h"
#include "window.bpf.h"

enum step { STEP_ON = 0, STEP_END, STEP_FAULT, STEP_NO_RULE, STEP_NO_CODE };

#define WINDOW_MARGIN 256 /* a frame's slots are within so much of its stack pointer, mostly */

/* What a cached rule is good for: this pc, as the mappings are now. */
static __always_inline __u64 cache_key(const struct thread *t)
{
	return (t->cursor.pc << 1 | t->cursor.exact) ^ (__u64)t->rules_generation << 49;
}

/* Leaves the rule for the cursor's pc in *cached. */
static __noinline int look_up_rule(struct thread *t, struct seep_unwind_space *space,
				   struct cached_rule *cached)
{
	__u64 pc = t->cursor.pc - !t->cursor.exact;
	struct seep_unwind_rule *rule;
	struct seep_unwind_mapping *m;
	__u32 id;

	if (!space || !cached)
		return 0;
	m = find_mapping(space, pc);
	id = m ? find_rule(m, pc - m->bias) : SEEP_UNWIND_NO_RULE;
	rule = bpf_map_lookup_elem(&unwind_rules, &id);
	if (!rule)
		return 0;
	cached->rule = *rule;
	/* Outside of all code: not even a frame pointer is worth trying. */
	if (!m)
		cached->rule.cfa = SEEP_CFA_COUNT;
	cached->key = cache_key(t);
	return 0;
}

static __always_inline int canonical_frame(struct thread *t, const struct seep_unwind_rule *rule)
{
	struct cursor *c = &t->cursor;
	__s64 offset = rule->cfa_offset;

	switch (rule->cfa) {
	case SEEP_CFA_SP:
		c->cfa = c->sp + offset;
		return STEP_ON;
	case SEEP_CFA_FP:
		c->cfa = c->fp + offset;
		return c->fp_lost ? STEP_NO_RULE : STEP_ON;
	case SEEP_CFA_SP_DEREF:
	case SEEP_CFA_FP_DEREF:
		if (rule->cfa == SEEP_CFA_FP_DEREF && c->fp_lost)
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
	c->exact = 1;
	c->fp_lost = 0;
	return STEP_ON;
}

/* Code that no table knows, but that may keep frame pointers. */
static __always_inline int follow_frame_pointer(struct thread *t)
{
	struct cursor *c = &t->cursor;
	__u64 fp = c->fp;

	/* Where code ends that keeps frame pointers; of interrupted code it says nothing. */
	if (!fp || c->fp_lost)
		return c->exact ? STEP_NO_RULE : STEP_END;
	if (fp < c->sp || fp & 7 || fp - c->sp > 64 << 20)
		return STEP_NO_RULE;
	if (!load(t, fp + 8, &c->pc) || !load(t, fp, &c->fp))
		return STEP_FAULT;
	c->slot = fp + 8;
	c->sp = fp + 16;
	c->exact = 0;
	return STEP_ON;
}

static __always_inline int apply_rule(struct thread *t, const struct seep_unwind_rule *rule)
{
	struct cursor *c = &t->cursor;
	int step = canonical_frame(t, rule);
	__u64 old_fp = c->fp;

	if (step)
		return step;
	/* A stack that does not get shorter is none. */
	if (c->cfa <= c->sp)
		return STEP_NO_RULE;
	if (rule->fp == SEEP_WHERE_CFA || rule->fp == SEEP_WHERE_FP) {
		if (!load(t, (rule->fp == SEEP_WHERE_CFA ? c->cfa : old_fp) + rule->fp_offset,
			  &c->fp))
			return STEP_FAULT;
		c->fp_lost = 0;
	} else if (rule->fp == SEEP_WHERE_LOST) {
		c->fp_lost = 1;
	}
	if (rule->ra != SEEP_WHERE_CFA)
		return STEP_NO_RULE;
	c->slot = c->cfa + rule->ra_offset;
	if (!load(t, c->slot, &c->pc))
		return STEP_FAULT;
	c->sp = c->cfa;
	c->exact = 0;
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
	for (int i = 0; i < 8 && instance; i++) {
		if (BPF_CORE_READ(instance, stack) == t->cursor.slot) {
			t->cursor.pc = BPF_CORE_READ(instance, orig_ret_vaddr);
			return;
		}
		instance = BPF_CORE_READ(instance, next);
	}
#endif
}

/* From the cursor's frame to its caller; enum step. *guessed: by frame pointer. */
static __noinline int step_frame(struct thread *t, struct seep_unwind_space *space, __u32 n)
{
	struct cached_rule *cached;
	__u64 key;
	int step;

	if (!t || !space)
		return STEP_FAULT;
	key = cache_key(t);
	cached = &t->rules[masked(key * 0x9e3779b97f4a7c15ULL >> 57, RULE_CACHE)];
	slide_window(t, t->cursor.sp, WINDOW_MARGIN);
	if (cached->key != key)
		look_up_rule(t, space, cached);
	if (cached->rule.cfa == SEEP_CFA_COUNT)
		return STEP_NO_CODE;
	if (cached->rule.cfa == SEEP_CFA_SIGNAL)
		return leave_signal(t);
	if (cached->rule.cfa == SEEP_CFA_NONE || cached->rule.cfa == SEEP_CFA_UNSUPPORTED) {
		t->stack.guessed[(n >> 6) & 1] |= 1ULL << (n & 63);
		step = follow_frame_pointer(t);
	} else {
		step = apply_rule(t, &cached->rule);
	}
	return step;
}

/* To the caller of the function whose first instruction is about to run. */
static __always_inline void leave_entry(struct thread *t, const struct registers *regs)
{
	t->cursor.slot = regs->sp;
	if (regs->lr) {
		t->cursor.pc = regs->lr;
		return;
	}
	if (!load(t, regs->sp, &t->cursor.pc))
		t->cursor.pc = 0;
	t->cursor.sp = regs->sp + 8;
}

static __always_inline __u8 stack_end(int step)
{
	switch (step) {
	case STEP_ON:
		return SEEP_STACK_FULL;
	case STEP_END:
		return SEEP_STACK_WHOLE;
	case STEP_FAULT:
		return SEEP_STACK_FAULT;
	case STEP_NO_CODE:
		return SEEP_STACK_NO_CODE;
	default:
		return SEEP_STACK_NO_RULE;
	}
}

static __always_inline void begin_table_walk(struct thread *t, struct seep_unwind_space *space,
					     const struct registers *regs)
{
	t->rules_generation = space->generation;
	t->stack.guessed[0] = t->stack.guessed[1] = 0;
	if (!t->trampoline)
		t->trampoline = trampoline_address();
	open_window(t);
	t->cursor.pc = regs->ip;
	t->cursor.sp = regs->sp;
	t->cursor.fp = regs->fp;
	t->cursor.exact = 0;
	t->cursor.fp_lost = 0;
	t->frames[0] = regs->ip;
	move_window(t, regs->sp);
	/* Inside of a function its own rule leads on; at the entry, none is needed. */
	if (!regs->guess)
		leave_entry(t, regs);
}

struct table_walk {
	struct thread *t;
	struct seep_unwind_space *space;
	struct stack_hash *h;
	__u32 n;
	int step;
};

/* Takes the cursor's frame and goes on to its caller. 1: that was all. */
static __always_inline long take_frame(struct table_walk *walk)
{
	struct thread *t = walk->t;
	__u32 n = walk->n;
	__u64 pc;

	if (walk->step || n >= SEEP_STACK_MAX)
		return 1;
	undo_return_probe(t);
	pc = t->cursor.pc;
	if (!pc) {
		walk->step = STEP_END;
		return 1;
	}
	t->frames[n & SEEP_STACK_MAX] = pc;
	hash_frame(walk->h, pc);
	walk->step = step_frame(t, walk->space, n + 1);
	walk->n = n + 1;
	return 0;
}

static long take_next_frame(__u32 index, void *context)
{
	return take_frame(context);
}

static __always_inline void walk_tables(struct thread *t, struct seep_unwind_space *space,
					const struct registers *regs, struct stack_hash *h)
{
	struct table_walk walk = { .t = t, .space = space, .h = h, .n = 1, .step = STEP_ON };

	begin_table_walk(t, space, regs);
	if (regs->guess)
		walk.step = step_frame(t, space, 1);
	/* 5.17, commit e6f2dd0f8067: the verifier looks at one round, not at 127. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(SEEP_STACK_MAX, take_next_frame, &walk, 0);
	} else {
		for (__u32 i = 0; i < SEEP_STACK_MAX; i++)
			if (take_frame(&walk))
				break;
	}
	t->stack.nr_frames = walk.n;
	t->stack.reason = stack_end(walk.step);
	t->stack.flags = walk.step == STEP_END ? 0 : SEEP_STACK_CUT;
}

#endif

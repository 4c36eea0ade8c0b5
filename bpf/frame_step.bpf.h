/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the frame at a thread's cursor to its caller, by the rule that the binary's own call
 * frame information gives for the pc (unwind_table.h says how a rule is looked up).
 *
 * Where no table knows the code (JIT, a file without the information) the frame pointer
 * is tried; such a frame is marked as a guess, and must lead back into code.
 */
#ifndef SEEP_FRAME_STEP_BPF_H
#define SEEP_FRAME_STEP_BPF_H

#include "rule_cache.bpf.h"
#include "window.bpf.h"

#define RETURN_INSTANCES 64 /* the kernel's MAX_URETPROBE_DEPTH */
#define SWITCHES_A_WALK 8

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
__noinline int undo_return_probe(thread_handle handle)
{
#ifdef __TARGET_ARCH_x86
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *instance;
	struct thread *t = thread_of(handle);

	if (!t)
		return STEP_FAULT;
	instance = BPF_CORE_READ(task, utask, return_instances);
	for (int i = 0; i < RETURN_INSTANCES && instance; i++) {
		if (BPF_CORE_READ(instance, stack) == t->cursor.slot) {
			t->cursor.pc = BPF_CORE_READ(instance, orig_ret_vaddr);
			break;
		}
		instance = BPF_CORE_READ(instance, next);
	}
#endif
	return STEP_ON;
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

#endif

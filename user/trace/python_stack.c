// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the merging of stacks. Up to 3.10 the evaluator calls itself for each Python function,
 * later it goes on in the same run for a call from Python to Python, so one native frame
 * may stand for many. Which frame began a run is told by the frames (bpf/event.h), and
 * so the two stacks need not be compared by addresses.
 */
#include "trace/python_stack.h"

/* The merging under way. */
struct merge {
	const struct python_stack *stack;
	size_t next; /* frame to be put */
	bool guessed;
	size_t nr_empty; /* runs to come that show nothing and yet have an evaluator */
	struct merged_frame *out;
	size_t nr;
};

static size_t count_evaluators(const struct python_stack *stack)
{
	size_t nr = 0;

	for (size_t i = 0; i < stack->nr_native; i++)
		nr += stack->evaluator[i];
	return nr;
}

/* Runs among the first `nr_frames`; *ret_last: where the last one begins. */
static size_t count_runs(const struct python_stack *stack, size_t nr_frames, size_t *ret_last)
{
	bool begins = true;
	size_t nr = 0;

	for (size_t i = 0; i < nr_frames; i++) {
		if (begins)
			*ret_last = i;
		nr += begins;
		begins = stack->frames[i].entry;
	}
	return nr;
}

static bool shows_something(const struct python_stack *stack, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (stack->frames[i].shown)
			return true;
	return false;
}

/* Runs that show nothing. */
static size_t count_empty(const struct python_stack *stack)
{
	size_t first = 0, nr = 0;

	for (size_t i = 0; i < stack->nr_frames; i++) {
		if (!stack->frames[i].entry && i + 1 < stack->nr_frames)
			continue;
		nr += !shows_something(stack, first, i + 1);
		first = i + 1;
	}
	return nr;
}

/* False: the run shows nothing. */
static bool put_one_run(struct merge *m)
{
	const struct python_stack *stack = m->stack;
	size_t before = m->nr;
	bool entry = false;

	while (!entry && m->next < stack->nr_frames) {
		const struct python_stack_frame *frame = &stack->frames[m->next++];

		entry = frame->entry;
		if (frame->shown)
			m->out[m->nr++] = (struct merged_frame){ frame->name, true, m->guessed };
	}
	return m->nr > before;
}

static void put_run(struct merge *m)
{
	while (!put_one_run(m) && m->next < m->stack->nr_frames) {
		if (m->nr_empty) {
			m->nr_empty--;
			return;
		}
	}
}

static void put_native(struct merge *m, size_t index)
{
	m->out[m->nr++] = (struct merged_frame){ .index = (uint32_t)index };
}

/*
 * In 3.15 each interpreter's part of a stack stands on a run of its own, which no evaluator has.
 * How many of `surplus` runs are such, outermost ones first.
 */
static size_t leave_out_empty(struct merge *m, size_t surplus)
{
	size_t empty = count_empty(m->stack), left_out = surplus < empty ? surplus : empty;

	m->nr_empty = empty - left_out;
	return left_out;
}

size_t python_stack_merge(const struct python_stack *stack, struct merged_frame *ret_frames)
{
	struct python_stack s = *stack;
	struct merge m = { .stack = &s, .out = ret_frames, .nr_empty = SIZE_MAX };
	size_t evaluators = count_evaluators(&s), last = 0, runs, early = 0, without = 0;

	runs = count_runs(&s, s.nr_frames, &last);
	/* What a thread's first run stands on may look like one more. */
	while (runs > evaluators && !shows_something(&s, last, s.nr_frames)) {
		s.nr_frames = last;
		runs = count_runs(&s, s.nr_frames, &last);
	}
	if (s.native_whole && s.frames_whole && evaluators) {
		runs -= leave_out_empty(&m, runs > evaluators ? runs - evaluators : 0);
		m.guessed = runs != evaluators;
		early = runs > evaluators ? runs - evaluators : 0;
		without = evaluators > runs ? evaluators - runs : 0;
	}
	for (size_t i = 0; i < s.nr_native; i++) {
		size_t before = m.nr;

		if (!s.evaluator[i] || without) {
			without -= s.evaluator[i];
			put_native(&m, i);
			continue;
		}
		for (; early; early--)
			put_run(&m);
		put_run(&m);
		/* A run that has left its last frame, or frames that were cut. */
		if (m.nr == before)
			put_native(&m, i);
	}
	m.guessed = true;
	while (m.next < s.nr_frames)
		put_run(&m);
	return m.nr;
}

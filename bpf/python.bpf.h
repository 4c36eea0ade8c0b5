/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frames of CPython's evaluator: from the thread's PyThreadState along its chain of
 * frames. What is taken is where the code object is and where in it the frame stands; names
 * and lines are found by user space, in the process's memory. Where each thing is differs by
 * version, and comes from user space too (struct seep_python).
 *
 * A thread's state is found through the interpreters' lists of them: it has the thread
 * pointer for its id, as pthread_self() is. It is remembered, and each time looked at
 * again: states come and go with each call from C into Python. The lock (the GIL)
 * need not be held: whatever is followed is followed a bounded number of times.
 *
 * From 3.11 on frames lie one behind the other in memory, the outer ones at lower
 * addresses, so one read fetches many. Older ones are objects, read one by one. There is no
 * use in keeping the frames of the last walk, as table_walk.bpf.h does: to know that a frame
 * is still what it was, all of it that is wanted would have to be read.
 *
 * All state is in the thread's map entry, as in table_walk.bpf.h, and for its reasons.
 */
#ifndef SEEP_PYTHON_BPF_H
#define SEEP_PYTHON_BPF_H

#include "table_walk.bpf.h"

#define PYTHON_ROUND 8 /* steps of a call, of PYTHON_CALLS; bounds what the verifier looks at */
#define PYTHON_SEARCH_STEPS 1024 /* in a tick of the kernel's timer */
#define PYTHON_CHUNK (64 << 10) /* frames so near are of one piece of memory */
#define PYTHON_NO_INSTRUCTION 0xffffffffU
#define PYTHON_POINTER_BITS 7ULL /* 3.14 keeps flags in them */
#define PYTHON_SHIM_HASH 0x73686d69ULL

/* What pthread_self() says may lie a little below the thread pointer. */
#ifdef __TARGET_ARCH_x86
#define PYTHON_ID_DISTANCE 0
struct thread_struct___pointer {
	unsigned long fsbase;
} __attribute__((preserve_access_index));
#else
#define PYTHON_ID_DISTANCE 4096
struct thread_struct___pointer {
	struct {
		unsigned long tp_value;
	} uw;
} __attribute__((preserve_access_index));
#endif

struct task_struct___pointer {
	struct thread_struct___pointer thread;
} __attribute__((preserve_access_index));

static __always_inline __u64 thread_pointer(void)
{
	struct task_struct___pointer *task = (void *)bpf_get_current_task();

#ifdef __TARGET_ARCH_x86
	return BPF_CORE_READ(task, thread.fsbase);
#else
	return BPF_CORE_READ(task, thread.uw.tp_value);
#endif
}

static __always_inline bool read_word(__u64 address, __u64 *value)
{
	return !bpf_probe_read_user(value, sizeof(*value), (void *)address);
}

/* Makes `bytes` from `address` on the window. */
static __always_inline bool read_into_window(struct thread *t, __u64 address, __u64 bytes)
{
	t->window_base = address;
	t->window_bytes = 0;
	barrier_var(bytes);
	if (bytes > STACK_WINDOW || bpf_probe_read_user(t->window, bytes, (void *)address))
		return false;
	t->window_bytes = bytes & ~7ULL;
	return true;
}

/* Some threads, or interpreters, further in the search; enum step. */
static __always_inline int search_python_states(struct python_thread *p)
{
	__u64 id, next;

	for (int i = 0; i < PYTHON_ROUND; i++) {
		__u64 state = p->state, interpreter = p->interpreter;

		p->steps++;
		if (!state && !interpreter)
			return STEP_END;
		if (!state) {
			if (!read_word(interpreter + p->at.interpreter_threads, &p->state) ||
			    !read_word(interpreter + p->at.interpreter_next, &p->interpreter))
				return STEP_FAULT;
			p->several |= !!p->interpreter;
			continue;
		}
		if (!read_word(state + p->at.thread_id, &id) ||
		    !read_word(state + p->at.thread_next, &next))
			return STEP_FAULT;
		p->state = next;
		if (p->id - id > PYTHON_ID_DISTANCE || p->nr_states >= PYTHON_STATES)
			continue;
		p->states[masked(p->nr_states, PYTHON_STATES)] = state;
		p->nr_states++;
	}
	return STEP_ON;
}

/* Where all states can be reached from. */
static __always_inline bool begin_python_search(struct python_thread *p)
{
	__u64 current;

	p->nr_states = 0;
	p->several = 0;
	p->state = 0;
	p->id = thread_pointer();
	if (p->at.interpreters) {
		if (!read_word(p->at.interpreters, &p->interpreter))
			return false;
		p->first_interpreter = p->interpreter;
		return true;
	}
	/* 2.7 and 3.6 tell of no list, but of the thread that holds the lock: mostly this one. */
	return read_word(p->at.current, &current) && current &&
	       read_word(current + p->at.thread_interpreter, &p->interpreter);
}

/* A thread that has no state, in a process of a thousand, must not pay for each call. */
static __always_inline bool may_search_python(struct python_thread *p)
{
	__u64 tick = bpf_jiffies64();

	if (p->tick != tick) {
		p->tick = tick;
		p->steps = 0;
	}
	return p->steps < PYTHON_SEARCH_STEPS;
}

/* Reads the frame that the state is in; false when it is not this thread's any more. */
static __always_inline bool enter_python_state(struct thread *t, __u64 index)
{
	struct python_thread *p = &t->python;
	__u64 state = p->states[masked(index, PYTHON_STATES)], id = 0, frame = 0;

	p->frames[masked(index, PYTHON_STATES)] = 0;
	if (!read_into_window(t, state, p->at.thread_bytes))
		return false;
	if (!load(t, state + p->at.thread_id, &id) || p->id - id > PYTHON_ID_DISTANCE)
		return false;
	if (!load(t, state + p->at.thread_frame, &frame))
		return false;
	if (p->at.cframe && frame && !read_word(frame + p->at.cframe_frame, &frame))
		return false;
	p->frames[masked(index, PYTHON_STATES)] = frame;
	return true;
}

/* True when the known states are all this thread's, and one of them is in a frame. */
static __always_inline bool enter_python_states(struct thread *t)
{
	const struct python_thread *p = &t->python;
	bool any = false;

	for (__u64 i = 0; i < PYTHON_STATES && i < p->nr_states; i++) {
		if (!enter_python_state(t, i))
			return false;
		any |= !!p->frames[masked(i, PYTHON_STATES)];
	}
	return any;
}

/* An interpreter inside another one leaves the outer one's state as it is. */
static __always_inline bool interpreters_changed(const struct python_thread *p)
{
	__u64 first;

	if (p->several)
		return true;
	return p->at.interpreters &&
	       (!read_word(p->at.interpreters, &first) || first != p->first_interpreter);
}

static __always_inline __u64 *python_word(struct thread *t, __u64 pair, __u64 word)
{
	return &t->frames[masked(PYTHON_WORDS + 2 * pair + word, STACK_WORDS)];
}

static __always_inline void hash_python(struct python_thread *p, __u64 code, __u64 word)
{
	struct stack_hash h = { .id = p->hash, .check = p->check };

	hash_frame(&h, code);
	hash_frame(&h, word);
	p->hash = h.id;
	p->check = h.check;
}

static __always_inline void push_python_frame(struct thread *t, __u64 code, __u64 word)
{
	struct python_thread *p = &t->python;

	*python_word(t, p->nr, 0) = code;
	*python_word(t, p->nr, 1) = word;
	p->nr++;
	hash_python(p, code, word);
}

/* The run of the evaluator that the last frame belongs to begins here. */
static __always_inline void push_python_shim(struct thread *t)
{
	struct python_thread *p = &t->python;
	__u64 n = p->nr;

	if (n && !(*python_word(t, n - 1, 1) & SEEP_PYTHON_ENTRY)) {
		*python_word(t, n - 1, 1) |= SEEP_PYTHON_ENTRY;
		hash_python(p, PYTHON_SHIM_HASH, 0);
		return;
	}
	push_python_frame(t, 0, SEEP_PYTHON_ENTRY);
}

/*
 * Makes sure, where that pays, that the frame is in the window: at its end, with the outer
 * frames before it. Not beyond the frame's own page, which is there: a read that fails is dear.
 */
static __always_inline bool look_at_python_frame(struct thread *t, __u64 frame)
{
	struct python_thread *p = &t->python;
	__u64 bytes = p->at.frame_bytes, distance = frame - t->window_base;
	__u64 begin = frame + bytes - STACK_WINDOW, page = frame & ~(PAGE_BYTES - 1ULL);
	bool was_far = p->far;

	if (!p->at.pointers)
		return read_into_window(t, frame, bytes);
	p->far = 0;
	if (distance < t->window_bytes && distance + bytes <= t->window_bytes)
		return true;
	/* One elsewhere, of a generator or a shim on the C stack, is read word by word. */
	p->far = t->window_bytes && t->window_base - frame > PYTHON_CHUNK;
	if (p->far && !was_far)
		return true;
	return read_into_window(t, begin > page ? begin : page,
				begin > page ? STACK_WINDOW : frame + bytes - page);
}

/* Where the frame is in its code: see SEEP_PYTHON_INSTRUCTION. */
static __always_inline __u64 instruction_of(const struct seep_python *at, __u64 code, __u64 word)
{
	__u64 offset = word - (code + at->code_instructions);

	if (!at->pointers)
		return (__u32)word;
	return offset < 1U << 31 ? offset : PYTHON_NO_INSTRUCTION;
}

static __always_inline bool load_byte(struct thread *t, __u64 address, __u8 *value)
{
	__u64 word;

	if (!load(t, address & ~7ULL, &word))
		return false;
	*value = word >> (address & 7) * 8;
	return true;
}

/* Takes the frame at p->frame and goes on to the one that called it; enum step. */
static __always_inline int take_python_frame(struct thread *t)
{
	struct python_thread *p = &t->python;
	__u64 frame = p->frame, code = 0, word = 0, flags = 0;
	__u8 run = 0;

	if (!frame)
		return STEP_END;
	if (p->nr >= SEEP_PYTHON_MAX || !look_at_python_frame(t, frame))
		return STEP_FAULT;
	if (p->at.runs && !load_byte(t, frame + p->at.frame_run, &run))
		return STEP_FAULT;
	if (!load(t, frame + p->at.frame_back, &p->frame))
		return STEP_FAULT;
	if (p->at.runs == SEEP_PYTHON_RUN_SHIM && run >= SEEP_PYTHON_SHIM_OWNER) {
		push_python_shim(t);
		return STEP_ON;
	}
	if (!load(t, frame + p->at.frame_code, &code) ||
	    !load(t, frame + p->at.frame_instruction, &word))
		return STEP_FAULT;
	code &= ~PYTHON_POINTER_BITS;
	if (p->at.runs == SEEP_PYTHON_RUN_A_FRAME || (p->at.runs == SEEP_PYTHON_RUN_FLAG && run))
		flags = SEEP_PYTHON_ENTRY;
	push_python_frame(t, code, instruction_of(&p->at, code, word) | flags);
	return STEP_ON;
}

static __always_inline int take_python_frames(struct thread *t)
{
	int step = STEP_ON;

	for (int i = 0; i < PYTHON_ROUND && !step; i++)
		step = take_python_frame(t);
	return step;
}

/* To the frames of the next of the thread's states; enum step. */
static __always_inline int next_python_state(struct thread *t)
{
	struct python_thread *p = &t->python;

	if (p->walked >= p->nr_states || p->walked >= PYTHON_STATES)
		return STEP_END;
	p->frame = p->frames[masked(p->walked, PYTHON_STATES)];
	p->walked++;
	t->window_bytes = 0;
	return STEP_ON;
}

/* A part of the search or of the walk under way; STEP_ON: there is more. */
__noinline int python_on(thread_handle handle)
{
	struct thread *t = thread_of(handle);
	struct python_thread *p;
	int step;

	if (!t)
		return STEP_FAULT;
	p = &t->python;
	if (p->searching) {
		step = search_python_states(p);
		if (step == STEP_ON)
			return step;
		p->searching = 0;
		enter_python_states(t);
		return next_python_state(t);
	}
	step = take_python_frames(t);
	if (step == STEP_ON)
		return step;
	p->cut |= step != STEP_END;
	return next_python_state(t);
}

/* What the thread's process is, as user space has found. */
static __always_inline void learn_python(struct thread *t)
{
	struct seep_python *at;
	__u32 space = t->space;

	t->python.generation = python_generation;
	t->python.space = space;
	t->python.nr_states = 0;
	at = bpf_map_lookup_elem(&pythons, &space);
	if (at)
		t->python.at = *at;
	else
		t->python.at.frame_bytes = 0;
}

__noinline int begin_python(thread_handle handle)
{
	struct thread *t = thread_of(handle);
	struct python_thread *p;

	if (!t)
		return STEP_FAULT;
	p = &t->python;
	p->nr = 0;
	p->cut = 0;
	p->walked = 0;
	p->hash = p->check = 0;
	if (p->generation != python_generation || p->space != t->space)
		learn_python(t);
	if (!p->at.frame_bytes)
		return STEP_END;
	p->searching = interpreters_changed(p) || !enter_python_states(t);
	/* Where a search is too dear what is known is all there is. */
	if (p->searching && may_search_python(p) && begin_python_search(p))
		return STEP_ON;
	p->searching = 0;
	return next_python_state(t);
}

/* Makes the Python frames found part of the stack. */
static __always_inline void join_python(struct thread *t)
{
	const struct python_thread *p = &t->python;
	struct stack_hash h = { .id = t->stack.id, .check = t->check };

	t->stack.nr_python = 0;
	if (!want_python || !p->at.frame_bytes)
		return;
	t->stack.nr_python = p->nr;
	if (p->cut)
		t->stack.flags |= SEEP_PYTHON_CUT;
	hash_frame(&h, p->hash);
	hash_frame(&h, p->check);
	t->stack.id = h.id;
	t->check = h.check;
}

/* Of the code object as it is now, to stand in the second word of a pair. */
static __always_inline __u64 identity_of(const struct python_thread *p, __u64 code)
{
	__u64 name, lines;

	if (!code || !read_word(code + p->at.code_name, &name) ||
	    !read_word(code + p->at.code_lines, &lines))
		return 0;
	return SEEP_PYTHON_IDENTITY_OF(name, lines) << 33;
}

/* The i-th of them behind the native ones, as it is sent. */
__noinline int list_python_frame(thread_handle handle, __u32 i)
{
	struct thread *t = thread_of(handle);
	__u64 code, word, to;

	if (!t)
		return STEP_FAULT;
	code = *python_word(t, i, 0);
	word = *python_word(t, i, 1);
	to = t->stack.nr_frames + 2ULL * i;
	t->frames[masked(to, STACK_WORDS)] = code;
	t->frames[masked(to + 1, STACK_WORDS)] = word | identity_of(&t->python, code);
	return STEP_ON;
}

static __always_inline void list_python_frames(struct thread *t)
{
	if (!want_python)
		return;
	for (__u32 i = 0; i < SEEP_PYTHON_MAX && i < t->stack.nr_python; i++)
		list_python_frame(handle_of(t), i);
}

#endif

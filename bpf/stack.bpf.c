// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The user stack of the current thread: walked, hashed, and sent once.
 *
 * A walker fills t->frames, leaf first, from the registers at the probe: by tables
 * (table_walk.bpf.h) where the address space has them, else by frame pointers
 * (frame_walk.bpf.h). Both read the stack in windows, because a read of user memory costs
 * as much for some KiB as for 16 bytes.
 *
 * Where the process is CPython, the frames of its evaluator follow (python.bpf.h).
 *
 * A stack's id is a 64-bit hash over its address space and frames. A second, independent
 * hash is kept beside it: when it differs, two stacks share an id, and the later one gets
 * another id made of both.
 */
#include "emit.bpf.h"
#include "frame_walk.bpf.h"
#include "python.bpf.h"
#include "table_walk.bpf.h"

/* What all hashes of a thread's stacks begin with. */
static __always_inline struct stack_hash first_hash(const struct thread *t)
{
	return (struct stack_hash){ .id = t->space * 0x9e3779b185ebca87ULL, .check = t->space };
}

/* Whether the thread's space has mappings, and their generation in t->space_generation. */
static __always_inline bool find_mappings(struct thread *t)
{
	__u32 space_id = t->space, generation = *(volatile __u32 *)&mappings_generation;
	struct seep_unwind_space *space;

	if (t->asked_space == space_id && t->asked_generation == generation)
		return t->has_mappings;
	space = bpf_map_lookup_elem(&unwind_spaces, &space_id);
	t->has_mappings = !!space;
	t->space_generation = space ? space->generation : 0;
	t->asked_generation = generation;
	t->asked_space = space_id;
	return space;
}

__noinline int begin_stack(thread_handle handle, __u64 ip, __u64 sp, __u64 fp, __u64 lr)
{
	struct registers regs = { .ip = ip, .sp = sp, .fp = fp, .lr = lr };
	struct thread *t = thread_of(handle);
	struct stack_hash h;

	if (!t)
		return STEP_FAULT;
	regs.guess = !(t->cursor.flags & WALKED_EXACT);
	t->by_tables = have_tables && find_mappings(t);
	if (t->by_tables)
		return begin_tables(t, t->space_generation + table_generation, &regs);
	h = first_hash(t);
	hash_frame(&h, ip);
	begin_frames(t, &regs, &h);
	return STEP_ON;
}

__noinline int walk_on(thread_handle handle, int step)
{
	struct thread *t = thread_of(handle);

	if (!t)
		return STEP_FAULT;
	if (!t->by_tables)
		return walk_records(t);
	if (step == STEP_ON)
		step = walk_anew(t);
	return step == STEP_FOLLOW ? follow_past(t) : step;
}

/* Where the stack is if it has been sent. */
static __always_inline struct sent_stacks *set_of_stack(__u64 id)
{
	__u32 index = id >> 32 & (stack_sets - 1);

	return bpf_map_lookup_elem(&stacks, &index);
}

/* True when the stack has been sent under this id; *ret_taken when another one has. */
static __always_inline bool stack_is_known(struct thread *t, __u64 id, __u64 check, bool *ret_taken)
{
	struct sent_stack *own = &t->sent[masked(id, SENT_STACKS)];
	__u64 mark = MARK_OF_STACK(id, check);
	struct sent_stacks *set;

	*ret_taken = false;
	if (own->mark == mark && own->check == check)
		return true;
	set = set_of_stack(id);
	if (!set)
		return false;
#pragma unroll
	for (int i = 0; i < STACKS_A_SET; i++) {
		__u64 theirs = set->of[i].check;

		if ((set->of[i].mark ^ MARK_OF_STACK(0, theirs)) != id)
			continue;
		*ret_taken = theirs != check;
		if (*ret_taken)
			return false;
		own->mark = mark;
		own->check = check;
		return true;
	}
	return false;
}

/* The one that was sent first of its set is forgotten. */
static __always_inline void remember_stack(__u64 id, __u64 check)
{
	struct sent_stacks *set = set_of_stack(id);

	if (!set) {
		count(SEEP_COUNT_STACKS_FULL);
		return;
	}
#pragma unroll
	for (int i = STACKS_A_SET - 1; i; i--)
		set->of[i] = set->of[i - 1];
	set->of[0].mark = MARK_OF_STACK(id, check);
	set->of[0].check = check;
}

static __always_inline void send_stack(struct thread *t, __u64 id, __u64 check)
{
	__u64 size = (t->stack.nr_frames + t->stack.nr_python * 2ULL) * 8;
	bool python = t->stack.nr_python;

	t->stack.kind = SEEP_STACK;
	t->stack.space = t->space;
	t->stack.id = id;
	if (size > STACK_WORDS * 8)
		return;
	size += sizeof(t->stack);
	/* The names of Python's functions are in its memory, and end with it. */
	if (bpf_ringbuf_output(&ring, &t->stack, size,
			       python ? BPF_RB_FORCE_WAKEUP : wakeup_flags(size)))
		count(SEEP_COUNT_DROPPED_STACK);
	else
		remember_stack(id, check);
}

__noinline __u64 end_stack(thread_handle handle, int step)
{
	struct thread *t = thread_of(handle);
	__u64 id, check;
	bool taken;

	if (!t)
		return 0;
	if (t->by_tables) {
		struct stack_hash h = first_hash(t);

		end_tables(t, step, &h);
		t->stack.id = h.id;
		t->check = h.check;
	}
	join_python(t);
	id = t->stack.id;
	id |= !id;
	check = t->check;
	if (stack_is_known(t, id, check, &taken))
		return id;
	if (taken) {
		count(SEEP_COUNT_STACK_COLLISION);
		id = (id ^ check) * 0x9e3779b185ebca87ULL;
		id |= !id;
		if (stack_is_known(t, id, check, &taken))
			return id;
	}
	if (t->by_tables)
		list_walked_frames(t);
	list_python_frames(t);
	send_stack(t, id, check);
	return id;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

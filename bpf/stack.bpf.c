// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The user stack of the current thread: walked, hashed, and sent once.
 *
 * A walker fills t->frames, leaf first, from the registers at the probe: by tables
 * (table_walk.bpf.h) where the address space has them, else by frame pointers
 * (frame_walk.bpf.h). Both read the stack in windows, because a read of user memory costs
 * as much for 2 KiB as for 16 bytes.
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

__noinline int begin_stack(thread_handle handle, __u64 ip, __u64 sp, __u64 fp, __u64 lr)
{
	struct registers regs = { .ip = ip, .sp = sp, .fp = fp, .lr = lr };
	struct seep_unwind_space *space = NULL;
	struct thread *t = thread_of(handle);
	struct stack_hash h;
	__u32 space_id;

	if (!t)
		return STEP_FAULT;
	regs.guess = !(t->cursor.flags & WALKED_EXACT);
	space_id = t->space;
	if (have_tables)
		space = bpf_map_lookup_elem(&unwind_spaces, &space_id);
	t->by_tables = !!space;
	if (space)
		return begin_tables(t, space->generation + table_generation, &regs);
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
	return step == STEP_FOLLOW ? follow_past(t) : walk_anew(t);
}

static __always_inline struct sent_stack *sent_slot(struct thread *t, __u64 id)
{
	return &t->sent[masked(id, SENT_STACKS)];
}

/* True when the stack has been sent under this id; *ret_taken when another one has. */
static __always_inline bool stack_is_known(struct thread *t, __u64 id, __u64 check, bool *ret_taken)
{
	struct sent_stack *sent = sent_slot(t, id);
	__u64 *known;

	*ret_taken = false;
	if (sent->id == id && sent->check == check)
		return true;
	known = bpf_map_lookup_elem(&stacks, &id);
	*ret_taken = known && *known != check;
	if (!known || *ret_taken)
		return false;
	sent->id = id;
	sent->check = check;
	return true;
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
	else if (bpf_map_update_elem(&stacks, &id, &check, BPF_ANY))
		count(SEEP_COUNT_STACKS_FULL);
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

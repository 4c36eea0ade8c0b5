// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The user stack of the current thread: walked, hashed, and sent once.
 *
 * A walker fills t->frames, leaf first, from the registers at the probe: by tables
 * (table_walk.bpf.h) where the address space has them, else by frame pointers
 * (frame_walk.bpf.h). Both read the stack in windows, because a read of user memory costs
 * as much for 2 KiB as for 16 bytes.
 *
 * A stack's id is a 64-bit hash over its address space and frames. A second, independent
 * hash is kept beside it: when it differs, two stacks share an id, and the later one gets
 * another id made of both.
 */
#include "emit.bpf.h"
#include "frame_walk.bpf.h"
#include "table_walk.bpf.h"

static __always_inline void walk(enum walker walker, struct thread *t, const struct registers *regs)
{
	struct stack_hash h = { .id = t->space * 0x9e3779b185ebca87ULL, .check = t->space };
	struct seep_unwind_space *space = NULL;

	hash_frame(&h, regs->ip);
	if (walker == WALK_TABLES && have_tables)
		space = bpf_map_lookup_elem(&unwind_spaces, &t->space);
	if (walker == WALK_TABLES && space)
		walk_tables(t, space, regs, &h);
	else
		walk_frame_pointers(t, regs, &h);
	t->stack.id = h.id;
	t->check = h.check;
}

/* True when the stack has been sent under this id; *ret_taken when another one has. */
static __always_inline bool stack_is_known(__u64 id, __u64 check, bool *ret_taken)
{
	__u64 *known = bpf_map_lookup_elem(&stacks, &id);

	*ret_taken = known && *known != check;
	return known && *known == check;
}

static __always_inline void send_stack(struct thread *t, __u64 id, __u64 check)
{
	__u64 size = t->stack.nr_frames * 8ULL;

	t->stack.kind = SEEP_STACK;
	t->stack.space = t->space;
	t->stack.id = id;
	if (size > SEEP_STACK_MAX * 8)
		return;
	size += sizeof(t->stack);
	if (bpf_ringbuf_output(&ring, &t->stack, size, wakeup_flags(size)))
		count(SEEP_COUNT_DROPPED_STACK);
	else if (bpf_map_update_elem(&stacks, &id, &check, BPF_ANY))
		count(SEEP_COUNT_STACKS_FULL);
}

static __always_inline __u64 send_current_stack(enum walker walker, const struct registers *regs)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	__u64 id, check;
	bool taken;

	if (!t)
		return 0;
	walk(walker, t, regs);
	id = t->stack.id;
	id |= !id;
	check = t->check;
	if (stack_is_known(id, check, &taken))
		return id;
	if (taken) {
		count(SEEP_COUNT_STACK_COLLISION);
		id = (id ^ check) * 0x9e3779b185ebca87ULL;
		id |= !id;
		if (stack_is_known(id, check, &taken))
			return id;
	}
	send_stack(t, id, check);
	return id;
}

__noinline __u64 send_stack_by_tables(__u64 ip, __u64 sp, __u64 fp, __u64 lr, bool guess)
{
	struct registers regs = { .ip = ip, .sp = sp, .fp = fp, .lr = lr, .guess = guess };

	return send_current_stack(WALK_TABLES, &regs);
}

__noinline __u64 send_stack_by_frames(__u64 ip, __u64 sp, __u64 fp, __u64 lr, bool guess)
{
	struct registers regs = { .ip = ip, .sp = sp, .fp = fp, .lr = lr, .guess = guess };

	return send_current_stack(WALK_FRAME_POINTERS, &regs);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

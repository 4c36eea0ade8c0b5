// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The user stack of the current thread: walked by frame pointers, hashed, and sent once.
 *
 * A walker fills t->frames, leaf first, from the registers at the probe. The stack is
 * read in one window, because a read of user memory costs as much for 2 KiB as for 16
 * bytes; frames beyond the window are read one at a time.
 *
 * A stack's id is a 64-bit hash over its address space and frames. A second, independent
 * hash is kept beside it: when it differs, two stacks share an id, and the later one gets
 * another id made of both.
 */
#include "emit.bpf.h"
#include "unwind.bpf.h"

/*
 * The saved frame pointer and return address at t->record.fp take its place. The index is
 * masked, so that the verifier sees it stay inside the window.
 */
static __always_inline bool next_frame(struct thread *t, __u64 base)
{
	__u64 fp = t->record.fp, distance = fp - base;
	__u32 i = (distance >> 3) & (STACK_WINDOW / 8 - 1);

	if (distance >= t->window_bytes)
		return !bpf_probe_read_user(&t->record, sizeof(t->record), (void *)fp);
	t->record.fp = t->window[i];
	t->record.return_address = t->window[(i + 1) & (STACK_WINDOW / 8 - 1)];
	return true;
}

#define LARGEST_STACK (64 << 20)	/* a frame further off is not one */

/* Two multiply-and-rotate hashes with unlike constants (those of xxHash64). */
struct stack_hash {
	__u64 id;
	__u64 check;
};

static __always_inline void hash_frame(struct stack_hash *h, __u64 pc)
{
	h->id = (h->id ^ pc) * 0xc2b2ae3d27d4eb4fULL;
	h->id ^= h->id >> 29;
	h->check = (h->check + pc) * 0x165667b19e3779f9ULL;
	h->check ^= h->check >> 32;
}

/* Reads the window and sets t->record to the first return address. */
static __always_inline void begin_walk(struct thread *t, const struct registers *regs)
{
	t->window_bytes = 0;
	if (!bpf_probe_read_user(t->window, STACK_WINDOW, (void *)regs->sp))
		t->window_bytes = STACK_WINDOW - 8;
	t->stack.flags = regs->guess ? SEEP_STACK_GUESS : 0;
	t->record.fp = regs->fp;
	t->record.return_address = regs->lr ?: t->window[0];
	if (!t->window_bytes && !regs->lr)
		bpf_probe_read_user(&t->record.return_address, 8, (void *)regs->sp);
	/* Not 0, or the walk would end where only the guess is wrong. */
	if (regs->guess)
		t->record.return_address |= !t->record.return_address;
}

/*
 * Leaves the frames in t->frames and the rest in t->stack: their number, what is wrong,
 * and the hash. The state of the walk is kept in the map, not in registers: what comes
 * from there is any number to the verifier, so that it follows one path a frame.
 */
static __always_inline void walk_frame_pointers(struct thread *t, const struct registers *regs)
{
	struct stack_hash h = { .id = t->space * 0x9e3779b185ebca87ULL, .check = t->space };
	__u32 n;

	begin_walk(t, regs);
	t->frames[0] = regs->ip;
	hash_frame(&h, regs->ip);
	for (n = 1; n < SEEP_STACK_MAX; n++) {
		__u64 pc = t->record.return_address, fp = t->record.fp;

		if (!pc)
			break;
		t->frames[n] = pc;
		hash_frame(&h, pc);
		/* The chain ends at 0, or where the register was used for something else. */
		if (fp - regs->sp > LARGEST_STACK || fp & 7) {
			t->record.return_address = 0;
		} else if (!next_frame(t, regs->sp)) {
			count(SEEP_COUNT_STACK_FAULT);
			t->stack.flags |= SEEP_STACK_CUT;
			t->record.return_address = 0;
		} else if (t->record.fp <= fp) {
			t->record.fp = 0;
		}
	}
	t->stack.nr_frames = n;
	if (n == SEEP_STACK_MAX)
		t->stack.flags |= SEEP_STACK_CUT;
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

__noinline __u64 send_current_stack(__u64 ip, __u64 sp, __u64 fp, __u64 lr, bool guess)
{
	struct registers regs = { .ip = ip, .sp = sp, .fp = fp, .lr = lr, .guess = guess };
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	__u64 id, check;
	bool taken;

	if (!t)
		return 0;
	walk_frame_pointers(t, &regs);
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";

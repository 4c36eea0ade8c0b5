/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records into the ring. A record that finds no room is counted by what its loss does to
 * the figures; a lost release also taints its address space.
 */
#ifndef SEEP_EMIT_BPF_H
#define SEEP_EMIT_BPF_H

#include "maps.bpf.h"

/*
 * Waking the collector costs the traced thread a microsecond or two, so it is done once
 * each time that the waiting bytes cross the mark; otherwise the collector looks by itself.
 */
static __always_inline __u64 wakeup_flags(__u64 size)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	if (waiting >= wakeup_bytes && waiting < wakeup_bytes + size + BPF_RINGBUF_HDR_SZ)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/*
 * The time as it was at some moment of this tick of the kernel's timer: the clock costs as
 * much as a record, and blocks are told apart by age in steps of far more than a tick.
 */
static __always_inline __u64 time_of(struct thread *t)
{
	__u64 tick = bpf_jiffies64();

	if (tick != t->tick) {
		t->tick = tick;
		t->time = bpf_ktime_get_ns();
	}
	return t->time;
}

static __always_inline void taint(__u32 space)
{
	__u64 *lost = bpf_map_lookup_elem(&tainted, &space);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

static __always_inline bool emit_alloc(struct thread *t, const struct call *call, __u8 kind,
				       __u64 address, __u64 size, __u16 flags)
{
	struct seep_alloc *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		/* A realloc that ends unseen leaves its old block in doubt. */
		count(kind == SEEP_REALLOC_END ? SEEP_COUNT_DROPPED_FREE
					       : SEEP_COUNT_DROPPED_ALLOC);
		if (kind == SEEP_REALLOC_END)
			taint(t->space);
		return false;
	}
	r->kind = kind;
	r->family = call->family;
	r->flags = call->flags | flags;
	r->space = t->space;
	r->tid = t->tid;
	r->op = call->op;
	r->address = address;
	r->size = size;
	r->stack = call->stack;
	r->time = time_of(t);
	bpf_ringbuf_submit(r, wakeup_flags(sizeof(*r)));
	return true;
}

static __always_inline void emit_free(struct thread *t, __u8 kind, __u8 family, __u8 op,
				      __u64 address, __u16 flags)
{
	struct seep_free *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		count(SEEP_COUNT_DROPPED_FREE);
		taint(t->space);
		return;
	}
	r->kind = kind;
	r->family = family;
	r->flags = flags;
	r->space = t->space;
	r->tid = t->tid;
	r->op = op;
	r->address = address;
	/* The clock costs as much as the record; the collector has a time that is good enough. */
	r->time = 0;
	bpf_ringbuf_submit(r, wakeup_flags(sizeof(*r)));
}

static __always_inline void emit_map(struct thread *t, __u8 kind, __u64 address, __u64 size,
				     __u64 stack, __u16 flags)
{
	struct seep_map *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		count(SEEP_COUNT_DROPPED_OTHER);
		if (kind != SEEP_MAP)
			taint(t->space);
		return;
	}
	r->kind = kind;
	r->family = SEEP_FAMILY_MAPPING;
	r->flags = flags;
	r->space = t->space;
	r->tid = t->tid;
	r->tgid = t->tgid;
	r->address = address;
	r->size = size;
	r->stack = stack;
	r->time = time_of(t);
	bpf_ringbuf_submit(r, wakeup_flags(sizeof(*r)));
}

/* Wakes the collector: somebody waits for it. */
static __always_inline void wake_collector(void)
{
	__u64 *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (r)
		bpf_ringbuf_discard(r, BPF_RB_FORCE_WAKEUP);
}

#endif

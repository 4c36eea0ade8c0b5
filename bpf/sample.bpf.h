/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sampling by bytes. Sample points lie on the stream of allocated bytes as a Poisson
 * process of one point in sample_bytes, by a counter per CPU; a block is sampled when at
 * least one point falls into it, so with probability 1 - exp(-size / sample_bytes), and
 * user space weights it by the inverse. The process has no memory, so it does not matter
 * which thread runs down which CPU's counter.
 */
#ifndef SEEP_SAMPLE_BPF_H
#define SEEP_SAMPLE_BPF_H

#include "maps.bpf.h"

static __always_inline bool sample_hits(__u64 size)
{
	__u32 zero = 0, quantile;
	struct seep_sampling *state = bpf_map_lookup_elem(&sampling, &zero);
	__u64 *next;

	if (!state)
		return false;
	/* A block of no bytes counts as one, or it could never be seen. */
	if (size > 1ULL << 62)
		size = 1ULL << 62;
	state->distance -= size ?: 1;
	if (state->distance > 0) {
		state->passed_over++;
		return false;
	}
	quantile = bpf_get_prandom_u32() & (SAMPLE_QUANTILES - 1);
	next = bpf_map_lookup_elem(&sample_quantiles, &quantile);
	if (next)
		state->distance = *next;
	return true;
}

/*
 * How many samples are live whose address has this hash: nearly all frees are of blocks
 * that are none, and need not be looked up among those that are.
 */
#define SAMPLE_MARKS 65536
__u32 sample_marks[SAMPLE_MARKS] __weak = {};

static __always_inline __u32 *sample_mark(__u64 address)
{
	__u64 index = address * 0x9e3779b97f4a7c15ULL >> 48;

	barrier_var(index);
	return &sample_marks[index & (SAMPLE_MARKS - 1)];
}

static __always_inline bool sampled_may_be_live(__u64 address)
{
	return *(volatile __u32 *)sample_mark(address);
}

/* True when it was there. */
static __always_inline bool sampled_forget(__u32 space, __u64 address)
{
	struct sampled_key key = { .address = address, .space = space };

	if (bpf_map_delete_elem(&sampled, &key))
		return false;
	__sync_fetch_and_add(sample_mark(address), -1);
	return true;
}

/* False when the table is full: the sample is given up, and counted. */
static __always_inline bool sampled_remember(__u32 space, __u64 address)
{
	struct sampled_key key = { .address = address, .space = space };
	__u8 live = 1;

	/* Before the entry, or a free could miss it; an address that is there is not new. */
	__sync_fetch_and_add(sample_mark(address), 1);
	if (!bpf_map_update_elem(&sampled, &key, &live, BPF_NOEXIST))
		return true;
	__sync_fetch_and_add(sample_mark(address), -1);
	if (bpf_map_lookup_elem(&sampled, &key))
		return true;
	count(SEEP_COUNT_SAMPLED_FULL);
	return false;
}

#endif

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
	__s64 *distance = bpf_map_lookup_elem(&sample_distance, &zero);
	__u64 *next;

	if (!distance)
		return false;
	/* A block of no bytes counts as one, or it could never be seen. */
	if (size > 1ULL << 62)
		size = 1ULL << 62;
	*distance -= size ?: 1;
	if (*distance > 0)
		return false;
	quantile = bpf_get_prandom_u32() & (SAMPLE_QUANTILES - 1);
	next = bpf_map_lookup_elem(&sample_quantiles, &quantile);
	if (next)
		*distance = *next;
	return true;
}

/* True when it was there. */
static __always_inline bool sampled_forget(__u32 space, __u64 address)
{
	struct sampled_key key = { .address = address, .space = space };

	return !bpf_map_delete_elem(&sampled, &key);
}

/* False when the table is full: the sample is given up, and counted. */
static __always_inline bool sampled_remember(__u32 space, __u64 address)
{
	struct sampled_key key = { .address = address, .space = space };
	__u8 live = 1;

	if (!bpf_map_update_elem(&sampled, &key, &live, BPF_ANY))
		return true;
	count(SEEP_COUNT_SAMPLED_FULL);
	return false;
}

#endif

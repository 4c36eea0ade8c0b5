/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rule of a thread's cursor: as this thread last had it, as any thread had it, or as the
 * tables have it. Entries of both caches say what they are good for, so that nothing need be
 * forgotten when mappings change; those of the shared one are checked, since threads write
 * there without a lock.
 */
#ifndef SEEP_RULE_CACHE_BPF_H
#define SEEP_RULE_CACHE_BPF_H

#include "table_lookup.bpf.h"
#include "unwind.bpf.h"

#define KEY_GENERATION_BITS 15 /* of a cached rule's key */

/* What a cached rule is good for: this pc, as the mappings are now. */
static __always_inline __u64 cache_key(const struct thread *t)
{
	return (t->cursor.pc << 1 | (t->cursor.flags & WALKED_EXACT)) ^ (__u64)t->rules_generation
										<< 49;
}

/* Of an entry of shared_rules with these contents: over what it is good for, and all of it. */
static __always_inline __u64 shared_check(const struct thread *t, __u64 key, __u64 frame,
					  const struct seep_unwind_rule *rule)
{
	const __u64 *words = (const void *)rule;
	__u64 h = (key ^ frame) * 0x9e3779b185ebca87ULL;

	h ^= (__u64)t->rules_generation << 32 | t->space;
	h = (h ^ h >> 32 ^ words[0]) * 0xc2b2ae3d27d4eb4fULL;
	h = (h ^ h >> 29 ^ words[1]) * 0x165667b19e3779f9ULL;
	return h ^ h >> 32;
}

/* In 64 bits: verifiers before 5.13 lose the bound of what is widened after it was checked. */
static __always_inline struct cached_rule *rule_at(struct thread *t, __u64 slot)
{
	barrier_var(slot);
	if (slot >= RULE_CACHE)
		slot = 0;
	return &t->rules[slot];
}

/* Leaves the rule for the cursor's pc, as the tables have it, in t->rules[slot]. */
__noinline int search_rule(thread_handle handle, __u32 slot)
{
	struct thread *t = thread_of(handle);
	struct seep_unwind_mapping *m = NULL;
	__u32 space_id, id = SEEP_UNWIND_NO_RULE;
	struct seep_unwind_space *space;
	struct seep_unwind_rule *rule;
	struct cached_rule *cached;
	__u64 pc;

	if (!t)
		return STEP_FAULT;
	cached = rule_at(t, slot);
	pc = t->cursor.pc - !(t->cursor.flags & WALKED_EXACT);
	space_id = t->space;
	space = bpf_map_lookup_elem(&unwind_spaces, &space_id);
	if (space)
		m = find_code(space, pc, &t->fresh);
	if (m)
		id = find_rule(m->table, pc - m->bias);
	cached->frame = t->cursor.pc;
	cached->rule.cfa = SEEP_CFA_NONE;
	rule = bpf_map_lookup_elem(&unwind_rules, &id);
	if (rule)
		cached->rule = *rule;
	if (m && m->table)
		cached->frame = SEEP_FRAME(m->table, SEEP_FRAME_ELF(t->cursor.pc - m->bias));
	cached->key = cache_key(t);
	/*
	 * Outside of all code: not even a frame pointer is worth trying. But not for good: a JIT
	 * takes the right to run from pages that it writes to, and their callers are on the stack.
	 */
	if (!m) {
		cached->rule.cfa = SEEP_CFA_COUNT;
		cached->key = 0;
	}
	return STEP_ON;
}

static __always_inline struct cached_rule *rule_of_cursor(struct thread *t)
{
	__u64 key = cache_key(t), hash = key * 0x9e3779b97f4a7c15ULL;
	__u32 index = (hash ^ t->space * 0x85ebca6bU) >> 32 & (SHARED_RULES - 1);
	__u32 slot = (hash >> 32) * RULE_CACHE >> 32;
	struct shared_rule *shared;
	struct cached_rule *cached;

	cached = rule_at(t, slot);
	if (cached->key == key)
		return cached;
	shared = bpf_map_lookup_elem(&shared_rules, &index);
	if (!shared)
		return cached;
	cached->frame = shared->frame;
	cached->rule = shared->rule;
	cached->key = key;
	if (shared->check == shared_check(t, key, cached->frame, &cached->rule))
		return cached;
	cached->key = 0;
	search_rule(handle_of(t), slot);
	if (!cached->key)
		return cached;
	shared->frame = cached->frame;
	shared->rule = cached->rule;
	shared->check = shared_check(t, cached->key, cached->frame, &cached->rule);
	return cached;
}

/* Keys hold the generation's low bits: rules of one that has the same ones are forgotten. */
static __always_inline void begin_generation(struct thread *t, __u32 generation)
{
	if ((t->rules_generation ^ generation) >> KEY_GENERATION_BITS)
		for (int i = 0; i < RULE_CACHE; i++)
			t->rules[i].key = 0;
	t->rules_generation = generation;
}

#endif

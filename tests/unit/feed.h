/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records by hand, for the tests of the heap. Times are milliseconds since the capture began. */
#ifndef SEEP_TESTS_FEED_H
#define SEEP_TESTS_FEED_H

#include "heap/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define START_NS 1000000000ULL
#define MS 1000000ULL

static inline uint64_t at_ms(uint64_t ms)
{
	return START_NS + ms * MS;
}

static inline struct seep_alloc an_alloc(uint32_t space, uint64_t address, uint64_t size,
					 uint64_t stack, uint64_t ms)
{
	return (struct seep_alloc){ .kind = SEEP_ALLOC,
				    .family = 1,
				    .space = space,
				    .tid = 1,
				    .op = SEEP_OP_MALLOC,
				    .address = address,
				    .size = size,
				    .stack = stack,
				    .time = at_ms(ms) };
}

static inline struct seep_free a_free(uint32_t space, uint64_t address, uint64_t ms)
{
	return (struct seep_free){ .kind = SEEP_FREE,
				   .family = 1,
				   .space = space,
				   .tid = 1,
				   .op = SEEP_OP_FREE,
				   .address = address,
				   .time = at_ms(ms) };
}

static inline int feed_alloc(struct heap *h, uint32_t space, uint64_t address, uint64_t size,
			     uint64_t stack, uint64_t ms)
{
	struct seep_alloc a = an_alloc(space, address, size, stack, ms);

	return heap_alloc(h, &a);
}

static inline int feed_free(struct heap *h, uint32_t space, uint64_t address, uint64_t ms)
{
	struct seep_free f = a_free(space, address, ms);

	return heap_release(h, &f);
}

static inline int feed_realloc_begin(struct heap *h, uint32_t space, uint32_t tid, uint64_t address,
				     uint64_t ms)
{
	struct seep_free f = a_free(space, address, ms);

	f.kind = SEEP_REALLOC_BEGIN;
	f.op = SEEP_OP_REALLOC;
	f.tid = tid;
	return heap_realloc_begin(h, &f);
}

static inline int feed_realloc_end(struct heap *h, uint32_t space, uint32_t tid, uint64_t address,
				   uint64_t size, uint64_t stack, uint16_t flags, uint64_t ms)
{
	struct seep_alloc a = an_alloc(space, address, size, stack, ms);

	a.kind = SEEP_REALLOC_END;
	a.op = SEEP_OP_REALLOC;
	a.tid = tid;
	a.flags = flags;
	return heap_realloc_end(h, &a);
}

static inline int feed_space(struct heap *h, uint8_t kind, uint8_t reason, uint32_t space,
			     uint32_t parent, uint32_t tgid, uint64_t ms)
{
	struct seep_space s = { .kind = kind,
				.reason = reason,
				.space = space,
				.tgid = tgid,
				.ns_tgid = tgid,
				.parent = parent,
				.start_time = tgid,
				.time = at_ms(ms) };

	memcpy(s.comm, "service", 8);
	return heap_space(h, &s);
}

static inline int feed_map(struct heap *h, uint8_t kind, uint32_t space, uint32_t tid,
			   uint64_t address, uint64_t size, uint64_t stack, uint16_t flags,
			   uint64_t ms)
{
	struct seep_map m = { .kind = kind,
			      .family = SEEP_FAMILY_MAPPING,
			      .space = space,
			      .tid = tid,
			      .address = address,
			      .size = size,
			      .stack = stack,
			      .flags = flags,
			      .time = at_ms(ms) };

	return heap_mapping(h, &m);
}

/* Stacks are named by their number: index n in the profile is stack n. */
static inline uint32_t stack_by_number(void *context, uint32_t space, uint64_t stack,
				       struct profile *profile)
{
	return (uint32_t)stack;
}

static inline struct profile *filled(struct heap *h, uint64_t ms, const struct heap_filter *filter)
{
	static const struct heap_naming naming = { .add_stack = stack_by_number };
	struct profile *p = profile_new();

	if (p && heap_fill(h, at_ms(ms), filter, false, 1000, &naming, p)) {
		profile_free(p);
		return NULL;
	}
	return p;
}

/* The first site of the pid and stack; NULL when there is none. */
static inline const struct profile_site *site_of(const struct profile *p, uint32_t pid,
						 uint32_t stack)
{
	for (size_t i = 0; i < p->nr_sites; i++)
		if (p->processes[p->sites[i].process].pid == pid && p->sites[i].stack == stack)
			return &p->sites[i];
	return NULL;
}

enum { PID = 42 };

static inline struct heap *new_heap(uint64_t max_bytes, uint64_t sample_bytes)
{
	struct heap_options options = { .start_time = START_NS,
					.max_bytes = max_bytes,
					.sample_bytes = sample_bytes };
	struct heap *h = heap_new(&options);

	assert_non_null(h);
	assert_int_equal(feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_SEEN, 1, 0, PID, 0), 0);
	return h;
}

/* Live bytes and count, and count of allocations and frees, of a stack. */
static inline void check_stack(struct heap *h, uint32_t pid, uint32_t stack, uint64_t bytes,
			       uint64_t count, uint64_t allocs, uint64_t frees)
{
	struct profile *p = filled(h, 5000, NULL);
	const struct profile_site *s;

	assert_non_null(p);
	s = site_of(p, pid, stack);
	assert_non_null(s);
	assert_int_equal(s->live_bytes, bytes);
	assert_int_equal(s->live_count, count);
	assert_int_equal(s->alloc_count, allocs);
	assert_int_equal(s->free_count, frees);
	profile_free(p);
}

#endif

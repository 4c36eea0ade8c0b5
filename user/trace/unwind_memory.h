/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who has which part of the unwind memory (bpf/unwind_table.h). It grows by chunks up to a
 * bound. What is given back is used again only when no program can still read it: those that
 * ran then have ended, and where a program may have passed it on in a record (a forked
 * process shares its parent's mappings) that record has been read.
 */
#ifndef SEEP_TRACE_UNWIND_MEMORY_H
#define SEEP_TRACE_UNWIND_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unwind_memory;

/* The kernel side, or what stands in for it. */
struct unwind_backing {
	void *context;
	int (*grow)(void *context, size_t nr_chunks); /* 0 or -errno */
	void (*wait)(void *context); /* until all programs that run now have ended */
	/* of the records, in bytes since the beginning: written, and read */
	uint64_t (*written)(void *context);
	uint64_t (*read)(void *context);
};

/* `words` has room for max_chunks. NULL: no memory. */
struct unwind_memory *unwind_memory_new(const struct unwind_backing *backing, uint32_t *words,
					size_t max_chunks);
void unwind_memory_free(struct unwind_memory *memory);
uint32_t *unwind_memory_words(const struct unwind_memory *memory);

/* A part, in words; first == end: none. */
struct unwind_part {
	uint64_t first, end;
};

/* Where `what` ends if it begins at word `first`. */
typedef uint64_t (*unwind_end_fn)(const void *what, uint64_t first);

/*
 * Finds room. `align` in words, a power of two; `least` is what it takes at least. 0; -ENOSPC
 * when there is none now: what was given back may make some later; -ENOMEM, -errno of grow.
 */
int unwind_memory_take(struct unwind_memory *memory, uint64_t align, uint64_t least,
		       unwind_end_fn end_of, const void *what, struct unwind_part *ret_part);

/* Embedded in what a record that has not been read may lead to; told when it is free. */
struct unwind_owner {
	void (*released)(struct unwind_owner *owner);
};

/* `owner`: NULL when no record can lead to the part. 0 or -ENOMEM: it is lost then. */
int unwind_memory_give(struct unwind_memory *memory, struct unwind_part part,
		       struct unwind_owner *owner);
/* A record did lead to it: it is not given back after all. False when it is free already. */
bool unwind_memory_keep(struct unwind_memory *memory, const struct unwind_owner *owner);
/*
 * Makes what was given back free where that can be done now. Waits for programs (some
 * milliseconds) when there is something to wait for. True when something became free.
 */
bool unwind_memory_settle(struct unwind_memory *memory);
/* How often programs were waited for: what was given up at one count is unused at the next. */
uint64_t unwind_memory_waits(const struct unwind_memory *memory);

struct unwind_memory_stats {
	size_t chunks, max_chunks;
	uint64_t words_used; /* given ones, as long as they are not free again, too */
	uint64_t words_waiting;
};
struct unwind_memory_stats unwind_memory_stats(const struct unwind_memory *memory);

#endif

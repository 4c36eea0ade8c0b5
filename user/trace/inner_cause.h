/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a process with a garbage collector grows: what its objects tell and what its
 * allocators tell, together. Plain numbers in, a word and a sentence out.
 */
#ifndef SEEP_TRACE_INNER_CAUSE_H
#define SEEP_TRACE_INNER_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "runtime/cause.h"

#define INNER_CAUSE_TEXT 640

enum inner_cause_kind {
	INNER_TOO_LITTLE, /* data */
	INNER_NONE,
	INNER_CONTAINER, /* one that keeps growing */
	INNER_FILLING, /* one that grows up to a limit of its own */
	INNER_LOADING, /* modules of code: as many as there are */
	INNER_CYCLE, /* that nobody collects */
	INNER_UNCOLLECTABLE,
	INNER_HELD_FROM_C, /* references that C never gave back */
	INNER_C_MODULE, /* memory of C beside the objects */
	INNER_OVERFLOW, /* much was loaded at once */
	INNER_RETENTION, /* nothing grows but what is resident */
	INNER_OBJECTS, /* more and more, but in no one container */
	INNER_UNTRACKED, /* memory of the interpreter's own, in objects that it does not list */
};

struct inner_container {
	const char *path; /* NULL: it was not asked who holds it */
	const char *type; /* NULL: there is none */
	const char *holds; /* mostly; NULL unknown */
	uint64_t length, bytes;
	int64_t growth;
	int64_t capacity; /* -1 no limit */
};

/* Allocation sites that grow. */
struct inner_native {
	double rate, blocks; /* bytes and blocks a second */
	const char *place; /* of the one that grows most; NULL unknown */
};

struct inner_cause_numbers {
	size_t looks;
	double seconds; /* from the first to the last */
	size_t holder_looks; /* of these so many asked who holds the objects */
	bool counted_only; /* the objects are too many to ask who holds them */
	bool grew; /* resident memory did meanwhile */
	struct cause cause; /* by who holds them */
	uint64_t objects;
	int64_t objects_growth;
	struct inner_container growing; /* the one that keeps growing, or fills */
	struct inner_container loaded; /* the largest of those that grew once */
	/* Of the types that keep growing the one that grew most; NULL: none does. */
	const char *type;
	int64_t type_growth;
	int64_t modules_growth; /* of code */
	const char *dead_type, *held_type, *garbage_type; /* most of each; NULL unknown */
	int gc_enabled; /* -1 unknown */
	struct inner_native native; /* in other code than the interpreter's */
	struct inner_native own; /* in the interpreter's */
	struct inner_native
		unclear; /* in other code, where hardly anything was freed: not proven */
	/* Of the process, by its memory alone. */
	enum profile_verdict verdict;
	bool still; /* it called no allocator, and its memory did not become more */
	double cpu_share; /* of a processor that it used */
	uint64_t live_bytes, rss_bytes;
};

struct inner_cause {
	enum inner_cause_kind kind;
	enum profile_verdict verdict; /* of the process, all taken together */
	char reason[INNER_CAUSE_TEXT]; /* a sentence or two, with the full stop */
};

void inner_cause_decide(const struct inner_cause_numbers *numbers, struct inner_cause *ret_cause);
const char *inner_cause_name(enum inner_cause_kind kind);

#endif

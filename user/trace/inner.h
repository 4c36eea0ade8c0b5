/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The objects inside of traced processes, looked at now and then by a thread of its own
 * through user/runtime: how many there are of each type, and who holds them. Processes whose
 * runtime is not known are left alone.
 */
#ifndef SEEP_TRACE_INNER_H
#define SEEP_TRACE_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/why.h"

struct inner;

/* What the looks at one process have shown so far. */
struct inner_seen {
	char *runtime; /* "python 3.11.2"; NULL: it has none that is known */
	const char *runtime_name; /* "python" */
	size_t looks;
	double seconds; /* from the first to the last */
	double cost; /* processor time */
	bool counted_only; /* too many to ask who holds them */
	bool many; /* too many to ask at each look: it is asked once something has grown */
	size_t holder_looks; /* how often it was asked */
	bool grew; /* resident memory, since the first look */
	/* Of many: the container that keeps growing and grew most; its type NULL: there is none. */
	struct {
		char *type;
		uint64_t length;
		int64_t growth;
		bool named; /* `why` has it */
	} container;
	struct why *why; /* the last; NULL none */
	uint64_t objects;
	int64_t objects_growth;
	char *type; /* that keeps growing and grew most; NULL none */
	int64_t type_growth;
	int gc_enabled; /* -1 unknown */
	double cpu_share; /* of one processor that it has used since it was added */
};

/* NULL: no memory. */
struct inner *inner_new(void);
/* Waits for a look that has begun. */
void inner_free(struct inner *inner);

/* A process to look at; one that is known is not added again. 0 or -ENOMEM. */
int inner_add(struct inner *inner, pid_t pid);
/* It has ended: what was seen stays. */
void inner_end(struct inner *inner, pid_t pid);
/* It has called exec: another program, looked at from the beginning. */
void inner_restart(struct inner *inner, pid_t pid);
/* The looks are spread such that several fall in so many seconds; negative: not known. */
void inner_pace(struct inner *inner, double seconds);
/* A last look at all for a report, where that is not too much. */
void inner_ask(struct inner *inner);
/* Has the time not sufficed to tell of one what grows, where something does? */
bool inner_is_short(struct inner *inner);
/* Is a look that was asked for not done yet? */
bool inner_asked(struct inner *inner);

/*
 * Calls `fn` with what is known of the process, which must not change meanwhile. False: it
 * is not looked at, or nothing was seen yet.
 */
bool inner_tell(struct inner *inner, pid_t pid,
		void (*fn)(void *context, const struct inner_seen *seen), void *context);

#endif

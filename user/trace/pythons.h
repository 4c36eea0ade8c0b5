/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The traced processes that are CPython: tells the kernel side where their frames are, and
 * names what it sends.
 */
#ifndef SEEP_TRACE_PYTHONS_H
#define SEEP_TRACE_PYTHONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/kernel.h"
#include "stack/symbols.h"

struct pythons;

struct python_name {
	const char *function; /* never NULL */
	const char *file; /* NULL unknown */
	uint32_t line; /* 0 unknown */
};

/* `kernel` (NULL: none is told) and `modules` must outlive it. NULL: no memory. */
struct pythons *pythons_new(struct kernel *kernel, struct modules *modules);
void pythons_free(struct pythons *pythons);

/* The maps of the space have been read: is there an interpreter in them? 0 or -ENOMEM. */
int pythons_refresh(struct pythons *pythons, uint32_t space, pid_t pid);
/* The child is what its parent is; the kernel side knows by itself. 0 or -ENOMEM. */
int pythons_fork(struct pythons *pythons, uint32_t parent, uint32_t child, pid_t pid);
/* The space has ended: no more is read of it. */
void pythons_forget(struct pythons *pythons, uint32_t space);

/* Is the place in the code of an interpreter that runs Python frames? */
bool pythons_is_evaluator(const struct pythons *pythons, const struct place *place);

/*
 * The number of what a Python frame (bpf/event.h) is in, read from the process now;
 * PROFILE_NONE for a frame that is not the program's. -ENOMEM, else 0: a frame that cannot be
 * read has a name that says so.
 */
int pythons_frame(struct pythons *pythons, uint32_t space, uint64_t code, uint64_t word,
		  uint32_t *ret_name);
struct python_name pythons_name(const struct pythons *pythons, uint32_t name);

/* "python 3.11.2"; NULL for a space that is none. Lives as long as `pythons`. */
const char *pythons_runtime(const struct pythons *pythons, uint32_t space);
/* Interpreters whose evaluator was not found: their stacks are not in order. */
size_t pythons_without_evaluator(const struct pythons *pythons);
size_t pythons_bytes(const struct pythons *pythons);

#endif

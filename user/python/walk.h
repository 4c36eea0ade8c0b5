/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a walker of Python frames has to know of an interpreter, from its file alone. */
#ifndef SEEP_PYTHON_WALK_H
#define SEEP_PYTHON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/layout.h"

struct python_range {
	uint64_t start, end;
};

/* Addresses are the file's own. */
struct python_walk {
	struct python_layout layout;
	char version[32];
	uint64_t runtime; /* _PyRuntime; 0 before 3.7 */
	uint64_t current; /* _PyThreadState_Current, a pointer: 2.7 and 3.6 */
	/* The code of the evaluator, the functions that run a frame each; none: not found. */
	struct python_range *evaluator;
	size_t nr_evaluator, cap_evaluator;
};

/*
 * 0; -ENOENT: no CPython is in this file; -ENOTSUP: one of a version, or of a kind, that is not
 * known; -ENOMEM. Free with python_walk_release, which accepts a zeroed struct.
 */
int python_walk_read(int fd, const char *path, struct python_walk *ret_walk);
void python_walk_release(struct python_walk *walk);

/* In python/evaluator.c: the evaluator's code and `current`, of an interpreter of 2.x or 3.x. */
int python_evaluator_read(int fd, struct python_walk *walk);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Patterns that select processes: a glob (fnmatch(3)) of the name, the program or the cgroup,
 * "comm:GLOB", "exe:GLOB", "cgroup:GLOB"; without such a beginning, of any of the three.
 */
#ifndef SEEP_SWEEP_PATTERN_H
#define SEEP_SWEEP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { SWEEP_PATTERN_LENGTH = 255, SWEEP_PATTERNS_MOST = 1024 };

enum sweep_field {
	SWEEP_ANY = 0,
	SWEEP_COMM,
	SWEEP_EXE, /* the path or its last part */
	SWEEP_CGROUP, /* the path, or that of a cgroup above it */
};

struct sweep_pattern {
	enum sweep_field field;
	const char *glob; /* part of the text it was made of, which must last */
};

struct sweep_patterns {
	struct sweep_pattern *items;
	size_t nr, cap;
};

/* 0; -EINVAL: empty, or too long; -E2BIG: too many; -ENOMEM. */
int sweep_patterns_add(struct sweep_patterns *patterns, const char *text);
void sweep_patterns_release(struct sweep_patterns *patterns);

/* Whether any asks for the program, which costs a call to find out. */
bool sweep_patterns_ask_exe(const struct sweep_patterns *patterns);
/* Whether one matches. NULL for what is not known. */
bool sweep_patterns_match(const struct sweep_patterns *patterns, const char *comm, const char *exe,
			  const char *cgroup);

/* fnmatch of text that may be long and foreign. */
bool sweep_glob(const char *glob, const char *text);

#endif

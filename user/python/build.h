/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this process CPython, which version, and where are its roots? What its files say. */
#ifndef SEEP_PYTHON_BUILD_H
#define SEEP_PYTHON_BUILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/maps.h"

/* Addresses in the process; 0 unknown or not there. */
struct python_build {
	uint8_t major, minor, micro; /* micro 255 unknown */
	char version[32]; /* "3.11.2", "3.15.0rc1", "3.8" */
	uint64_t runtime; /* _PyRuntime; from 3.7 */
	uint64_t runtime_size; /* of its symbol or section; 0 unknown */
	uint64_t generation0; /* _PyGC_generation0: a pointer variable; 2.7 and 3.6 */
	/* Of gcmodule.c, 2.7 and 3.6, where .symtab was left in: */
	uint64_t enabled, collecting, garbage, generation_stats;
	char *path; /* of the file with the interpreter in it */
};

/*
 * Looks through the files that the process has mapped: libpython, or a program with the
 * interpreter in it. 0, -ENOENT (not CPython), -ENOTSUP (CPython, but of no version
 * between 2.7 and 3.15 that is known here: `ret_build` is set), -EACCES, -ENOMEM. Free with
 * python_build_release.
 */
int python_build_find(pid_t pid, const struct maps *maps, struct python_build *ret_build);
void python_build_release(struct python_build *build);

/* The same from one ELF file that is loaded at `bias`; for build_find and tests. */
int python_build_read(int fd, const char *path, uint64_t bias, struct python_build *ret_build);

#endif

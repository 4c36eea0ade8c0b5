/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The few shapes in which the kernel writes figures of memory. Pure; no allocation. */
#ifndef SEEP_PROC_MEMORY_TEXT_H
#define SEEP_PROC_MEMORY_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_UNLIMITED UINT64_MAX

/*
 * One number alone, or "max", which is MEMORY_UNLIMITED, as is what cgroup v1 writes for it
 * (a number near 2^63). -EBADMSG for anything else.
 */
int memory_text_bytes(const char *text, uint64_t *ret_bytes);

/*
 * The number after `name` at the start of a line, after blanks, a tab or a colon; a "kB" behind
 * it multiplies. -ENOENT when no line begins so, -EBADMSG when no number follows.
 */
int memory_text_field(const char *text, const char *name, uint64_t *ret_value);

/* The share of time, in percent, in which some or all tasks waited for memory. */
struct memory_pressure {
	bool known;
	double some_10, some_60, some_300; /* averages over so many seconds */
	double full_10, full_60, full_300;
};

/* Of a PSI file: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and "full". -EBADMSG. */
int memory_text_pressure(const char *text, struct memory_pressure *ret_pressure);

#endif

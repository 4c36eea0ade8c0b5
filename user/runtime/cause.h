/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of the known causes makes a process with a garbage collector grow, from plain
 * numbers. Knows no process.
 */
#ifndef SEEP_RUNTIME_CAUSE_H
#define SEEP_RUNTIME_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/growth.h"

enum cause_kind {
	CAUSE_TOO_LITTLE, /* data: growth takes three looks */
	CAUSE_NONE,
	CAUSE_CONTAINER, /* one that keeps growing */
	CAUSE_FILLING, /* one that grows up to a limit of its own */
	CAUSE_CYCLE, /* that nobody collects: the collector is off, or was told to spare them */
	CAUSE_UNCOLLECTABLE, /* garbage that the collector gave up */
	CAUSE_HELD_FROM_C, /* more and more objects whose references nobody gave back */
};

struct cause_numbers {
	size_t looks;
	double seconds; /* from the first to the last */
	/* Of the container that keeps growing and grew most; 0, TREND_FLAT: there is none. */
	int64_t container_growth;
	double container_seconds; /* in that time; 0: in `seconds` */
	uint64_t container_length;
	enum growth_trend container_trend;
	int64_t container_capacity; /* -1: no limit */
	int64_t modules_growth; /* of code */
	enum growth_trend modules_trend;
	uint64_t objects; /* of the process */
	uint64_t dead, dead_before; /* now, and at the first look */
	enum growth_trend dead_trend;
	uint64_t held, held_before;
	enum growth_trend held_trend;
	int gc_enabled; /* -1 not known */
	int64_t frozen_growth; /* objects that the collector was told to spare, since the first look
				*/
	int64_t garbage; /* -1 not known */
};

struct cause {
	enum cause_kind kind;
	int64_t objects; /* that say so: grown by, or there */
	double rate; /* a second; 0 unknown */
};

/*
 * Fewer objects than this are chance: what threads hold just now; or than one in so many of
 * all: what changed hands while it was looked at.
 */
enum { CAUSE_LEAST = 100, CAUSE_LEAST_SHARE = 5000 };

struct cause cause_decide(const struct cause_numbers *numbers);
const char *cause_name(enum cause_kind kind);

#endif

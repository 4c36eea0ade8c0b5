/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What inner.c (the thread, the processes), inner_look.c (one look) and inner_pace.c (when, and
 * whom) share. Nobody else includes it.
 */
#ifndef SEEP_TRACE_INNER_INTERNAL_H
#define SEEP_TRACE_INNER_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "trace/inner.h"

enum {
	INNER_LEAST_LOOKS = 3,
	INNER_LEAST_GROWTH = 256 << 10, /* bytes: a process that runs moves by some pages */
};

struct inner_process {
	pid_t pid;
	bool ended, asked, restart; /* by the tracer */
	bool busy; /* the thread looks at it, without the lock */
	double added, cpu_added; /* CLOCK_MONOTONIC, and its processor time then */
	double due; /* CLOCK_MONOTONIC; when to look next */
	double first, last; /* looks */
	uint64_t rss_first; /* at the first look */
	double holders_due; /* when to ask again who holds them, where there are many */
	uint64_t need; /* of another look, as next_process has it */
	struct inner_seen seen;
	/* Of the thread alone. */
	struct runtime *runtime;
	struct why_log *holders;
	struct growth_log *counts;
	struct lengths *lengths;
	/* Processor time: of the last count, and of the last time that it was asked who holds them.
	 */
	double count_cost, holders_cost;
	uint64_t rss_asked, objects_asked; /* then */
	unsigned int opens;
};

struct inner {
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	bool stop;
	double trace_seconds; /* negative: not known */
	struct inner_process **processes;
	size_t nr_processes, cap_processes;
};

double inner_clock(clockid_t clock);

/* Opens the process's runtime unless it is open. 0 or -errno. */
int inner_open(struct inner_process *process);
/* What was read so far is of no use for another program, nor for an ended one. */
void inner_close(struct inner_process *process);
/* Fills *seen, to be released whatever it returns. 0 or -errno. */
int inner_look(struct inner_process *process, struct inner_seen *seen);
void inner_seen_release(struct inner_seen *seen);
/* What was found before, by the lengths of now; of a look that only counted. */
void inner_bring_up(const struct inner_process *process, struct inner_seen *seen);

/* All with the lock. Seconds until the next look at it, after one that has cost so much. */
double inner_wait(const struct inner *inner, const struct inner_process *process, double cost);
/* Seconds until it may be asked again who holds the objects, where there are many. */
double inner_holders_wait(const struct inner *inner, const struct inner_process *process);
/* Something grows in it, and the looks have been too few to tell what. */
bool inner_is_undecided(const struct inner_process *process);
/* Whom to look at next; NULL: there is nobody. */
struct inner_process *inner_next(const struct inner *inner);
/* Is a last look at it worth its cost? */
bool inner_is_wanted(const struct inner_process *process, double now);

#endif

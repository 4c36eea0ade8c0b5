/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A JVM that runs: its own figures, and what their course says. */
#ifndef SEEP_JVM_JVM_H
#define SEEP_JVM_JVM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "jvm/hsperfdata.h"

/*
 * Reads the figures of a process out of its own mapping of the file, so that containers and
 * users' folders do not matter. 0; -ENOENT: it is no JVM, or one that does not publish (then run
 * it without -XX:-UsePerfData and -XX:+PerfDisableSharedMem); -ENODATA: it is only starting;
 * -EBADMSG; -ESRCH, -EACCES, -ENOMEM.
 */
int jvm_read(pid_t pid, struct jvm_heap *ret_heap);

/* One look at it. */
struct jvm_point {
	double time; /* seconds */
	double resident; /* of the process */
	double capacity; /* of all generations: the heap's memory is no more than that */
	double metaspace; /* capacity */
	double old_used, old_max;
	double old_collections; /* that look at the old generation: full ones, and concurrent */
	double pauses; /* seconds in which collectors held the program */
};

void jvm_point_set(const struct jvm_heap *heap, double time, double resident,
		   struct jvm_point *ret_point);

enum jvm_verdict {
	JVM_TOO_LITTLE = 0, /* data: too few collections */
	JVM_STEADY,
	JVM_HEAP_TOO_SMALL,
	JVM_OLD_GROWS, /* after each collection there is more in the old generation */
	JVM_NATIVE_GROWS, /* what is resident beside the heap grows */
};

struct jvm_judgement {
	enum jvm_verdict verdict;
	double rate; /* bytes a second, of what grows */
	double seconds_to_max; /* until the old generation is full; 0 when it does not grow */
	char evidence[240]; /* a sentence with its full stop */
};

/* By at least some dozen looks, oldest first. */
void jvm_judge(const struct jvm_point *points, size_t nr, struct jvm_judgement *ret_judgement);

const char *jvm_verdict_name(enum jvm_verdict verdict);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What HotSpot publishes of itself while it runs, at no cost to it: the file
 * /tmp/hsperfdata_USER/PID, which it has mapped (-XX:+UsePerfData, the default).
 */
#ifndef SEEP_JVM_HSPERFDATA_H
#define SEEP_JVM_HSPERFDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JVM_GENERATIONS = 4,
	JVM_COLLECTORS = 8,
	JVM_NAME = 64,
	JVM_ARGUMENTS = 1024,
	JVM_PERFDATA_BOUND = 4 << 20, /* the JVM's default is 32 KiB */
};

struct jvm_generation {
	char name[JVM_NAME]; /* "young", "old", "new", "tenured" */
	uint64_t used; /* of all its spaces */
	uint64_t capacity; /* what it has committed */
	uint64_t max; /* what it may have */
};

struct jvm_collector {
	char name[JVM_NAME]; /* "G1 young collection pauses", "MSC" */
	uint64_t invocations;
	double seconds; /* in which the program stood still */
};

struct jvm_heap {
	char version[JVM_NAME]; /* "17.0.15" */
	char policy[JVM_NAME]; /* "GarbageFirst", "Copy:MSC" */
	char arguments[JVM_ARGUMENTS]; /* options it was started with; cut */
	struct jvm_generation generations[JVM_GENERATIONS]; /* young first */
	size_t nr_generations;
	/* The young generation's first; then those of the old one, and of the whole heap. */
	struct jvm_collector collectors[JVM_COLLECTORS];
	size_t nr_collectors;
	uint64_t metaspace_used, metaspace_capacity, metaspace_max;
	uint64_t safepoints;
	double safepoint_seconds;
	uint64_t entries; /* that were understood */
};

/*
 * From the bytes of such a file, which may be torn, stale or hostile. 0; -ENODATA: it is not ready
 * yet; -EBADMSG: not such a file, or one that contradicts itself.
 */
int hsperfdata_parse(const uint8_t *bytes, size_t size, struct jvm_heap *ret_heap);

#endif

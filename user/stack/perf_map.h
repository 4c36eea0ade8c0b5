/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The names that a JIT compiler writes for its code to /tmp/perf-PID.map, a line
 * "START SIZE name" each, numbers in hex (tools/perf/Documentation/jit-interface.txt
 * of Linux).
 */
#ifndef SEEP_STACK_PERF_MAP_H
#define SEEP_STACK_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_map;

struct perf_map *perf_map_new(void);
void perf_map_free(struct perf_map *map);

/* Adds the whole lines of `text`; returns the bytes used, or -ENOMEM. Bad lines are skipped. */
ssize_t perf_map_parse(struct perf_map *map, const char *text, size_t length);

/*
 * Reads what the process has written since the last time: the file of its own pid in its
 * own root, and when the process is gone the one of `pid` in ours. A file that was
 * replaced or cut is read anew. 0, or -errno with the names known so far kept.
 */
int perf_map_update(struct perf_map *map, pid_t pid);

/* The newest name that covers the address; NULL none. Ends with the next update. */
const char *perf_map_find(struct perf_map *map, uint64_t address);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns when perf maps are read: a stack may be reported milliseconds after its code was
 * compiled, and a process without a map may have a thousand nameless frames.
 */
#include "stack/jit_names.h"

#include <stdlib.h>
#include <time.h>

#include "base/vec.h"
#include "stack/perf_map.h"

enum { MAX_PROCESSES = 1024 };
static const uint64_t REFRESH_NS = 1000000000;
static const uint64_t RETRY_NS = 20000000; /* after a name was not found */

struct process {
	pid_t pid;
	struct perf_map *map;
	uint64_t updated;
};

struct jit_names {
	struct process *items;
	size_t nr, cap;
};

struct jit_names *jit_names_new(void)
{
	return calloc(1, sizeof(struct jit_names));
}

void jit_names_free(struct jit_names *names)
{
	size_t i;

	if (!names)
		return;
	for (i = 0; i < names->nr; i++)
		perf_map_free(names->items[i].map);
	free(names->items);
	free(names);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The process's entry, made on first sight; at the bound the stalest makes way. */
static struct process *find_process(struct jit_names *names, pid_t pid)
{
	struct process *process, *stalest = NULL;
	size_t i;

	for (i = 0; i < names->nr; i++) {
		process = &names->items[i];
		if (process->pid == pid)
			return process;
		if (!stalest || process->updated < stalest->updated)
			stalest = process;
	}
	if (names->nr < MAX_PROCESSES) {
		process = vec_push(&names->items, &names->nr, &names->cap);
	} else {
		process = stalest;
		perf_map_free(process->map);
	}
	if (process)
		*process = (struct process){ .pid = pid, .map = perf_map_new() };
	return process;
}

const char *jit_names_find(struct jit_names *names, pid_t pid, uint64_t address)
{
	struct process *process = find_process(names, pid);
	uint64_t now = now_ns();
	const char *name;

	if (!process || !process->map)
		return NULL;
	if (now - process->updated >= REFRESH_NS) {
		perf_map_update(process->map, pid);
		process->updated = now;
	}
	name = perf_map_find(process->map, address);
	if (name || now - process->updated < RETRY_NS)
		return name;
	perf_map_update(process->map, pid);
	process->updated = now;
	return perf_map_find(process->map, address);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns when perf maps and jitdump files are read: a stack may be reported milliseconds
 * after its code was compiled, and a process without either may have a thousand nameless
 * frames. A jitdump file is found in the process's maps, which may be long: they are
 * read once a second at most. It has more to say, so it is asked first.
 */
#include "stack/jit_names.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/vec.h"
#include "proc/process.h"
#include "stack/jit_dump.h"
#include "stack/perf_map.h"

enum { MAX_PROCESSES = 1024 };
static const uint64_t REFRESH_NS = 1000000000;
static const uint64_t RETRY_NS = 20000000; /* after a name was not found */

struct process {
	pid_t pid;
	uint64_t start_ticks; /* with the pid, who it is; 0 it was gone */
	struct perf_map *map;
	struct jit_dump *dump;
	uint64_t updated;
	uint64_t sought; /* the jitdump file */
};

struct jit_names {
	struct process *items;
	size_t nr, cap;
};

static void free_process(struct process *process)
{
	perf_map_free(process->map);
	jit_dump_free(process->dump);
}

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
		free_process(&names->items[i]);
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
		free_process(process);
	}
	if (process)
		*process = (struct process){
			.pid = pid,
			.map = perf_map_new(),
			.dump = jit_dump_new(),
		};
	return process;
}

/* The pid may be another's by now, whose code has nothing to do with what is known. */
static void forget_other(struct process *process)
{
	struct process_info info;

	if (process_read(process->pid, &info) || info.start_ticks == process->start_ticks)
		return;
	if (process->start_ticks) {
		free_process(process);
		process->map = perf_map_new();
		process->dump = jit_dump_new();
		process->sought = 0;
	}
	process->start_ticks = info.start_ticks;
}

static void update(struct process *process, uint64_t now)
{
	forget_other(process);
	process->updated = now;
	if (!process->map || !process->dump)
		return;
	perf_map_update(process->map, process->pid);
	if (now - process->sought >= REFRESH_NS) {
		jit_dump_update(process->dump, process->pid, true);
		process->sought = now;
	} else {
		jit_dump_update(process->dump, process->pid, false);
	}
}

static bool find(struct process *process, uint64_t address, struct jit_code *ret_code)
{
	const char *name;

	if (!process->map || !process->dump)
		return false;
	if (jit_dump_find(process->dump, address, ret_code))
		return true;
	name = perf_map_find(process->map, address);
	if (name)
		*ret_code = (struct jit_code){ .name = name };
	return name;
}

bool jit_names_find(struct jit_names *names, pid_t pid, uint64_t address, struct jit_code *ret_code)
{
	const bool ended = pid < 0;
	struct process *process;
	uint64_t now = now_ns();

	if (ended && (!kill(-pid, 0) || errno != ESRCH))
		return false;
	process = find_process(names, ended ? -pid : pid);
	if (!process)
		return false;
	if (now - process->updated >= REFRESH_NS)
		update(process, now);
	if (find(process, address, ret_code))
		return true;
	if (now - process->updated < RETRY_NS)
		return false;
	update(process, now);
	return find(process, address, ret_code);
}

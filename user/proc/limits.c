// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the question which limit a growing process meets first. What counts as used is what
 * stays: a cgroup at its limit drops files' pages before it kills, so a cgroup full of page cache
 * has room. Where there is swap, anonymous memory moves there first: the room of memory.max
 * grows by what swap is left to the cgroup, all above it, and the machine.
 *
 * Files are read one after the other and not at one moment; and RLIMIT_DATA has counted private
 * writable mappings since Linux 4.7 (84638335900f), which is VmData.
 */
#include "proc/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proc/proc_file.h"

enum { TEXT_BOUND = 1 << 20 };
/* No machine has as much; sums of two of them do not overflow. */
#define MEMORY_BOUND (UINT64_C(1) << 62)

static void note(struct limits *limits, const char *name, const char *what)
{
	if (!limits->problems++)
		snprintf(limits->problem, sizeof(limits->problem), "%.100s %s", name, what);
}

static uint64_t less(uint64_t from, uint64_t by)
{
	return from > by ? from - by : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void add(struct limits *limits, struct limit limit)
{
	if (limits->nr < LIMITS_BOUND)
		limits->items[limits->nr++] = limit;
}

/* A field in bytes, or CGROUP_UNKNOWN. */
static uint64_t figure(struct limits *limits, const char *file, const char *text, const char *name)
{
	uint64_t value = CGROUP_UNKNOWN;

	if (memory_text_field(text, name, &value) == -EBADMSG)
		note(limits, file, "has a figure that is no number");
	else if (cgroup_known(value) && value >= MEMORY_BOUND)
		value = CGROUP_UNKNOWN;
	return value;
}

static void read_host(const char *root, struct limits *limits)
{
	struct limits_host *host = &limits->host;
	__cleanup(free_text)
	char *info = NULL;
	__cleanup(free_text)
	char *pressure = NULL;
	size_t length;

	*host = (struct limits_host){ CGROUP_UNKNOWN, CGROUP_UNKNOWN, 0, 0, { 0 } };
	if (proc_file_read_under(root, "/proc/meminfo", TEXT_BOUND, &info, &length) != 0) {
		note(limits, "/proc/meminfo", "could not be read");
	} else {
		host->total = figure(limits, "/proc/meminfo", info, "MemTotal");
		host->available = figure(limits, "/proc/meminfo", info, "MemAvailable");
		host->swap_total = figure(limits, "/proc/meminfo", info, "SwapTotal");
		host->swap_free = figure(limits, "/proc/meminfo", info, "SwapFree");
		if (!cgroup_known(host->swap_total) || !cgroup_known(host->swap_free))
			host->swap_total = host->swap_free = 0;
	}
	if (proc_file_read_under(root, "/proc/pressure/memory", TEXT_BOUND, &pressure, &length) ==
		    0 &&
	    memory_text_pressure(pressure, &host->pressure) != 0)
		note(limits, "/proc/pressure/memory", "is no pressure information");
}

/* A file of the process; -ESRCH when it is gone. */
static int read_of_process(const char *root, pid_t pid, const char *name, char **ret_text)
{
	char path[64];
	size_t length;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	err = proc_file_read_under(root, path, TEXT_BOUND, ret_text, &length);
	return err == -ENOENT ? -ESRCH : err;
}

static void add_resource_limit(struct limits *limits, const char *text, const char *name,
			       enum limit_kind kind, uint64_t used)
{
	const char *line = strstr(text, name);
	uint64_t bytes;

	if (!line) {
		note(limits, "/proc/PID/limits", "does not name all limits");
		return;
	}
	line += strlen(name);
	line += strspn(line, " ");
	if (strncmp(line, "unlimited", 9) == 0)
		return;
	if (*line < '0' || *line > '9') {
		note(limits, "/proc/PID/limits", "has a limit that is no number");
		return;
	}
	bytes = strtoull(line, NULL, 10);
	if (cgroup_known(used))
		add(limits, (struct limit){ kind, bytes, used, less(bytes, used), 0, NULL });
}

static int read_process(const char *root, pid_t pid, struct limits *limits)
{
	__cleanup(free_text)
	char *status = NULL;
	__cleanup(free_text)
	char *resource = NULL;
	int err = read_of_process(root, pid, "status", &status);

	if (err == -ESRCH || err == -ENOMEM)
		return err;
	if (err) {
		note(limits, "/proc/PID/status", "could not be read");
		return 0;
	}
	limits->address_space = figure(limits, "/proc/PID/status", status, "VmSize");
	limits->data = figure(limits, "/proc/PID/status", status, "VmData");
	limits->anonymous = figure(limits, "/proc/PID/status", status, "RssAnon");
	limits->swapped = figure(limits, "/proc/PID/status", status, "VmSwap");
	err = read_of_process(root, pid, "limits", &resource);
	if (err == -ESRCH || err == -ENOMEM)
		return err;
	if (err) {
		note(limits, "/proc/PID/limits", "could not be read");
		return 0;
	}
	add_resource_limit(limits, resource, "Max address space", LIMIT_ADDRESS_SPACE,
			   limits->address_space);
	add_resource_limit(limits, resource, "Max data size", LIMIT_DATA, limits->data);
	return 0;
}

static const char *place_problem(int err)
{
	if (err == -EXDEV)
		return "is outside of what is mounted here";
	return err == -ENOENT ? "is not mounted here" : "could not be found";
}

static int read_cgroup(const char *root, pid_t pid, struct limits *limits)
{
	__cleanup(free_text)
	char *cgroup = NULL;
	__cleanup(free_text)
	char *mounts = NULL;
	struct cgroup_place place = { 0 };
	size_t length;
	int err = read_of_process(root, pid, "cgroup", &cgroup);

	if (err == -ESRCH || err == -ENOMEM)
		return err;
	err = err
		      ?: proc_file_read_under(root, "/proc/self/mountinfo", TEXT_BOUND, &mounts,
					      &length);
	err = err ?: cgroup_place_find(cgroup, mounts, &place);
	if (err) {
		if (err != -ENOMEM)
			note(limits, "the process's memory cgroup", place_problem(err));
		return err == -ENOMEM ? err : 0;
	}
	err = cgroup_memory_read(root, &place, &limits->cgroup);
	cgroup_place_free(&place);
	limits->cgroup_known = err == 0;
	if (err && err != -ENOMEM)
		note(limits, "the process's memory cgroup",
		     err == -ENOENT ? "was removed" : "could not be read");
	if (!err && limits->cgroup.problems && !limits->problems)
		memcpy(limits->problem, limits->cgroup.problem, sizeof(limits->problem));
	if (!err)
		limits->problems += limits->cgroup.problems;
	return err == -ENOMEM ? err : 0;
}

/* What stays of a level's usage when the kernel is short of memory. */
static uint64_t kept(const struct cgroup_level *level)
{
	return less(level->usage, cgroup_known(level->reclaimable) ? level->reclaimable : 0);
}

/* Swap that a level may still use: bounded by itself and all above, and by what there is. */
static uint64_t swap_left(const struct limits *limits, size_t from)
{
	uint64_t left = limits->host.swap_free;

	for (size_t i = from; i < limits->cgroup.nr_levels; i++) {
		const struct cgroup_level *level = &limits->cgroup.levels[i];

		if (cgroup_known(level->swap_max) && cgroup_known(level->swap_usage))
			left = least(left, less(level->swap_max, level->swap_usage));
	}
	return left;
}

/* v1 bounds the sum of memory and swap: its own line says how much of that is left. */
static uint64_t swap_left_v1(const struct limits *limits, size_t from)
{
	uint64_t left = limits->host.swap_free;

	for (size_t i = from; i < limits->cgroup.nr_levels; i++) {
		const struct cgroup_level *level = &limits->cgroup.levels[i];

		if (cgroup_known(level->swap_max) && cgroup_known(level->max))
			left = least(left, less(level->swap_max, level->max));
	}
	return left;
}

static void add_level(struct limits *limits, size_t index)
{
	const struct cgroup_level *level = &limits->cgroup.levels[index];
	bool v2 = limits->cgroup.version == 2;
	uint64_t used = kept(level), swap, room;

	if (!cgroup_known(level->usage))
		return;
	if (cgroup_known(level->max)) {
		swap = v2 ? swap_left(limits, index) : swap_left_v1(limits, index);
		room = less(level->max, used);
		add(limits, (struct limit){ LIMIT_CGROUP_MAX, level->max, used, room + swap, swap,
					    level->path });
	}
	if (cgroup_known(level->high))
		add(limits, (struct limit){ LIMIT_CGROUP_HIGH, level->high, used,
					    less(level->high, used), 0, level->path });
	if (!v2 && cgroup_known(level->swap_max) && cgroup_known(level->swap_usage)) {
		used = less(level->swap_usage,
			    cgroup_known(level->reclaimable) ? level->reclaimable : 0);
		add(limits, (struct limit){ LIMIT_CGROUP_MEMSW, level->swap_max, used,
					    less(level->swap_max, used), 0, level->path });
	}
}

static void add_host(struct limits *limits)
{
	const struct limits_host *host = &limits->host;

	if (cgroup_known(host->total) && cgroup_known(host->available))
		add(limits,
		    (struct limit){ LIMIT_HOST, host->total, less(host->total, host->available),
				    host->available + host->swap_free, host->swap_free, NULL });
}

static int by_room(const void *left, const void *right)
{
	const struct limit *a = left, *b = right;

	if (a->room != b->room)
		return a->room < b->room ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

static const struct limits nothing_known = { .address_space = CGROUP_UNKNOWN,
					     .data = CGROUP_UNKNOWN,
					     .anonymous = CGROUP_UNKNOWN,
					     .swapped = CGROUP_UNKNOWN };

static void add_levels_and_host(struct limits *limits)
{
	for (size_t i = 0; i < limits->cgroup.nr_levels; i++)
		add_level(limits, i);
	add_host(limits);
	qsort(limits->items, limits->nr, sizeof(*limits->items), by_room);
}

void limits_read_host(const char *root, struct limits_host *ret_host)
{
	struct limits limits = nothing_known;

	read_host(root, &limits);
	*ret_host = limits.host;
}

void limits_of_cgroup(const struct cgroup_memory *memory, const struct limits_host *host,
		      struct limits *ret_limits)
{
	*ret_limits = nothing_known;
	ret_limits->cgroup_known = true;
	ret_limits->cgroup = *memory;
	ret_limits->host = *host;
	add_levels_and_host(ret_limits);
}

int limits_read(const char *root, pid_t pid, struct limits *ret_limits)
{
	struct limits found = nothing_known;
	int err = read_process(root, pid, &found);

	err = err ?: read_cgroup(root, pid, &found);
	if (err) {
		limits_release(&found);
		return err;
	}
	read_host(root, &found);
	add_levels_and_host(&found);
	*ret_limits = found;
	return 0;
}

void limits_release(struct limits *limits)
{
	cgroup_memory_release(&limits->cgroup);
}

const struct limit *limits_nearest(const struct limits *limits, bool hard)
{
	for (size_t i = 0; i < limits->nr; i++)
		if (!hard || limits->items[i].kind != LIMIT_CGROUP_HIGH)
			return &limits->items[i];
	return NULL;
}

const char *limit_name(enum limit_kind kind, int version)
{
	switch (kind) {
	case LIMIT_CGROUP_MAX:
		return version == 1 ? "memory.limit_in_bytes of cgroup" : "memory.max of cgroup";
	case LIMIT_CGROUP_HIGH:
		return "memory.high of cgroup";
	case LIMIT_CGROUP_MEMSW:
		return "memory.memsw.limit_in_bytes of cgroup";
	case LIMIT_ADDRESS_SPACE:
		return "RLIMIT_AS";
	case LIMIT_DATA:
		return "RLIMIT_DATA";
	case LIMIT_HOST:
		return "memory of the machine";
	default:
		return "unknown limit";
	}
}

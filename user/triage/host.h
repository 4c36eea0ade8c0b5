/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One look at all processes of the host and the cgroups that they are in: who has how much
 * memory. Cheap enough to be repeated every second: a process that did nothing since the last look
 * costs one file.
 */
#ifndef SEEP_TRIAGE_HOST_H
#define SEEP_TRIAGE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/cgroup_memory.h"
#include "proc/limits.h"

enum { HOST_COMM = 64 };
#define HOST_NO_CGROUP UINT32_MAX

struct host;

struct host_options {
	const char *root; /* what stands before "/proc" and the mount of cgroups; NULL: nothing */
	size_t max_processes; /* 0: 32768. The rest is counted, by no rule */
	size_t max_cgroups; /* 0: 4096, ancestors included */
};

struct host_process {
	pid_t pid, parent;
	uint64_t start_ticks; /* since boot; (pid, start_ticks) is unique */
	uid_t uid;
	bool kernel_thread; /* of one only pid, parent, start, comm and CPU are known */
	uint32_t threads;
	uint32_t cgroup; /* index into the look's cgroups, or HOST_NO_CGROUP */
	/* Bytes. The kernel counts per CPU and sums up late: off by some 100 KiB a CPU at most */
	uint64_t anonymous, shared, swap; /* RssAnon, RssShmem, VmSwap */
	uint64_t resident;
	uint64_t cpu_ticks; /* user and system, of all threads, of sysconf(_SC_CLK_TCK) a second */
	uint64_t faults; /* page faults, minor and major */
	char comm[HOST_COMM]; /* foreign text: control characters and all */
};

/* Bytes; CGROUP_UNKNOWN, MEMORY_UNLIMITED as in proc/cgroup_memory.h. */
struct host_cgroup {
	uint64_t id; /* the same cgroup has the same in all looks; none is used twice */
	const char *path; /* below the mount of its hierarchy: "/a/b" */
	uint32_t parent; /* index; HOST_NO_CGROUP at the root */
	uint32_t processes; /* in itself, not below */
	bool gone; /* removed while it was looked at */
	uint64_t current, anonymous;
	uint64_t reclaimable; /* files' pages and slab, which go before anyone is killed */
	uint64_t max, high; /* its own */
	/*
	 * The hard limit that it meets first, of itself and all above: MEMORY_UNLIMITED none.
	 * `room` is what may still be taken and kept, swap included; `limit_cgroup` an index.
	 */
	uint64_t limit, room;
	uint32_t limit_cgroup;
	uint64_t oom, oom_kill, reached_max, reached_high; /* since it was made */
	struct memory_pressure pressure;
};

struct host_look {
	double time; /* seconds, CLOCK_MONOTONIC */
	double uptime; /* seconds since boot, which start_ticks count from; 0 unknown */
	const struct host_process *processes; /* by pid */
	size_t nr_processes;
	const struct host_cgroup *cgroups; /* parents before children */
	size_t nr_cgroups;
	struct limits_host memory;
	size_t vanished; /* ended between being listed and being read */
	size_t unreadable; /* there, but not for us, or not as the kernel writes it */
	size_t left_out; /* processes beyond max_processes, cgroups beyond max_cgroups */
	double cpu_seconds; /* what this look cost */
};

/* 0, -ENOMEM. `options` may be NULL. */
int host_open(const struct host_options *options, struct host **ret_host);
void host_close(struct host *host);

/*
 * What it returns is the host's own, and good until the next look or host_close. 0; -ENOMEM,
 * -EACCES, -ENOENT when there is no /proc to be read at all.
 */
int host_look(struct host *host, const struct host_look **ret_look);

/* NULL: not there. */
const struct host_process *host_find(const struct host_look *look, pid_t pid);

#endif

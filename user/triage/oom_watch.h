/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whom the kernel kills for want of memory, told while the victim is still there. Of the whole
 * host; it costs nothing until it happens.
 */
#ifndef SEEP_TRIAGE_OOM_WATCH_H
#define SEEP_TRIAGE_OOM_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/cgroup_memory.h"

enum { OOM_COMM = 64 };

struct oom_watch;

struct oom_victim {
	double time; /* seconds, CLOCK_MONOTONIC */
	pid_t pid;
	uid_t uid; /* (uid_t)-1 unknown */
	char comm[OOM_COMM]; /* "" unknown; foreign text */
	/* Bytes, CGROUP_UNKNOWN */
	uint64_t anonymous, file, shared, swap;
	const char *cgroup; /* below its hierarchy; NULL unknown. Good during the call */
	/*
	 * The cgroup, itself or one above, whose limit was reached, and that limit; NULL and
	 * CGROUP_UNKNOWN where it was the host's memory or nobody knows.
	 */
	const char *limit_cgroup;
	uint64_t limit;
	const char *limit_name; /* "memory.max of cgroup", a constant; NULL unknown */
	bool whole_host; /* no cgroup had reached its limit; `limit` is all memory */
};

typedef void (*oom_victim_fn)(void *context, const struct oom_victim *victim);

/* 0; -EPERM without the privilege, -EOPNOTSUPP where the kernel has no such tracepoint. */
int oom_watch_open(struct oom_watch **ret_watch);
void oom_watch_close(struct oom_watch *watch);
/* Readable when there is a victim: for poll(2). */
int oom_watch_fd(const struct oom_watch *watch);
/*
 * Hands over the victims that wait, after at most `timeout_ms` when there are none. Their
 * number, or -errno. Call it soon after oom_watch_fd is readable: older kernels tell the pid
 * alone, and the rest is read from the process while it dies.
 */
int oom_watch_poll(struct oom_watch *watch, int timeout_ms, oom_victim_fn fn, void *context);
/* Victims that were not told, for want of room. */
uint64_t oom_watch_lost(const struct oom_watch *watch);

#endif

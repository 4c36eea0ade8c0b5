/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the small programs of bpf/triage tell user/triage: records and keys of fixed width. Like
 * event.h it includes nothing: the includer has brought in the types.
 */
#ifndef SEEP_TRIAGE_H
#define SEEP_TRIAGE_H

#define SEEP_OOM_LEVELS 16
#define SEEP_OOM_NAME 128
#define SEEP_OOM_COMM 16
#define SEEP_OOM_UNKNOWN (~0ull)

/* A cgroup that accounts for the victim's memory. Pages, as when it was chosen. */
struct seep_oom_level {
	__u64 usage, max;
	__u64 both_usage, both_max; /* memory and swap together, of version 1 */
	char name[SEEP_OOM_NAME]; /* "" at the root */
};

enum seep_oom_flag {
	SEEP_OOM_PID_ALONE = 1 << 0, /* nothing but pid (of a thread) and time is known */
	SEEP_OOM_CUT = 1 << 1, /* there are more levels */
};

struct seep_oom {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u32 flags; /* enum seep_oom_flag */
	__u32 pid; /* of the process */
	__u32 uid;
	__u32 nr_levels;
	__u64 anonymous, file, shared, swap; /* pages; SEEP_OOM_UNKNOWN */
	char comm[SEEP_OOM_COMM];
	struct seep_oom_level levels[SEEP_OOM_LEVELS]; /* innermost first */
};

#define SEEP_GROWTH_FRAMES 32

/* A process for good: its number and when it was started, as /proc/PID/stat tells it. */
struct seep_growth_process {
	__u32 pid;
	__u32 start_ticks; /* since boot, of 1/100 s, cut to 32 bits */
};

struct seep_growth_key {
	struct seep_growth_process process;
	__s32 stack; /* in the map of stacks; below 0: not known */
	__u32 pad;
};

struct seep_growth_counts {
	__u64 faults; /* that write to memory that is not there yet */
	__u64 mapped, unmapped; /* bytes, by mmap and munmap */
	__u64 raised, lowered; /* bytes, by brk */
};

struct seep_growth_lost {
	__u64 processes, stacks; /* that had no room */
};

_Static_assert(sizeof(struct seep_growth_key) == 16, "layout");
_Static_assert(sizeof(struct seep_growth_counts) == 40, "layout");
_Static_assert(sizeof(struct seep_oom_level) == 160, "layout");
_Static_assert(sizeof(struct seep_oom) == 72 + 16 * 160, "layout");

#endif

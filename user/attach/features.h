/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this kernel offers, found by trying it on a function of seep's own and never by
 * its version: distributions backport, and some kernels have the call but not the sense.
 */
#ifndef SEEP_ATTACH_FEATURES_H
#define SEEP_ATTACH_FEATURES_H

#include <stdbool.h>

/* Ways to attach, dearest last. */
enum attach_mode {
	ATTACH_SESSION = 0, /* uprobe.session: one link, the return only where wanted (6.13) */
	ATTACH_MULTI, /* uprobe.multi (6.6) whose pid filter means the process */
	ATTACH_PERF_COOKIE, /* perf-event uprobes with cookies (5.15) */
	ATTACH_PERF, /* without: one program an operation, families told by module */
	ATTACH_MODES,
	ATTACH_NONE = ATTACH_MODES,
};

struct features {
	bool works[ATTACH_MODES];
	int error[ATTACH_MODES]; /* -errno of the trial; 0 when it ran but did not count right */
	enum attach_mode best; /* ATTACH_NONE: nothing works */
	bool btf; /* /sys/kernel/btf/vmlinux */
	bool tracefs; /* the system calls' tracepoints are there */
	bool call_entries; /* programs on the system calls' own functions (fentry) work */
	bool late_allocation; /* maps without preallocation are safe in probes (6.1) */
	bool find_vma; /* bpf_find_vma: programs with callbacks are possible as well (5.17) */
	bool nop5_is_free; /* 5-byte nops are rewritten to calls (6.18) */
	/*
	 * A return probe kills a process under a seccomp filter: x86 kernels from 6.11 on
	 * return through a system call of their own, which filters let pass only since
	 * cf6cb56ef244 (6.14 and stable).
	 */
	bool returns_kill_filtered;
};

/*
 * 0, or -EPERM when loading BPF is not allowed at all. Unless all is wanted, the ways of
 * attaching that are dearer than one that works are left untried: each costs 200 ms.
 */
int features_probe(bool all, struct features *ret_features);
/* What needs no trial: btf, and tracefs, which is mounted if it is not. */
void features_look(struct features *features);

const char *attach_mode_name(enum attach_mode mode);
/* ATTACH_NONE for a word that is none. */
enum attach_mode attach_mode_parse(const char *name);

#endif

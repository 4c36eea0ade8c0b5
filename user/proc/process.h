/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What /proc says of a process: read-only views, each a snapshot. */
#ifndef SEEP_PROC_PROCESS_H
#define SEEP_PROC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_info {
	pid_t pid;
	pid_t parent;
	pid_t ns_pid; /* innermost value of NSpid; pid where the kernel does not say */
	uint64_t start_ticks; /* since boot; (pid, start_ticks) is unique */
	/*
	 * Where its stack and its code begin: a fork has both from its parent, exec draws new
	 * ones. 0 where the kernel does not tell us.
	 */
	uint64_t stack_start, code_start;
	uint64_t rss_bytes;
	uint64_t anonymous_bytes; /* RssAnon */
	uid_t uid;
	bool kernel_thread;
	bool seccomp_filter; /* "Seccomp: 2" */
	bool shadow_stack; /* "x86_Thread_features: shstk" */
	char comm[64];
};

/* 0, or -ESRCH (also for a zombie with nothing left to trace), -EACCES. */
int process_read(pid_t pid, struct process_info *ret_info);

/* Was it forked by that process, or by a fork of that, and runs the same program still? */
bool process_is_fork_of(pid_t pid, pid_t ancestor);
/* Is its executable the caller's own? */
bool process_runs_own_program(pid_t pid);

/* Readlink of /proc/PID/exe without " (deleted)". The caller frees it; NULL unknown. */
char *process_exe(pid_t pid, bool *ret_deleted);
/* The machine (EM_X86_64, ...) and class (ELFCLASS64) of its executable. 0 or -errno. */
int process_machine(pid_t pid, uint16_t *ret_machine, uint8_t *ret_class);
/* Wall-clock seconds at which it started; 0 unknown. */
double process_started(const struct process_info *info);
/* Resident bytes now, cheaply (statm); 0 when gone. */
uint64_t process_rss(pid_t pid);
/* Stopped by a signal (SIGSTOP and its kin), its first thread at least. */
bool process_is_stopped(pid_t pid);
/* Nothing runs there any more: gone, or waits to be waited for. Of threads too, by their tid. */
bool process_has_ended(pid_t pid);
/* RLIMIT_AS or RLIMIT_DATA set below unlimited. */
bool process_memory_limited(pid_t pid);

/* All processes (not threads) but kernel threads. The caller frees *ret_pids. */
int process_list(pid_t **ret_pids, size_t *ret_nr);

/*
 * The cgroup of the process: path of the v2 hierarchy, else of the v1 memory controller.
 * The caller frees it; NULL unknown. *ret_container (optional): the container's id, found
 * in the path (kubepods, docker, podman, cri-o, containerd), NULL none; caller frees.
 */
char *process_cgroup(pid_t pid, char **ret_container);
/* The container id in a cgroup path, its length in *ret_length; NULL none. No allocation. */
const char *cgroup_container(const char *path, size_t *ret_length);

/* What selects processes: all the given conditions must hold. */
struct process_filter {
	const char *comm; /* glob (fnmatch) on comm or on the base name of exe */
	const char *cgroup; /* the path or an ancestor of it, with or without /sys/fs/cgroup... */
	const char *container; /* id or a prefix of at least 6 characters */
};
bool process_matches(pid_t pid, const struct process_filter *filter);

#endif

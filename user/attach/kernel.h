/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The loaded kernel side: its knobs, who is a target, its counters, its ring buffer, and
 * the probes. Everything ends with kernel_free, or with the process: no probe outlives seep.
 */
#ifndef SEEP_ATTACH_KERNEL_H
#define SEEP_ATTACH_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "attach/features.h"
#include "attach/plan.h"

struct kernel;
struct attachment;
struct unlinking;

struct kernel_options {
	enum attach_mode mode;
	bool trace_all, follow_all; /* every process; and their children */
	bool announce_exec; /* SEEP_SPACE_BEGIN with space 0 for execs of untraced processes */
	bool mappings; /* the mapping layer */
	bool new_code; /* without it: tell at least of files mapped as code */
	bool call_entries, late_allocation, find_vma; /* as of struct features */
	bool no_stacks;
	uint64_t sample_bytes; /* 0 exact */
	size_t ring_bytes; /* rounded up to a power of two of pages; 0: 16 MiB */
	size_t max_threads; /* 0: 16384; 2048 without late_allocation */
	size_t max_stacks; /* 0: 262144 */
	size_t max_sampled; /* 0: 262144 */
	bool python; /* look for Python frames: kernel_set_python tells where */
	bool unwind_tables; /* else stacks are walked by frame pointers */
};

/*
 * Opens, sets and loads the programs and attaches those of the life cycle and of the
 * mappings. -EPERM without the privilege, -EOPNOTSUPP without BTF or a way to attach.
 */
int kernel_open(const struct kernel_options *options, struct kernel **ret_kernel);
void kernel_free(struct kernel *kernel);

/*
 * Detaches what kernel_open has attached: its records come no more when kernel_free returns,
 * and cost nothing meanwhile but room in the ring.
 */
void kernel_stop(struct kernel *kernel);

/*
 * Detaches what is on tracepoints of system calls, where mappings are seen by these, without
 * waiting for it: while one is on, all system calls are slower. Records that are under way still
 * come. False: there are none.
 */
bool kernel_leave_tracepoints(struct kernel *kernel);

/* Makes the process a target (enum seep_target_flag), or no longer (0). */
int kernel_set_target(struct kernel *kernel, pid_t pid, uint32_t flags);

/* Not a target, also where every process is one. */
int kernel_leave_alone(struct kernel *kernel, pid_t pid);

/*
 * Attaches all probes of the plan in the file behind `fd`: releases first, allocations
 * last. `pid` 0: in every process that maps the file; else without those that are to be shared.
 * What could not be attached is counted in *ret_failed. 0, or -errno when nothing could be.
 */
int kernel_attach(struct kernel *kernel, const struct plan *plan, int fd, pid_t pid,
		  struct attachment **ret_attachment, size_t *ret_failed);
/*
 * Whether the plan has probes on functions that may throw and whose returns the kernel side
 * leaves out when they will. These must be attached to all processes that map the file, once:
 * where a session has a pid (uprobe_prog_run and uprobe_multi_link_handler of the kernel's
 * kernel/trace/bpf_trace.c, 6.13 to 7.2), it asks for the return of each call that a *different*
 * process makes and that is probed for whatever reason, and the exception that meets this return
 * ends that process.
 */
bool kernel_must_share(const struct kernel *kernel, const struct plan *plan);
/*
 * Attaches them, and nothing else, as kernel_attach. They count in those processes that
 * kernel_count_shared has been told of under this number (not 0): so none is seen before the
 * releases of its process are. -ENOSPC with more than 16384.
 */
int kernel_attach_shared(struct kernel *kernel, const struct plan *plan, int fd, uint32_t number,
			 struct attachment **ret_attachment, size_t *ret_failed);
int kernel_count_shared(struct kernel *kernel, pid_t pid, uint32_t number, bool counts);
/* Detaches in reverse order; several together, which takes no longer than one. */
void attachment_free(struct attachment *attachment);
void attachments_free(struct attachment **attachments, size_t nr);
/*
 * The same in no order, for when nothing is told of (kernel_set_burst), and in the background:
 * all are out when unlink_end (unlink.h) returns.
 */
struct unlinking *attachments_free_later(struct attachment **attachments, size_t nr);

typedef void (*kernel_record_fn)(void *context, const void *data, size_t size);
/*
 * Hands over all records that wait, after at most `timeout_ms` if there are none (-1 for
 * ever, 0 not at all). The number of records, or -errno (-EINTR after a signal).
 */
int kernel_poll(struct kernel *kernel, int timeout_ms, kernel_record_fn fn, void *context);

/*
 * Hands over what is in the ring now, but not what comes meanwhile: on a busy host that has
 * no end. 0 or -errno.
 */
int kernel_drain(struct kernel *kernel, kernel_record_fn fn, void *context);

/* enum seep_counter */
int kernel_counters(struct kernel *kernel, uint64_t ret_counters[SEEP_COUNT_MAX]);
/* Calls `fn` for each space with lost releases. */
int kernel_tainted(struct kernel *kernel, void (*fn)(void *context, uint32_t space, uint64_t lost),
		   void *context);
/* The space, or SEEP_UNWIND_BY_TGID of a process that has none yet, is CPython. */
int kernel_set_python(struct kernel *kernel, uint32_t space, const struct seep_python *python);
/* Forgets the number of an ended space, and what is kept under it. */
void kernel_forget_space(struct kernel *kernel, uint32_t space);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files that carry probes. A file is planned once, whoever maps it; it is attached
 * once for the host, or once for each process that is traced alone, but for functions that may
 * throw: these are always probed in all processes that map the file (attach/kernel.h,
 * kernel_must_share), and cost the others a trap for each call.
 */
#ifndef SEEP_TRACE_OBJECTS_H
#define SEEP_TRACE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "attach/kernel.h"
#include "attach/plan.h"

struct objects;
struct profile;

/* `kernel` and what `options` points to must outlive it. */
struct objects *objects_new(struct kernel *kernel, const struct plan_options *options,
			    const struct features *features, bool host_wide);
/*
 * Begins to take all probes out, which objects_free waits for; nothing must be told of any more
 * (kernel_set_burst). What was planned and skipped stays known.
 */
void objects_detach(struct objects *objects);
void objects_free(struct objects *objects);

/*
 * Looks at what the process has mapped and attaches what is new. *ret_attached (optional)
 * gets the number of files attached now. 0, -ESRCH when the process is gone, -EACCES.
 */
int objects_scan(struct objects *objects, pid_t pid, size_t *ret_attached);
/* The process has ended or replaced its program: its own probes are taken out. */
void objects_forget(struct objects *objects, pid_t pid);

/*
 * Takes all probes out until objects_resume; what is to be probed stays known, and what comes
 * meanwhile waits. 0, or the first -errno: the others are attached.
 */
void objects_pause(struct objects *objects);
int objects_resume(struct objects *objects);
/* Whether a probe on malloc (or free) is single-stepped, which costs several times as much. */
bool objects_stepped(const struct objects *objects, bool releases);

/* Of the file that most processes have probes of their own in, how many these are; at least 1. */
size_t objects_sharers(const struct objects *objects);

/* Probes attached now or again after a pause, over all files. */
size_t objects_probes(const struct objects *objects);
/* The family of the file that defines the entry point, where the kernel could not tell; 0 unknown.
 */
uint8_t objects_family(const struct objects *objects, const char *path);
/* Whether the ELF address is inside a probed function of the file. */
bool objects_is_probed(const struct objects *objects, const char *path, uint64_t address);
/* Appends what is not seen because it was skipped, and why, to the profile's health. 0 or -ENOMEM.
 */
int objects_report_skips(const struct objects *objects, struct profile *profile);

#endif

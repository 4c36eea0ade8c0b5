/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the kernel's record of a victim to what is told of it. */
#ifndef SEEP_TRIAGE_OOM_VICTIM_H
#define SEEP_TRIAGE_OOM_VICTIM_H

#include <linux/types.h>

#include "../../bpf/triage.h"
#include "proc/limits.h"
#include "triage/oom_watch.h"

/*
 * Never fails: what cannot be had is unknown. The two strings are those that the victim points
 * to, NULL or the caller's to free.
 */
void oom_victim_read(const struct seep_oom *record, struct oom_victim *ret_victim,
		     char **ret_cgroup, char **ret_limit_cgroup);

/*
 * Which of `nr` levels has reached its limit, of memory or, where `version` is 1, of memory and
 * swap; *ret_bytes and *ret_kind are that limit. -1: none.
 */
int oom_limit_reached(const struct seep_oom_level *levels, size_t nr, int version, uint64_t page,
		      uint64_t *ret_bytes, enum limit_kind *ret_kind);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory cgroups of the host that processes were seen in, and all above those, each kept
 * once. Named by an index that is good until cgroups_sweep.
 */
#ifndef SEEP_TRIAGE_CGROUPS_H
#define SEEP_TRIAGE_CGROUPS_H

#include "triage/host.h"

struct cgroups;

struct cgroups *cgroups_new(const char *root, size_t max);
void cgroups_free(struct cgroups *cgroups);

/*
 * Of the text of /proc/PID/cgroup: an index, or HOST_NO_CGROUP. *left_out is counted up when it
 * is for want of room.
 */
uint32_t cgroups_find(struct cgroups *cgroups, const char *text, size_t *left_out);

/* A look begins: no cgroup has processes. */
void cgroups_begin(struct cgroups *cgroups);
/* One process more is in it. */
void cgroups_count(struct cgroups *cgroups, uint32_t index);
/*
 * Reads those that have processes in or below them. *ret_items is theirs and good until the
 * next call. cgroups_place turns an index into one of these items'. 0, -ENOMEM.
 */
int cgroups_look(struct cgroups *cgroups, const struct limits_host *host,
		 const struct host_cgroup **ret_items, size_t *ret_nr);
uint32_t cgroups_place(const struct cgroups *cgroups, uint32_t index);

/*
 * Forgets those that had no processes in the last look, when they are many. Then *ret_moved has
 * the new index of each, and the caller frees it; else it is NULL. 0, -ENOMEM (nothing changed).
 */
int cgroups_sweep(struct cgroups *cgroups, uint32_t **ret_moved);

#endif

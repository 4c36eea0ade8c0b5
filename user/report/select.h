/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Narrows a profile to what a report was asked for. */
#ifndef SEEP_REPORT_SELECT_H
#define SEEP_REPORT_SELECT_H

#include "heap/profile.h"

/*
 * Leaves only the processes with this pid (one for each exec and each reuse of the
 * number), their sites, points and skipped probes. Returns how many processes are left.
 */
size_t report_select_pid(struct profile *profile, uint32_t pid);

/* Leaves only physical frames in the stacks, as --no-inline does when names are looked up. */
void report_select_physical(struct profile *profile);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The limit of a row: whose it is, in words, and what the process has beside its cgroups. */
#ifndef SEEP_TOP_ROW_LIMIT_H
#define SEEP_TOP_ROW_LIMIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "top/overview.h"
#include "triage/host.h"

/* Names the limit that the row has; `cgroup` is the process's, NULL unknown. */
void row_limit_name(struct overview *overview, const struct host_look *look,
		    const struct host_cgroup *cgroup, struct overview_row *row);
/* RLIMIT_AS or RLIMIT_DATA is below unlimited. `root` as in struct looker_options. */
bool row_limit_exists(const char *root, pid_t pid);
/* Such a limit in place of the row's, where it is nearer. */
void row_limit_own(const char *root, struct overview_row *row);

#endif

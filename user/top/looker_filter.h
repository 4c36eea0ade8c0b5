/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes a looker shows. */
#ifndef SEEP_TOP_LOOKER_FILTER_H
#define SEEP_TOP_LOOKER_FILTER_H

#include <stdbool.h>

#include "top/looker.h"
#include "triage/host.h"

/* `cgroup` NULL unknown. Kernel threads are never wanted. */
bool looker_wants(const struct looker_options *options, const struct host_process *process,
		  const struct host_cgroup *cgroup);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What growth_probe.c and growth_counts.c share; nobody else includes it. */
#ifndef SEEP_TRIAGE_GROWTH_INTERNAL_H
#define SEEP_TRIAGE_GROWTH_INTERNAL_H

#include <linux/types.h>

#include "../../bpf/triage.h"
#include "growth.skel.h"
#include "triage/growth_probe.h"

_Static_assert((int)GROWTH_FRAMES == SEEP_GROWTH_FRAMES, "the header promises as many");

struct growth_probe {
	struct growth_bpf *bpf;
	double budget;
	int statistics; /* keeps them on until it is closed */
	bool attached;
	double checked; /* when, seconds */
	uint64_t run_ns, hits, lost; /* by then */
};

/* Takes ended processes out of the tables. 0 or -ENOMEM. */
int growth_forget_ended(struct growth_probe *probe);

#endif

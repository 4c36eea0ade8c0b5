/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Says what a site does that was traced in bursts. */
#ifndef SEEP_HEAP_BURST_VERDICT_H
#define SEEP_HEAP_BURST_VERDICT_H

#include "heap/bursts.h"
#include "heap/verdict.h"

struct burst_growth {
	double bytes; /* that the site allocates a second, in blocks like those not known to be
			 freed */
	double seconds; /* between two looks at the process' resident memory; 0: there were none */
	double resident; /* what it grew by meanwhile, bytes */
};

void verdict_bursts(const struct burst_share *share, const struct burst_growth *growth,
		    struct verdict *ret_verdict);

#endif

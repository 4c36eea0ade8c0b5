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
	bool borne_out; /* by all these looks: see burst_resident.h */
};

/* Whether, by what bursts have seen, the site leaks. */
bool burst_leaks(const struct burst_share *share);
/*
 * Takes the lower bounds back, and sets `lumped` if they spoke of a leak, where all may have been
 * freed at once in a pause.
 */
void burst_settle(struct burst_share *share, const struct burst_growth *growth);
/* Of a share that is settled. */

void verdict_bursts(const struct burst_share *share, const struct burst_growth *growth,
		    struct verdict *ret_verdict);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Says what a site does that was traced in bursts. */
#ifndef SEEP_HEAP_BURST_VERDICT_H
#define SEEP_HEAP_BURST_VERDICT_H

#include "heap/bursts.h"
#include "heap/verdict.h"

/* `growth`: what its blocks that are not known to be freed would add up to, bytes a second. */
void verdict_bursts(const struct burst_share *share, double growth, struct verdict *ret_verdict);

#endif

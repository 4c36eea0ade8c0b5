/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether the memory that is resident in a process bears out the leaks that bursts suggest. It is
 * looked at all the time, also between bursts. Pure. Rates are bytes a second.
 */
#ifndef SEEP_HEAP_BURST_RESIDENT_H
#define SEEP_HEAP_BURST_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/series.h"

struct burst_resident;

/* Of one process, by looks at it. NULL when out of memory. */
struct burst_resident *burst_resident_new(const struct series_point *points, size_t nr);
void burst_resident_free(struct burst_resident *resident);
/* One of its sites seems to leak, in blocks of that size. All of them before one is asked for. */
int burst_resident_claim(struct burst_resident *resident, double rate, double size);
bool burst_resident_bears_out(struct burst_resident *resident, double rate);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the suspects of a pass first touch memory, by the page faults that are counted while the
 * host is looked at: a place for each before it is traced, and where it cannot be.
 */
#ifndef SEEP_SWEEP_PLACES_H
#define SEEP_SWEEP_PLACES_H

#include "sweep/pass.h"

struct places;

/*
 * Begins to count; where that is not possible the pass is told why, and the rest does nothing.
 * NULL: out of memory. The caller closes it.
 */
struct places *places_open(struct pass *pass);
void places_close(struct places *places);

/*
 * Notes in the pass what it has cost; what costs too much ends, and the pass is told so. To be
 * called now and then.
 */
void places_check(struct places *places, struct pass *pass);

/* Of the worst suspects that are processes, as many as PLACES_SUSPECTS. 0 or -ENOMEM. */
enum { PLACES_SUSPECTS = 8 };
int places_describe(struct places *places, struct pass *pass);

#endif

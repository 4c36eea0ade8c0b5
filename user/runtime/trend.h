/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The trend of one figure, by the rules that types are judged by. */
#ifndef SEEP_RUNTIME_TREND_H
#define SEEP_RUNTIME_TREND_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/growth.h"

/* Of counts at these times (seconds), at most 32. TREND_UNKNOWN also when out of memory. */
enum growth_trend trend_of_counts(const uint64_t *counts, const double *times, size_t nr);

#endif

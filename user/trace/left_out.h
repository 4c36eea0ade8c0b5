/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of stacks could not be followed, in words. */
#ifndef SEEP_TRACE_LEFT_OUT_H
#define SEEP_TRACE_LEFT_OUT_H

#include "trace/unwinding.h"

/* What was not done, and for which stacks: one sentence. 0, or what ends the round. */
typedef int (*left_out_fn)(void *context, const char *what, const char *reason);

/* Calls `fn` for each thing that there is to say; 0, or what `fn` returned. */
int left_out_of_stacks(const struct unwinding_stats *stats, size_t pythons_without_evaluator,
		       left_out_fn fn, void *context);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that wait for the kernel, side by side. */
#ifndef SEEP_BASE_PARALLEL_H
#define SEEP_BASE_PARALLEL_H

#include <stddef.h>

/*
 * Calls `fn` for each number below `nr`, in no order and from several threads (at most 16),
 * and returns when all have returned. Where threads cannot be had the calls come one by one.
 */
void parallel_each(size_t nr, void (*fn)(void *context, size_t index), void *context);

#endif

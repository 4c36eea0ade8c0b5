/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The collector's own figures: gc.isenabled(), get_threshold(), get_count(), get_stats(). */
#ifndef SEEP_PYTHON_GC_STATE_H
#define SEEP_PYTHON_GC_STATE_H

#include "python/process.h"
#include "runtime/runtime.h"

/* Sums over all interpreters; thresholds and enabled of the first. 0, -EFAULT, -ESRCH. */
int python_gc_read(struct python_process *process, struct runtime_gc *ret_gc);

#endif

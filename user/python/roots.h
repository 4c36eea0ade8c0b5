/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a CPython process holds its objects from. */
#ifndef SEEP_PYTHON_ROOTS_H
#define SEEP_PYTHON_ROOTS_H

#include "python/graph.h"

/*
 * Reaches what the modules, threads and interpreters hold, in this order.
 * After python_graph_scan. 0, -ESRCH, -EACCES, -ENOMEM.
 */
int python_roots_reach(struct python_graph *graph);
/* Claims what variables of C hold, after python_graph_count. The same. */
int python_roots_claim(struct python_graph *graph);

#endif

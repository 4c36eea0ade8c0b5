/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stack of a stopped thread by gdb, which has an unwinder of its own. gdb is given a core
 * file of the thread, since the process itself is held by the test.
 */
#ifndef SEEP_TRUTH_SECOND_OPINION_H
#define SEEP_TRUTH_SECOND_OPINION_H

#include "events.h"
#include "stopped.h"

/* 0 or -errno; takes about half a second. */
int second_opinion_ask(const struct stopped *stopped, struct second_opinion *ret_opinion);

#endif

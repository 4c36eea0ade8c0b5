/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The witness as the test sees it: loaded, set beside each of seep's entry probes as they are
 * attached, asked for what it has noted.
 */
#ifndef SEEP_TRUTH_WITNESS_SIDE_H
#define SEEP_TRUTH_WITNESS_SIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "witness.h"

/* To be called before seep attaches anything. 0 or -errno. */
int witness_open(uint32_t every);
void witness_close(void);

/* Return probes that do nothing on "FILE:PATTERN", by name. 0 or -errno. */
int witness_probe_returns(const char *functions);

/* No thread is stopped from now on. */
void witness_rest(void);

/*
 * Takes what was noted when the thread was told to stop. False when it was not: its stop is
 * the program's own, or seep's.
 */
bool witness_take(pid_t tid, struct witness_hit *ret_hit);

/* Stops that the witness could not bring about. */
uint64_t witness_lost(void);

#endif

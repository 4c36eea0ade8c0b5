/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom the kernel kills for want of memory while a sweep runs, kept until the next report. */
#ifndef SEEP_SWEEP_KILLS_H
#define SEEP_SWEEP_KILLS_H

#include "sweep/pass.h"

struct kills;

/* NULL only when out of memory: where kills cannot be watched, reports say so. */
struct kills *kills_open(void);
void kills_close(struct kills *kills);
/* Takes in what waits; waits itself at most so long when there is nothing. */
void kills_poll(struct kills *kills, int timeout_ms);
/* Moves what was seen into the pass. 0 or -ENOMEM. */
int kills_hand_over(struct kills *kills, struct pass *pass);

#endif

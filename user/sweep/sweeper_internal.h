/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of a sweeper share: sweeper.c (passes), tracing.c (one suspect), kills.c (who is
 * killed meanwhile). Nobody else includes it. */
#ifndef SEEP_SWEEP_SWEEPER_INTERNAL_H
#define SEEP_SWEEP_SWEEPER_INTERNAL_H

#include "sweep/history.h"
#include "sweep/kills.h"
#include "sweep/looks.h"
#include "sweep/schedule.h"
#include "sweep/sweeper.h"

struct sweeper {
	struct sweeper_options options;
	struct looks *looks;
	struct kills *kills;
	struct history *history;
	struct sweep_account account;
	double faults_cpu; /* of all passes */
	double looked; /* when the host was last looked at */
};

/* CPU time of seep itself so far, all threads. */
double sweeper_own_cpu(void);

/* Traces it; what came of it, failures too, is in the suspect. */
void sweeper_trace(struct sweeper *sweeper, struct pass *pass, struct pass_suspect *suspect);

#endif

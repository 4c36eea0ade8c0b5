/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of the process that is traced, as its tracing hands it to who shows it. */
#ifndef SEEP_TOP_WATCH_NEWS_H
#define SEEP_TOP_WATCH_NEWS_H

#include <sys/types.h>

#include "heap/profile.h"

enum watch_phase {
	WATCH_NONE = 0,
	WATCH_STARTING, /* probes go in */
	WATCH_TRACING,
	WATCH_STOPPING, /* they are taken out */
	WATCH_STOPPED, /* as was asked for */
	WATCH_ENDED, /* the process has ended */
	WATCH_GAVE_UP, /* the budget could not be kept */
	WATCH_FAILED, /* `problem` says why */
};

struct watch_news {
	enum watch_phase phase;
	pid_t pid;
	char comm[64]; /* foreign */
	char problem[256]; /* "" none */
	struct profile *profile; /* NULL none yet; of whoever holds the news */
	double own_cpu; /* percent of one core, of the tracing itself; negative unknown */
	/* What tracing took of the target's CPU time, percent of that and of one core; negative
	 * unknown */
	double target_cost, target_core;
	double budget; /* percent */
};

#endif

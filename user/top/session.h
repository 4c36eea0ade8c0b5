/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seep top on a terminal: looks, traces and counts as its keys ask for, until it is ended. */
#ifndef SEEP_TOP_SESSION_H
#define SEEP_TOP_SESSION_H

#include <signal.h>
#include <stdbool.h>

#include "top/looker.h"

struct session_options {
	struct looker_options looker;
	double interval; /* seconds between looks */
	unsigned long count; /* of looks; 0 without end */
	double budget; /* percent; 0 no bound */
	enum overview_order order;
	bool reverse;
	bool colour;
	const char *command; /* for captures; must last */
};

/* As screen_open, or -errno of the first look. The terminal is as before when it returns. */
int session_run(const struct session_options *options, volatile sig_atomic_t *stop);

#endif

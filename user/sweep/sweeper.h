/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sweeps the host: passes, one after the other. Each looks who grows, traces the worst of them
 * one by one within the budget, and hands over what it has found.
 */
#ifndef SEEP_SWEEP_SWEEPER_H
#define SEEP_SWEEP_SWEEPER_H

#include <signal.h>

#include "attach/features.h"
#include "sweep/pass.h"
#include "sweep/settings.h"
#include "sweep/suppressions.h"

struct sweeper;

struct sweeper_options {
	const struct sweep_settings *settings;
	const struct features *features; /* probed */
	const struct suppressions *suppressions; /* NULL none */
	const char *command; /* seep's own command line */
	volatile sig_atomic_t *stop; /* non-zero: ends whatever is under way */
	/* As soon as they are known: so that little is lost if seep is killed. May be NULL. */
	void (*picked)(void *context, struct pass *pass);
	void (*traced)(void *context, struct pass *pass, struct pass_suspect *suspect);
	void *context;
};

/* What the options point to must last. 0 or -errno. */
int sweeper_new(const struct sweeper_options *options, struct sweeper **ret_sweeper);
void sweeper_free(struct sweeper *sweeper);

/* One pass. 0 with a pass, however little it could do; -ENOMEM. The caller frees it. */
int sweeper_pass(struct sweeper *sweeper, struct pass **ret_pass);

/*
 * Waits until `when` (seconds, CLOCK_BOOTTIME) or until it is to stop, and goes on looking at the
 * host now and then, for the long view.
 */
void sweeper_wait(struct sweeper *sweeper, double when);

/* From when on (seconds, as above) all that seep has used is within its own budget. */
double sweeper_rested(const struct sweeper *sweeper);

/* CLOCK_BOOTTIME: never set, and goes on while the machine sleeps. */
double sweeper_now(void);

#endif

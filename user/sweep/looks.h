/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at the host, again and again, and who grows by them. */
#ifndef SEEP_SWEEP_LOOKS_H
#define SEEP_SWEEP_LOOKS_H

#include <stddef.h>

#include "sweep/settings.h"
#include "triage/host.h"
#include "triage/ranking.h"

struct looks;

/* Looks that a pass takes while it looks at the host; enough for a trend. */
enum { LOOKS_OF_A_PASS = 16 };

/* The settings must last. 0 or -errno. */
int looks_open(const struct sweep_settings *settings, struct looks **ret_looks);
void looks_close(struct looks *looks);

/* Forgets what the pass before has seen, but for the long view over several passes. 0, -ENOMEM. */
int looks_begin_pass(struct looks *looks);
/* One look. 0 or -errno. */
int looks_take(struct looks *looks);
/* The last one, until the next; NULL before the first. */
const struct host_look *looks_last(const struct looks *looks);
/* Seconds between looks: of a pass, and while none runs (0: none are needed then). */
double looks_pause(const struct looks *looks);
double looks_idle_pause(const struct looks *looks);

struct looks_suspects {
	struct suspect *items; /* worst first; what they point to is the last look's */
	size_t nr;
	size_t nr_growing; /* of which these are the worst */
	size_t excluded; /* processes that patterns left out */
};

/*
 * At most `max` of a kind, of the pass's looks and the long view together. The caller frees
 * the items. 0 or -ENOMEM.
 */
int looks_suspects(struct looks *looks, enum suspect_kind kind, size_t max,
		   struct looks_suspects *ret_suspects);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `seep sweep` keeps: each pass goes into the store while it runs. A store that fails costs
 * no report: the first failure of a pass is remembered, and told with it.
 */
#ifndef SEEP_SWEEP_RECORD_H
#define SEEP_SWEEP_RECORD_H

#include "sweep/pass.h"
#include "sweep/settings.h"

struct sweep_record;

struct sweep_identity {
	const char *host, *host_id, *command;
};

/*
 * Opens the store, and makes sure that no other sweep uses it. 0, or an exit code after printing
 * why: EXIT_PARTIAL where another sweep runs. A store that cannot be used is no failure: each
 * pass tries again, and says so. What is given must last.
 */
int sweep_record_open(const struct sweep_settings *settings, const struct sweep_identity *identity,
		      struct sweep_record **ret_record);
void sweep_record_close(struct sweep_record *record);

/* The pass has picked its suspects; one of them was traced; it is over. */
void sweep_record_begin(struct sweep_record *record, struct pass *pass);
void sweep_record_suspect(struct sweep_record *record, struct pass *pass,
			  struct pass_suspect *suspect);
void sweep_record_finish(struct sweep_record *record, struct pass *pass, const char *outcome);

/* NULL: no store. */
const char *sweep_record_path(const struct sweep_record *record);
/* Of the last pass; NULL: none. */
const char *sweep_record_problem(const struct sweep_record *record);

#endif

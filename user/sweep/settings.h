/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a sweep is told: by options and by a file of settings, under the same names and in the
 * same words. One table says what each may be.
 */
#ifndef SEEP_SWEEP_SETTINGS_H
#define SEEP_SWEEP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sweep/pattern.h"

struct strpool;

enum { SWEEP_SETTINGS_MOST = 40 };

/* In the order in which later ones win. */
enum sweep_source { SWEEP_BY_DEFAULT = 0, SWEEP_BY_FILE, SWEEP_BY_OPTION };

struct sweep_settings {
	/* Seconds. */
	double triage, trace; /* how long the host is looked at, how long each suspect traced */
	double every; /* 0: one pass */
	double jitter;
	double keep; /* age at which the store forgets; 0 never */
	double budget; /* percent of a suspect's CPU time; 0: no bound */
	double own_budget; /* percent of one core, of seep itself, over a pass; 0: no bound */
	double probability; /* of each pass; its weight is the inverse */
	uint64_t top; /* suspects traced in a pass */
	uint64_t passes; /* with `every`; 0 without end */
	uint64_t least_growth; /* bytes: what grows less while it is looked at is no suspect */
	uint64_t max_memory; /* of the tracer's collector */
	uint64_t store_size; /* bytes; 0 no bound */
	bool no_store, no_objects, init, quiet;
	bool json;
	const char *store, *suppressions; /* paths; NULL: not given */
	struct sweep_patterns only, exclude;
	/* its own: */
	struct strpool *strings;
	enum sweep_source sources[SWEEP_SETTINGS_MOST]; /* by number in the table */
};

/* 0, -ENOMEM. */
int sweep_settings_init(struct sweep_settings *settings);
void sweep_settings_release(struct sweep_settings *settings);

/* Whether it is a switch, that takes no value as an option. False too for a name that is none. */
bool sweep_setting_is_switch(const char *name);

/*
 * Sets one by its name. What a later source has said stays; of a list, a later source's takes the
 * place of an earlier one's, and one source adds. `value` NULL: a switch, on.
 * 0; -ENOENT no such name, -EINVAL not a value for it, -EEXIST given twice, -ENOMEM. For these
 * *ret_message is a sentence that says what is allowed; the caller frees it; NULL out of memory.
 */
int sweep_settings_set(struct sweep_settings *settings, enum sweep_source source, const char *name,
		       const char *value, char **ret_message);

/*
 * Once all sources have spoken: what only holds of all together. -EINVAL with a message, likewise.
 */
int sweep_settings_check(struct sweep_settings *settings, char **ret_message);

/*
 * Reads a file of "name = value" lines, as a source of SWEEP_BY_FILE. 0; -errno with a message
 * that names file, line and name.
 */
int sweep_settings_read(struct sweep_settings *settings, const char *path, char **ret_message);
/* The same of text in memory; `name` stands for the file in messages. */
int sweep_settings_parse(struct sweep_settings *settings, const char *name, const char *text,
			 size_t length, char **ret_message);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sweep_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Each name above FIRST_SETTING is that of a setting, which knows what it may be. */
enum { KEY_CONFIG = 512, KEY_NO_COLOUR, FIRST_SETTING };

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Who is looked at:", 1 },
	{ "only", FIRST_SETTING, "PATTERN", 0,
	  "Only these processes: comm:GLOB, exe:GLOB, cgroup:GLOB, or GLOB for any of the three",
	  1 },
	{ "exclude", FIRST_SETTING + 1, "PATTERN", 0, "Not these", 1 },
	{ "init", FIRST_SETTING + 2, NULL, 0, "Process 1 too", 1 },
	{ "triage", FIRST_SETTING + 3, "TIME", 0, "Look at the host for so long (default 30s)", 1 },
	{ "least-growth", FIRST_SETTING + 4, "BYTES", 0,
	  "Who grows less meanwhile is no suspect (default 1M)", 1 },
	{ NULL, 0, NULL, 0, "What is traced:", 2 },
	{ "top", FIRST_SETTING + 5, "K", 0, "Trace the K worst; 0 none (default 3)", 2 },
	{ "trace", FIRST_SETTING + 6, "TIME", 0, "Each for so long (default 60s)", 2 },
	{ "budget", FIRST_SETTING + 7, "PERCENT", 0,
	  "What tracing may cost, of a suspect's CPU time; off: no bound (default 2)", 2 },
	{ "own-budget", FIRST_SETTING + 8, "PERCENT", 0,
	  "What seep itself may use, of one core over a pass; off: no bound (default 2)", 2 },
	{ "max-memory", FIRST_SETTING + 9, "BYTES", 0, "Memory of the collector (default 64M)", 2 },
	{ "no-objects", FIRST_SETTING + 10, NULL, 0, "Do not look at the objects of CPython", 2 },
	{ NULL, 0, NULL, 0, "When:", 3 },
	{ "every", FIRST_SETTING + 11, "TIME", 0, "Again and again, until stopped: 10m, 6h", 3 },
	{ "count", FIRST_SETTING + 12, "N", 0, "So many passes", 3 },
	{ "jitter", FIRST_SETTING + 13, "TIME", 0,
	  "Begin later by up to so long, each host by another time", 3 },
	{ "probability", FIRST_SETTING + 14, "P", 0,
	  "Each pass takes place by this chance: 0.1 (default 1)", 3 },
	{ NULL, 0, NULL, 0, "What becomes of it:", 4 },
	{ "suppressions", FIRST_SETTING + 15, "FILE", 0, "Sites that are known", 4 },
	{ "store", FIRST_SETTING + 16, "FILE", 0,
	  "Where results are kept (default /var/lib/seep/seep.db, for root)", 4 },
	{ "keep", FIRST_SETTING + 17, "TIME", 0, "For so long; 0 for ever (default 90d)", 4 },
	{ "store-size", FIRST_SETTING + 18, "BYTES", 0, "At most so much (default 256M)", 4 },
	{ "no-store", FIRST_SETTING + 19, NULL, 0, "Keep nothing", 4 },
	{ "format", FIRST_SETTING + 20, "FORMAT", 0, "text (default), or json: a line a pass", 4 },
	{ "quiet", FIRST_SETTING + 21, NULL, 0, "No progress messages", 4 },
	{ "config", KEY_CONFIG, "FILE", 0, "Settings from this file, see seep.conf(5)", 4 },
	{ "verbose", 'v', NULL, 0, "Whole names, cohorts, build ids; debug messages", 4 },
	{ "no-color", KEY_NO_COLOUR, NULL, 0, "No colours, as with NO_COLOR set", 4 },
	{ 0 },
};

static const char *name_of(int key)
{
	for (const struct argp_option *o = option_table; o->name || o->doc; o++)
		if (o->key == key && o->name)
			return o->name;
	return NULL;
}

static void set(struct argp_state *state, int key, const char *value)
{
	struct sweep_options *o = state->input;
	char *message = NULL;
	int err = sweep_settings_set(&o->settings, SWEEP_BY_OPTION, name_of(key), value, &message);

	if (err)
		argp_error(state, "--%s", message ? message : "out of memory");
	free(message);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct sweep_options *o = state->input;

	if (key >= FIRST_SETTING && name_of(key)) {
		set(state, key, value);
		return 0;
	}
	switch (key) {
	case KEY_CONFIG:
		o->config = value;
		break;
	case KEY_NO_COLOUR:
		o->no_colour = true;
		break;
	case 'v':
		o->verbose = true;
		log_verbosity = 1;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments: seep sweep looks at the whole host");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp sweep_options_argp = {
	.options = option_table,
	.parser = parse,
	.doc = "Looks at the whole host for processes that grow, traces the worst of them one "
	       "after "
	       "another within a budget, and reports.\v"
	       "Exit status: 0 nothing found, 10 a leak or an overflow was found, 2 wrong usage, 3 "
	       "no "
	       "privilege or the kernel cannot, 5 something could not be looked at, or not be "
	       "stored.",
};

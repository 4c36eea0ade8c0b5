/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options of `seep sweep`: settings, and what only a command line can say. */
#ifndef SEEP_SWEEP_OPTIONS_H
#define SEEP_SWEEP_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "sweep/settings.h"

struct sweep_options {
	struct sweep_settings settings;
	const char *config; /* NULL none */
	bool no_colour, verbose;
};

/* Its input is a struct sweep_options whose settings are initialised. */
extern const struct argp sweep_options_argp;

#endif

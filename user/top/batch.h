/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Snapshots for scripts: tables of text, or one JSON document a line. */
#ifndef SEEP_TOP_BATCH_H
#define SEEP_TOP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "top/overview.h"

struct batch_options {
	enum overview_order order;
	bool reverse;
	size_t limit; /* rows; 0 all */
	bool utf8; /* names are shown as they are, else what is not ASCII as "?" */
};

/* 0 or -errno. */
int batch_write_text(const struct overview *overview, const struct batch_options *options,
		     FILE *out);
int batch_write_json(const struct overview *overview, const struct batch_options *options,
		     FILE *out);

#endif

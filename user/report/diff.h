/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two captures, matched site by site; diff_write.c renders it. */
#ifndef SEEP_REPORT_DIFF_H
#define SEEP_REPORT_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

enum diff_change {
	DIFF_NEW = 0,
	DIFF_GROWN,
	DIFF_SHRUNK,
	DIFF_GONE,
	DIFF_SAME, /* also: a difference within twice its standard error */
	DIFF_CHANGE_COUNT,
};

struct diff_side {
	uint64_t bytes, count; /* live, of all sites with this signature */
	double variance; /* of bytes: squared standard error */
	uint32_t site; /* the largest of them; PROFILE_NONE: there is none */
};

struct diff_row {
	const char *process; /* base name of the executable, else comm */
	struct diff_side before, after;
	double delta; /* bytes, or bytes a second where `by_rate` */
	enum diff_change change;
};

struct diff {
	const struct profile *before, *after;
	/*
	 * The captures differ in length by more than a tenth, so live bytes are compared as
	 * what was kept per second of capture.
	 */
	bool by_rate;
	struct diff_row *rows; /* the largest change first, whatever its sign */
	size_t nr_rows, cap_rows;
	size_t counts[DIFF_CHANGE_COUNT];
	struct strpool *strings;
};

/* 0 or -ENOMEM. The profiles must outlive the diff, which diff_free ends. */
int diff_make(const struct profile *before, const struct profile *after, struct diff *ret_diff);
void diff_free(struct diff *diff);

/* "new", "grown", "shrunk", "gone", "same" */
const char *diff_change_name(enum diff_change change);

#endif

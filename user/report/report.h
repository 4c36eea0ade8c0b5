/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The report formats, each one file behind one ops table. A format renders a profile to
 * a stream and knows nothing of where it came from.
 */
#ifndef SEEP_REPORT_REPORT_H
#define SEEP_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "heap/profile.h"

enum report_sort {
	REPORT_BY_LIVE_BYTES = 0,
	REPORT_BY_LIVE_COUNT,
	REPORT_BY_GROWTH,
	REPORT_BY_AGE,
	REPORT_BY_ALLOC_BYTES,
	REPORT_BY_ALLOC_COUNT,
};

struct report_options {
	size_t top; /* sites shown a process by text; 0: all. Other formats write all */
	enum report_sort sort;
	bool colour; /* text: ANSI colours */
	bool verbose; /* text: cohorts, modules, build ids */
	unsigned int width; /* text: columns; 0: 100 */
};

struct report_format {
	const char *name; /* of --format */
	const char *extension; /* of a file written by default: "json", "pb.gz" */
	const char *summary; /* one line of help */
	bool binary; /* refuse a terminal */
	/* 0, or -errno (a write error included: the stream is flushed and checked). */
	int (*write)(const struct profile *profile, const struct report_options *options,
		     FILE *out);
};

/* The line before each of several text reports: when its figures were taken. 0 or -errno. */
int report_text_separator(const struct profile *profile, FILE *out);

/* NULL for a name that is none. */
const struct report_format *report_format_find(const char *name);
/* All formats, ended by NULL. */
extern const struct report_format *const report_formats[];

/* -EINVAL for a word that is none: "bytes", "count", "growth", "age", "total-bytes", "total-count"
 */
int report_sort_parse(const char *word, enum report_sort *ret_sort);

/*
 * Indices of the profile's sites of `process` (PROFILE_NONE: of all) in the order of
 * `sort`, largest first. The caller frees *ret_sites. 0 or -ENOMEM.
 */
int report_sort_sites(const struct profile *profile, uint32_t process, enum report_sort sort,
		      uint32_t **ret_sites, size_t *ret_nr);

/* A process that leaks or overflows, or a site that grows or is lost: exit code 10. */
bool report_has_findings(const struct profile *profile);

/*
 * Compares two captures site by site (same process exe or comm, same function names and
 * modules): new, gone, grown, shrunk. Text or JSON. Returns 1 when a site that grows, is
 * lost or was live at exit is new or has grown, 0 when none is, or -errno.
 */
int report_diff(const struct profile *before, const struct profile *after,
		const struct report_options *options, bool json, FILE *out);

#endif

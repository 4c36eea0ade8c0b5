/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sites that are known and not to be told of again. A file of lines
 *
 *	function:GLOB     any function of the stack
 *	module:GLOB       any file of the stack, by its path or its last part
 *	signature:HEX     either of the site's signatures (heap/signature.h)
 *
 * each with a comment after " #", which is shown beside what it has hidden. Frames of the allocator
 * itself do not count.
 */
#ifndef SEEP_SWEEP_SUPPRESSIONS_H
#define SEEP_SWEEP_SUPPRESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

enum { SUPPRESSION_LENGTH = 1024, SUPPRESSIONS_MOST = 16384 };

enum suppression_kind { SUPPRESS_FUNCTION = 0, SUPPRESS_MODULE, SUPPRESS_SIGNATURE };

struct suppression {
	enum suppression_kind kind;
	unsigned int line; /* of the file, from 1 */
	char *text; /* "function:GLOB", as it is written */
	const char *glob; /* the part of it after the colon */
	uint64_t signature;
	char *comment; /* NULL none */
};

struct suppressions {
	struct suppression *items;
	size_t nr, cap;
};

/* 0; -errno with a message that names file, line and what is allowed, the caller's to free. */
int suppressions_read(struct suppressions *suppressions, const char *path, char **ret_message);
int suppressions_parse(struct suppressions *suppressions, const char *name, const char *text,
		       size_t length, char **ret_message);
void suppressions_release(struct suppressions *suppressions);

/* The first one that hides the site; NULL none. */
const struct suppression *suppressions_match(const struct suppressions *suppressions,
					     const struct profile *profile,
					     const struct profile_site *site);

#endif

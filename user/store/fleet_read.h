/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What many captures of a store say together, read from it as it is at one moment. */
#ifndef SEEP_STORE_FLEET_READ_H
#define SEEP_STORE_FLEET_READ_H

#include <stdint.h>

#include "heap/fleet.h"
#include "heap/profile.h"

struct fleet_reader;

/*
 * Opens a store to read, at most; sweeps may go on meanwhile. Any content is safe. -ENOENT,
 * -EINVAL for what is no store, -EPROTO for one of a newer seep, -EIO a damaged one, -EBUSY; with
 * words in *ret_message (optional, the caller frees it). The caller closes it soon: what it reads
 * keeps the store from shrinking.
 */
int fleet_reader_open(const char *path, struct fleet_reader **ret_reader, char **ret_message);
void fleet_reader_close(struct fleet_reader *reader);

struct fleet_query {
	double since; /* only sweeps begun then or later, wall clock; 0: all */
	/* Only programs with this path or, without a slash, base name; NULL: all. */
	const char *binary;
};

/* The caller frees *ret_fleet by fleet_free. -E2BIG: more than fits in memory, narrow it. */
int fleet_reader_read(struct fleet_reader *reader, const struct fleet_query *query,
		      struct fleet **ret_fleet, char **ret_message);

/*
 * One site of one capture as a profile of its own: it, its process and its stack with frames and
 * modules. The caller frees it by profile_free. -ENOENT: it is not there.
 */
int fleet_reader_site(struct fleet_reader *reader, int64_t capture, uint32_t site,
		      struct profile **ret_profile, char **ret_message);

#endif

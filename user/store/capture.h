/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A capture file: one profile as one SQLite database, so that every report can be made
 * again from it, elsewhere and without privilege, and people can query it.
 */
#ifndef SEEP_STORE_CAPTURE_H
#define SEEP_STORE_CAPTURE_H

#include "heap/profile.h"

/*
 * Writes the profile to a new database beside `path` and renames it over `path` when it
 * is whole: a killed seep or a full disk leaves the old file as it was and no other.
 * 0, or -errno; *ret_message (optional) then says in words what failed, the caller frees it.
 */
int capture_write(const char *path, const struct profile *profile, char **ret_message);

/*
 * Reads it back. Any content is safe: -EINVAL for a file that is not a capture, -EPROTO
 * for one of a newer schema, -ENOENT, -ENOMEM, ...; words in *ret_message as above.
 */
int capture_read(const char *path, struct profile **ret_profile, char **ret_message);

#endif

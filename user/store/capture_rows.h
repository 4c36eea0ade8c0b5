/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of a profile in and out of SQLite, by the tables of capture_schema.h. */
#ifndef SEEP_STORE_CAPTURE_ROWS_H
#define SEEP_STORE_CAPTURE_ROWS_H

#include <sqlite3.h>

#include "heap/profile.h"

/* Fills an empty database with capture 1. 0, or an SQLite error code. */
int capture_rows_write(sqlite3 *db, const struct profile *profile);

/* Its parts: all tables and views; a profile's rows as that capture. In the caller's transaction.
 */
int capture_rows_create(sqlite3 *db);
int capture_rows_insert(sqlite3 *db, sqlite3_int64 capture, const struct profile *profile);

/*
 * Reads capture 1 into an empty profile. 0; -EINVAL when what is there cannot be a
 * profile, with a static description in *ret_why; -ENOMEM.
 */
int capture_rows_read(sqlite3 *db, struct profile *profile, const char **ret_why);

#endif

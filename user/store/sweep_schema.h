/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables of a store: those of a capture, and its own. */
#ifndef SEEP_STORE_SWEEP_SCHEMA_H
#define SEEP_STORE_SWEEP_SCHEMA_H

#include <sqlite3.h>

/* PRAGMA application_id: "seeS" in ASCII. */
#define SWEEP_STORE_APPLICATION_ID 0x73656553

/*
 * Makes the tables that are missing and adds the columns that are, in one transaction: of a new
 * file all of them. 0; -EPROTO when there are columns or tables' parts that this seep does not
 * know, since a newer one made them; else -errno. *ret_code is SQLite's own, for words.
 */
int sweep_schema_bring_up(sqlite3 *db, int *ret_code);

/* The store's own tables whose rows belong to a sweep, and to a capture; ended by NULL. */
extern const char *const sweep_tables[];
extern const char *const sweep_capture_tables[];

#endif

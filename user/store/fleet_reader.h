/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the reader share. */
#ifndef SEEP_STORE_FLEET_READER_H
#define SEEP_STORE_FLEET_READER_H

#include <sqlite3.h>

struct fleet_reader {
	sqlite3 *db;
	char *path;
};

/* Says what went wrong; returns the errno. */
int fleet_reader_fail(const struct fleet_reader *reader, int code, char **ret_message);

#endif

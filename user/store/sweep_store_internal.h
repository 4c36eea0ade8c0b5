/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the store share. */
#ifndef SEEP_STORE_SWEEP_STORE_INTERNAL_H
#define SEEP_STORE_SWEEP_STORE_INTERNAL_H

#include "store/sweep_store.h"

#include <sqlite3.h>

struct sweep_store {
	sqlite3 *db;
	char *path;
	uint64_t bytes_max;
	double age_max;
	unsigned int busy; /* milliseconds to wait for another writer */
};

/* How the bound is shared out: database, write-ahead log, and the log's index. */
struct sweep_shares {
	uint64_t database, log;
};
struct sweep_shares sweep_store_shares(uint64_t bytes_max);

/* An SQLite code as an errno. */
int sweep_store_error(int code);

/* Puts words into *ret_message, unless that is NULL; what was there is freed. */
__attribute__((format(printf, 2, 3))) void sweep_store_say(char **ret_message, const char *format,
							   ...);

/* Says what SQLite could not do, and returns the errno: "cannot WHAT PATH: reason". */
int sweep_store_fail(const struct sweep_store *store, int code, const char *what,
		     char **ret_message);

/* The first value of a statement with at most one number in it; `fallback` when none. */
sqlite3_int64 sweep_store_ask(sqlite3 *db, const char *sql, sqlite3_int64 number,
			      sqlite3_int64 fallback);
/* Runs a statement with one number in it. An SQLite code. */
int sweep_store_run(sqlite3 *db, const char *sql, sqlite3_int64 number);

/* Bytes of a file, 0 when there is none; `suffix` as "-wal". */
uint64_t sweep_store_file_bytes(const struct sweep_store *store, const char *suffix);

/* The log into the database, and the log empty, where no reader is in the way. */
void sweep_store_checkpoint(struct sweep_store *store);

/* Takes out sweeps begun before `oldest`, and while the store is near its bound. */
int sweep_store_retain(struct sweep_store *store, double oldest, char **ret_message);
/*
 * Takes out the oldest sweep but `keep`. -EFBIG when there is none. Gives its pages back.
 */
int sweep_store_make_room(struct sweep_store *store, sqlite3_int64 keep, char **ret_message);

/*
 * A transaction in two calls. Begin waits for other writers, and refuses with -EBUSY while a
 * reader keeps the log so long that the bound could be passed. End commits, unless `code` is an
 * error or what is to be written is more than the log may hold (-EFBIG, as when the database is
 * full); it says what failed.
 */
int sweep_store_lock(struct sweep_store *store, const char *what, char **ret_message);
int sweep_store_commit(struct sweep_store *store, int code, const char *what, char **ret_message);

#endif

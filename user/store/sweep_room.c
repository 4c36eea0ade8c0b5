/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns how large a store may be, at any time. Its files are the database, the write-ahead log,
 * and the log's index in shared memory. The database is bound by max_page_count. The log grows
 * with each commit, by at most the pages that the transaction has changed, and those are all in
 * the cache, since nothing spills: so a commit that could pass the log's share is refused, and
 * the log is emptied into the database before it comes to that. A reader may hold it back;
 * then writing waits, and in the end is refused.
 *
 * What goes first are the oldest sweeps, each as a whole, by their numbers. A sweep's own row is
 * the first to go; its captures, then unreachable, follow a table at a time, and what a killed
 * process left of them is taken out by the next.
 */
#include "store/sweep_store_internal.h"
#include "store/capture_schema.h"
#include "store/sweep_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* Of the database's share in use, where old sweeps go before a new one begins. */
#define NEARLY_FULL 0.9
#define INDEX_BYTES (64 << 10)
enum { CHECKPOINT_MILLISECONDS = 200, UNFINISHED_SECONDS = 86400 };

struct sweep_shares sweep_store_shares(uint64_t bytes_max)
{
	struct sweep_shares shares = { .log = bytes_max / 3 };

	/* The log's index: 8 bytes a page of 4096, in parts of 32 KiB. */
	shares.database = bytes_max - shares.log - shares.log / 256 - INDEX_BYTES;
	return shares;
}

uint64_t sweep_store_file_bytes(const struct sweep_store *store, const char *suffix)
{
	struct stat status;
	char *name;
	uint64_t bytes = 0;

	if (asprintf(&name, "%s%s", store->path, suffix) < 0)
		return 0;
	if (stat(name, &status) == 0)
		bytes = status.st_size;
	free(name);
	return bytes;
}

uint64_t sweep_store_bytes(const struct sweep_store *store)
{
	return sweep_store_file_bytes(store, "") + sweep_store_file_bytes(store, "-wal") +
	       sweep_store_file_bytes(store, "-shm");
}

void sweep_store_checkpoint(struct sweep_store *store)
{
	sqlite3_busy_timeout(store->db, CHECKPOINT_MILLISECONDS);
	sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(store->db, store->busy);
}

static sqlite3_int64 page_bytes(const struct sweep_store *store)
{
	return sweep_store_ask(store->db, "PRAGMA page_size", 0, 4096);
}

static void bound_database(struct sweep_store *store)
{
	uint64_t share = sweep_store_shares(store->bytes_max).database;
	char pragma[64];

	sqlite3_snprintf(sizeof(pragma), pragma, "PRAGMA max_page_count = %lld",
			 (sqlite3_int64)share / page_bytes(store));
	sqlite3_exec(store->db, pragma, NULL, NULL, NULL);
}

int sweep_store_lock(struct sweep_store *store, const char *what, char **ret_message)
{
	uint64_t share = sweep_store_shares(store->bytes_max).log;
	int code;

	if (sweep_store_file_bytes(store, "-wal") > share / 2)
		sweep_store_checkpoint(store);
	if (sweep_store_file_bytes(store, "-wal") > share / 2) {
		sweep_store_say(ret_message,
				"cannot %s in %s: it is at its bound while another process reads "
				"it: try again later",
				what, store->path);
		return -EBUSY;
	}
	bound_database(store);
	/* Only what this transaction uses shall count. */
	sqlite3_db_release_memory(store->db);
	code = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	return code ? sweep_store_fail(store, code, what, ret_message) : 0;
}

/* The log after a commit, at most. Each page has a header of 24 bytes in it. */
static uint64_t log_after(struct sweep_store *store)
{
	int used = 0, highest = 0;

	sqlite3_db_status(store->db, SQLITE_DBSTATUS_CACHE_USED, &used, &highest, 0);
	return sweep_store_file_bytes(store, "-wal") + used + (uint64_t)used * 24 / 4096 + 4096;
}

static int refuse(struct sweep_store *store, int code, const char *what, char **ret_message)
{
	int err;

	/* Before the commit nothing is written: it is our own bound that is reached. */
	if ((code & 0xff) == SQLITE_FULL) {
		sweep_store_say(ret_message, "cannot %s in %s: it is at its bound of %llu bytes",
				what, store->path, (unsigned long long)store->bytes_max);
		err = -EXFULL;
	} else {
		err = sweep_store_fail(store, code, what, ret_message);
	}
	sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static int commit(struct sweep_store *store, const char *what, char **ret_message)
{
	int err, code = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);

	if (!code)
		return 0;
	err = sweep_store_fail(store, code, what, ret_message);
	sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

int sweep_store_commit(struct sweep_store *store, int code, const char *what, char **ret_message)
{
	if (code)
		return refuse(store, code, what, ret_message);
	if (log_after(store) > sweep_store_shares(store->bytes_max).log) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		sweep_store_say(ret_message,
				"cannot %s in %s: it is too much for a store of %llu bytes", what,
				store->path, (unsigned long long)store->bytes_max);
		return -EFBIG;
	}
	return commit(store, what, ret_message);
}

static int delete_from(sqlite3 *db, const char *table, const char *key, sqlite3_int64 number)
{
	char *sql = sqlite3_mprintf("DELETE FROM \"%w\" WHERE \"%w\" = ?", table, key);
	int code = sql ? sweep_store_run(db, sql, number) : SQLITE_NOMEM;

	sqlite3_free(sql);
	return code;
}

/*
 * A transaction of its own, with the log empty before where no reader is in the way. What one
 * transaction has added to the log another can take out with as much; only a store that was
 * given a smaller bound can hold more, and must be let go beyond it to come down to it.
 */
static int delete_rows(struct sweep_store *store, const char *table, sqlite3_int64 capture,
		       char **ret_message)
{
	static const char what[] = "take out an old capture";
	int err, code;

	if (sweep_store_file_bytes(store, "-wal"))
		sweep_store_checkpoint(store);
	err = sweep_store_lock(store, what, ret_message);
	if (err)
		return err;
	code = delete_from(store->db, table, "capture", capture);
	if (!code && !sweep_store_file_bytes(store, "-wal"))
		return commit(store, what, ret_message);
	return sweep_store_commit(store, code, what, ret_message);
}

/* Its number last: what a killed process has left is found by it. */
static int delete_capture(struct sweep_store *store, sqlite3_int64 capture, char **ret_message)
{
	int err = 0;

	for (size_t i = 0; capture_tables[i] && !err; i++)
		err = delete_rows(store, capture_tables[i]->name, capture, ret_message);
	for (size_t i = 0; sweep_capture_tables[i] && !err; i++)
		err = delete_rows(store, sweep_capture_tables[i], capture, ret_message);
	return err ? err : delete_rows(store, "sweep_capture", capture, ret_message);
}

/* Captures whose sweep is gone. */
static int delete_orphans(struct sweep_store *store, char **ret_message)
{
	for (;;) {
		sqlite3_int64 capture =
			sweep_store_ask(store->db,
					"SELECT capture FROM sweep_capture WHERE NOT EXISTS "
					"(SELECT 1 FROM sweep WHERE id = sweep_capture.sweep) "
					"LIMIT 1",
					0, 0);
		int err;

		if (!capture)
			return 0;
		err = delete_capture(store, capture, ret_message);
		if (err)
			return err;
	}
}

static int delete_sweep(struct sweep_store *store, sqlite3_int64 sweep, char **ret_message)
{
	static const char what[] = "take out an old sweep";
	int err = sweep_store_lock(store, what, ret_message), code = 0;

	if (err)
		return err;
	for (size_t i = 0; sweep_tables[i] && !code; i++)
		code = delete_from(store->db, sweep_tables[i], "sweep", sweep);
	if (!code)
		code = delete_from(store->db, "sweep", "id", sweep);
	err = sweep_store_commit(store, code, what, ret_message);
	return err ? err : delete_orphans(store, ret_message);
}

int sweep_store_make_room(struct sweep_store *store, sqlite3_int64 keep, char **ret_message)
{
	/* One that is not finished may be running: only after a day is it taken for killed. */
	sqlite3_int64 oldest;
	char sql[192];

	sqlite3_snprintf(sizeof(sql), sql,
			 "SELECT id FROM sweep WHERE id <> ? ORDER BY "
			 "outcome IS NULL AND started > %lld, id LIMIT 1",
			 (sqlite3_int64)time(NULL) - UNFINISHED_SECONDS);
	oldest = sweep_store_ask(store->db, sql, keep, 0);
	if (oldest)
		return delete_sweep(store, oldest, ret_message);
	return -EFBIG;
}

static bool is_nearly_full(struct sweep_store *store)
{
	sqlite3_int64 pages = sweep_store_ask(store->db, "PRAGMA page_count", 0, 0) -
			      sweep_store_ask(store->db, "PRAGMA freelist_count", 0, 0);

	return pages * page_bytes(store) >
	       NEARLY_FULL * sweep_store_shares(store->bytes_max).database;
}

/* Gives free pages back to the file system, in steps that the log has room for. */
static int shrink(struct sweep_store *store, char **ret_message)
{
	uint64_t step = sweep_store_shares(store->bytes_max).log / page_bytes(store) / 8;
	sqlite3_int64 free_pages = sweep_store_ask(store->db, "PRAGMA freelist_count", 0, 0);
	char pragma[64];

	sqlite3_snprintf(sizeof(pragma), pragma, "PRAGMA incremental_vacuum(%llu)",
			 (unsigned long long)step);
	while (free_pages) {
		int code = sqlite3_exec(store->db, pragma, NULL, NULL, NULL);
		sqlite3_int64 left = sweep_store_ask(store->db, "PRAGMA freelist_count", 0, 0);

		if (code)
			return sweep_store_fail(store, code, "give back free pages", ret_message);
		sweep_store_checkpoint(store);
		/* None went: a reader holds the log, and the next sweep goes on. */
		if (left >= free_pages || sweep_store_file_bytes(store, "-wal"))
			break;
		free_pages = left;
	}
	return 0;
}

int sweep_store_retain(struct sweep_store *store, double oldest, char **ret_message)
{
	int err = delete_orphans(store, ret_message);

	/* By number: where the clock once was ahead, order is kept and nothing newer goes. */
	while (!err) {
		sqlite3_int64 first =
			sweep_store_ask(store->db,
					"SELECT id FROM sweep WHERE id = (SELECT min(id) FROM "
					"sweep) AND started < ?",
					(sqlite3_int64)oldest, 0);

		if (!first)
			break;
		err = delete_sweep(store, first, ret_message);
	}
	while (!err && is_nearly_full(store))
		err = sweep_store_make_room(store, 0, ret_message);
	if (err == -EFBIG)
		err = 0;
	if (!err)
		err = sweep_store_lock(store, "forget programs", ret_message);
	if (!err)
		err = sweep_store_commit(store,
					 sweep_store_run(store->db,
							 "DELETE FROM program WHERE id NOT IN "
							 "(SELECT program FROM capture_program)",
							 0),
					 "forget programs", ret_message);
	return err ? err : shrink(store, ret_message);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the store as a file: where it is, who may have written it, and what becomes of one that
 * is damaged, foreign, older or newer. Opening is done under a lock on the folder, so that two
 * sweeps that begin at once neither make it twice nor move each other's aside. Rows are the
 * matter of sweep_write.c, its size that of sweep_room.c.
 */
#include "store/sweep_store.h"
#include "store/sweep_files.h"
#include "store/sweep_schema.h"
#include "store/sweep_store_internal.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MILLISECONDS 10000
/* Of one string or row: no command line or C++ name is longer. */
#define STRING_BYTES_MAX (16 << 20)

int sweep_store_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return -EIO;
	}
}

void sweep_store_say(char **ret_message, const char *format, ...)
{
	va_list arguments;

	if (!ret_message)
		return;
	free(*ret_message);
	va_start(arguments, format);
	if (vasprintf(ret_message, format, arguments) < 0)
		*ret_message = NULL;
	va_end(arguments);
}

int sweep_store_fail(const struct sweep_store *store, int code, const char *what,
		     char **ret_message)
{
	int err = sweep_store_error(code), system = sqlite3_system_errno(store->db);

	if ((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
		err = -ENOSPC;
	switch (err) {
	case -ENOSPC:
		sweep_store_say(ret_message,
				"cannot %s in %s: the disk is full; what was there before is "
				"unchanged",
				what, store->path);
		break;
	case -EBUSY:
		sweep_store_say(ret_message,
				"cannot %s in %s: another process keeps it locked: try again later",
				what, store->path);
		break;
	default:
		sweep_store_say(ret_message, "cannot %s in %s: %s", what, store->path,
				sqlite3_errstr(code));
	}
	return err;
}

sqlite3_int64 sweep_store_ask(sqlite3 *db, const char *sql, sqlite3_int64 number,
			      sqlite3_int64 fallback)
{
	sqlite3_stmt *statement = NULL;
	sqlite3_int64 answer = fallback;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    (!sqlite3_bind_parameter_count(statement) ||
	     sqlite3_bind_int64(statement, 1, number) == SQLITE_OK) &&
	    sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		answer = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return answer;
}

int sweep_store_run(sqlite3 *db, const char *sql, sqlite3_int64 number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (!code && sqlite3_bind_parameter_count(statement))
		code = sqlite3_bind_int64(statement, 1, number);
	if (!code)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || code == SQLITE_ROW ? 0 : code;
}

char *sweep_store_default_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int length = -1;

	if (geteuid() == 0)
		return strdup("/var/lib/seep/seep.db");
	/* As the base directory specification has it: what is not absolute is ignored. */
	if (state && *state == '/')
		length = asprintf(&path, "%s/seep/seep.db", state);
	else if (home && *home == '/')
		length = asprintf(&path, "%s/.local/state/seep/seep.db", home);
	return length < 0 ? NULL : path;
}

/* The file may be anybody's: nothing in it runs by itself. */
static int configure(struct sweep_store *store, unsigned int busy_milliseconds)
{
	sqlite3 *db = store->db;

	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, STRING_BYTES_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, busy_milliseconds);
	/* Nothing is written before a commit, which can then be refused by its size. */
	return sqlite3_exec(db,
			    "PRAGMA cache_spill = OFF; PRAGMA temp_store = MEMORY; "
			    "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL",
			    NULL, NULL, NULL);
}

/* SQLite's check of all pages: NULL in *ret_fault when they are sound. */
static int check_pages(sqlite3 *db, bool *ret_sound)
{
	sqlite3_stmt *check = NULL;
	const char *answer;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &check, NULL);

	if (!code)
		code = sqlite3_step(check);
	answer = code == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : NULL;
	*ret_sound = answer && !strcmp(answer, "ok");
	sqlite3_finalize(check);
	return code == SQLITE_ROW ? 0 : code;
}

/* What is in it: 0 a store or nothing yet, -EBADMSG damaged, else -errno with words. */
static int check_contents(struct sweep_store *store, char **ret_message)
{
	sqlite3 *db = store->db;
	sqlite3_int64 version;
	bool sound = true;
	int code = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);

	if (!code && !sweep_store_ask(db, "SELECT count(*) FROM sqlite_schema", 0, 0))
		return 0;
	if (!code &&
	    sweep_store_ask(db, "PRAGMA application_id", 0, 0) != SWEEP_STORE_APPLICATION_ID) {
		sweep_store_say(ret_message, "%s is a database, but no seep store: name another",
				store->path);
		return -EINVAL;
	}
	version = code ? 0 : sweep_store_ask(db, "PRAGMA user_version", 0, 0);
	if (version > SWEEP_STORE_SCHEMA) {
		sweep_store_say(ret_message,
				"%s was written by a newer seep (schema %lld, this one knows %d): "
				"use that one, or name another store",
				store->path, (long long)version, SWEEP_STORE_SCHEMA);
		return -EPROTO;
	}
	if (!code)
		code = check_pages(db, &sound);
	if (!sound || (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		return -EBADMSG;
	return code ? sweep_store_fail(store, code, "read what is", ret_message) : 0;
}

static int open_database(struct sweep_store *store, unsigned int busy, char **ret_message)
{
	int code = sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE, NULL), err;

	if (!code)
		code = configure(store, busy);
	/* Of a file with pages in it, the first has no effect. */
	if (!code)
		code = sqlite3_exec(store->db,
				    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
				    NULL, NULL, NULL);
	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		return -EBADMSG;
	if (code)
		return sweep_store_fail(store, code, "begin", ret_message);
	err = check_contents(store, ret_message);
	if (err)
		return err;
	err = sweep_schema_bring_up(store->db, &code);
	if (err == -EPROTO)
		sweep_store_say(ret_message,
				"%s has columns that this seep does not know: a newer one wrote "
				"it; use that one, or name another store",
				store->path);
	else if (err)
		err = sweep_store_fail(store, code, "make the tables", ret_message);
	return err;
}

static void close_database(struct sweep_store *store)
{
	sqlite3_close(store->db);
	store->db = NULL;
}

/* Once more when what was there was damaged. */
static int open_or_replace(struct sweep_store *store, unsigned int busy, char **ret_message)
{
	char *aside = NULL;
	int err = sweep_files_look(store->path, ret_message);

	if (!err)
		err = open_database(store, busy, ret_message);
	if (err != -EBADMSG)
		return err;
	close_database(store);
	err = sweep_files_move_aside(store->path, &aside);
	if (err) {
		sweep_store_say(ret_message, "%s is damaged, and cannot be moved aside: %s",
				store->path, strerror(-err));
		return err;
	}
	sweep_store_say(ret_message, "%s was damaged: it is now %s, and a new store is begun",
			store->path, aside);
	free(aside);
	err = sweep_files_look(store->path, ret_message);
	return err ? err : open_database(store, busy, ret_message);
}

static struct sweep_store *store_new(const char *path, const struct sweep_store_options *options)
{
	struct sweep_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->path = strdup(path);
	store->bytes_max = options && options->bytes_max ? options->bytes_max : SWEEP_STORE_BYTES;
	if (store->bytes_max < SWEEP_STORE_BYTES_LEAST)
		store->bytes_max = SWEEP_STORE_BYTES_LEAST;
	store->age_max = options && options->age_max ? options->age_max : SWEEP_STORE_AGE;
	store->busy = options && options->busy_milliseconds ? options->busy_milliseconds
							    : BUSY_MILLISECONDS;
	if (!store->path) {
		free(store);
		return NULL;
	}
	return store;
}

int sweep_store_open(const char *path, const struct sweep_store_options *options,
		     struct sweep_store **ret_store, char **ret_message)
{
	struct sweep_store *store = store_new(path, options);
	__cleanup(close_fd)
	int folder = -1;
	int err;

	if (ret_message)
		*ret_message = NULL;
	if (!store)
		return -ENOMEM;
	err = sweep_files_folder(path, store->busy, &folder, ret_message);
	if (!err)
		err = open_or_replace(store, store->busy, ret_message);
	if (err) {
		sweep_store_close(store);
		return err;
	}
	*ret_store = store;
	return 0;
}

void sweep_store_close(struct sweep_store *store)
{
	if (!store)
		return;
	close_database(store);
	free(store->path);
	free(store);
}

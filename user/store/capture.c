/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the capture as a file. The database is built and read in memory: a write is then
 * one stream of bytes to a file without a name, which gets its name when it is whole and
 * on the disk; and a reader is not disturbed by whoever changes the file meanwhile.
 * What is in the tables is the matter of capture_write.c and capture_read.c.
 */
#include "store/capture.h"
#include "store/capture_rows.h"
#include "store/capture_schema.h"
#include "store/atomic_file.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CAPTURE_BYTES_MAX ((size_t)1 << 30)
/* Of one string or row: no command line or C++ name is longer. */
#define STRING_BYTES_MAX (16 << 20)

__attribute__((format(printf, 2, 3))) static void explain(char **ret_message, const char *format,
							  ...)
{
	va_list arguments;

	if (!ret_message)
		return;
	va_start(arguments, format);
	if (vasprintf(ret_message, format, arguments) < 0)
		*ret_message = NULL;
	va_end(arguments);
}

/* SQLite's own code as an errno. */
static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
		return -EFBIG;
	default:
		return -EIO;
	}
}

static int make_database(const struct profile *profile, sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	/* Of the memdb VFS, so that its bytes can be had without a copy. */
	int code = sqlite3_open_v2("capture", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
				   "memdb");

	if (!code)
		code = sqlite3_exec(db, "PRAGMA journal_mode = OFF", NULL, NULL, NULL);
	if (!code)
		code = capture_rows_write(db, profile);
	if (code) {
		sqlite3_close(db);
		return error_of(code);
	}
	*ret_db = db;
	return 0;
}

int capture_write(const char *path, const struct profile *profile, char **ret_message)
{
	sqlite3_int64 size = 0;
	sqlite3 *db;
	void *bytes;
	int err;

	if (ret_message)
		*ret_message = NULL;
	err = make_database(profile, &db);
	if (err) {
		explain(ret_message, "cannot build the capture for %s: %s", path, strerror(-err));
		return err;
	}
	bytes = sqlite3_serialize(db, "main", &size, SQLITE_SERIALIZE_NOCOPY);
	err = bytes ? atomic_file_write(path, bytes, size) : -ENOMEM;
	sqlite3_close(db);
	if (err == -ENOSPC || err == -EDQUOT)
		explain(ret_message,
			"cannot write %s: the disk is full (%lld bytes are needed); what was there "
			"before is unchanged",
			path, (long long)size);
	else if (err)
		explain(ret_message, "cannot write %s: %s", path, strerror(-err));
	return err;
}

/* Reads a whole file, of any kind, into memory of SQLite's allocator. */
static int read_bytes(const char *path, unsigned char **ret_bytes, size_t *ret_size)
{
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t size = 0, room = 1 << 16, known;
	unsigned char *bytes, *grown;
	struct stat status;
	ssize_t got;

	if (fd < 0)
		return -errno;
	/* One more than the file, so that its end is seen without growing. */
	known = fstat(fd, &status) == 0 && status.st_size > 0 ? status.st_size : 0;
	if (known)
		room = known < CAPTURE_BYTES_MAX ? known + 1 : CAPTURE_BYTES_MAX;
	bytes = sqlite3_malloc64(room);
	while (bytes) {
		got = read(fd, bytes + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size += got;
		if (size < room)
			continue;
		if (room >= CAPTURE_BYTES_MAX) {
			sqlite3_free(bytes);
			return -EFBIG;
		}
		room = room * 2 < CAPTURE_BYTES_MAX ? room * 2 : CAPTURE_BYTES_MAX;
		grown = sqlite3_realloc64(bytes, room);
		if (!grown)
			sqlite3_free(bytes);
		bytes = grown;
	}
	if (!bytes)
		return -ENOMEM;
	if (got < 0) {
		got = -errno;
		sqlite3_free(bytes);
		return got;
	}
	*ret_bytes = bytes;
	*ret_size = size;
	return 0;
}

/* Opens the bytes, which the connection then owns, with all that could run by itself off. */
static int open_bytes(unsigned char *bytes, size_t size, sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	int code = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL);

	if (code) {
		sqlite3_free(bytes);
		sqlite3_close(db);
		return -ENOMEM;
	}
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, STRING_BYTES_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 16);
	sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 100);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	/* On failure too, the bytes are SQLite's to free. */
	code = sqlite3_deserialize(db, "main", bytes, size, size,
				   SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY);
	if (code) {
		sqlite3_close(db);
		return error_of(code);
	}
	*ret_db = db;
	return 0;
}

/* The first value of a statement as a number, `fallback` when there is none. */
static sqlite3_int64 ask_number(sqlite3 *db, const char *sql, sqlite3_int64 fallback)
{
	sqlite3_stmt *statement = NULL;
	sqlite3_int64 number = fallback;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

static int check_database(sqlite3 *db, const char *path, char **ret_message)
{
	sqlite3_int64 schema;

	if (ask_number(db, "PRAGMA application_id", 0) != CAPTURE_APPLICATION_ID) {
		explain(ret_message, "%s is a database, but no seep capture", path);
		return -EINVAL;
	}
	schema = ask_number(db, "PRAGMA user_version", 0);
	if (schema > PROFILE_SCHEMA) {
		explain(ret_message,
			"%s was written by a newer seep (schema %lld, this one reads up to %d): "
			"report it with that one",
			path, (long long)schema, PROFILE_SCHEMA);
		return -EPROTO;
	}
	if (schema < 1) {
		explain(ret_message, "%s is damaged: it has no schema number", path);
		return -EINVAL;
	}
	return 0;
}

static int read_profile(sqlite3 *db, const char *path, struct profile **ret_profile,
			char **ret_message)
{
	struct profile *profile;
	const char *why = NULL;
	int err = check_database(db, path, ret_message);

	if (err)
		return err;
	profile = profile_new();
	err = profile ? capture_rows_read(db, profile, &why) : -ENOMEM;
	if (err) {
		explain(ret_message, err == -ENOMEM ? "%s: %s" : "%s is damaged: %s", path,
			err == -ENOMEM ? "out of memory" : why);
		profile_free(profile);
		return err;
	}
	*ret_profile = profile;
	return 0;
}

int capture_read(const char *path, struct profile **ret_profile, char **ret_message)
{
	/* File format, https://www.sqlite.org/fileformat.html, 1.3: the header string. */
	static const char magic[16] = "SQLite format 3";
	unsigned char *bytes = NULL;
	sqlite3 *db;
	size_t size = 0;
	int err;

	if (ret_message)
		*ret_message = NULL;
	err = read_bytes(path, &bytes, &size);
	if (err) {
		explain(ret_message, "cannot read %s: %s", path, strerror(-err));
		return err;
	}
	if (size < 512 || memcmp(bytes, magic, sizeof(magic))) {
		sqlite3_free(bytes);
		explain(ret_message, "%s is no seep capture%s", path, size ? "" : ": it is empty");
		return -EINVAL;
	}
	err = open_bytes(bytes, size, &db);
	if (err) {
		explain(ret_message, "cannot read %s: %s", path, strerror(-err));
		return err;
	}
	err = read_profile(db, path, ret_profile, ret_message);
	sqlite3_close(db);
	return err;
}

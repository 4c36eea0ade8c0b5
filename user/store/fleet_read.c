/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns reading a store for its ranking. The file may be anybody's: nothing in it runs by itself,
 * numbers are checked before they are indices, and rows are bounded. All is read in one
 * transaction, so that a sweep which is stored meanwhile is seen as a whole or not at all.
 */
#include "store/fleet_read.h"
#include "store/fleet_reader.h"
#include "store/sweep_schema.h"
#include "store/sweep_store_internal.h"
#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MILLISECONDS 5000
#define STRING_BYTES_MAX (16 << 20)
#define SIGHTINGS_MAX ((size_t)1 << 24)

int fleet_reader_fail(const struct fleet_reader *reader, int code, char **ret_message)
{
	int err = sweep_store_error(code);

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		sweep_store_say(ret_message,
				"%s is damaged: the next sweep moves it aside and begins another",
				reader->path);
		return -EIO;
	case SQLITE_ERROR:
		sweep_store_say(ret_message,
				"%s lacks tables of this seep (%s): the next sweep adds them",
				reader->path, sqlite3_errmsg(reader->db));
		return -EPROTO;
	default:
		sweep_store_say(ret_message, "cannot read the store %s: %s", reader->path,
				sqlite3_errstr(code));
		return err;
	}
}

static int check(struct fleet_reader *reader, char **ret_message)
{
	sqlite3_int64 version;
	int code = sqlite3_exec(reader->db, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL,
				NULL);

	if (code)
		return fleet_reader_fail(reader, code, ret_message);
	if (sweep_store_ask(reader->db, "PRAGMA application_id", 0, 0) !=
	    SWEEP_STORE_APPLICATION_ID) {
		sweep_store_say(ret_message, "%s is no store of sweeps", reader->path);
		return -EINVAL;
	}
	version = sweep_store_ask(reader->db, "PRAGMA user_version", 0, 0);
	if (version > SWEEP_STORE_SCHEMA) {
		sweep_store_say(ret_message,
				"%s was written by a newer seep (schema %lld, this one knows %d): "
				"ask it with that one",
				reader->path, (long long)version, SWEEP_STORE_SCHEMA);
		return -EPROTO;
	}
	return 0;
}

int fleet_reader_open(const char *path, struct fleet_reader **ret_reader, char **ret_message)
{
	struct fleet_reader *reader = calloc(1, sizeof(*reader));
	int code, err = 0;

	if (ret_message)
		*ret_message = NULL;
	if (!reader)
		return -ENOMEM;
	reader->path = strdup(path);
	if (!reader->path) {
		free(reader);
		return -ENOMEM;
	}
	if (access(path, R_OK) < 0) {
		err = -errno;
		sweep_store_say(ret_message, "cannot read the store %s: %s%s", path, strerror(-err),
				err == -ENOENT ? "; seep sweep makes one" : "");
		goto out;
	}
	code = sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READONLY, NULL);
	if (code) {
		err = fleet_reader_fail(reader, code, ret_message);
		goto out;
	}
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(reader->db, SQLITE_LIMIT_LENGTH, STRING_BYTES_MAX);
	sqlite3_limit(reader->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_timeout(reader->db, BUSY_MILLISECONDS);
	err = check(reader, ret_message);
out:
	if (err) {
		fleet_reader_close(reader);
		return err;
	}
	*ret_reader = reader;
	return 0;
}

void fleet_reader_close(struct fleet_reader *reader)
{
	if (!reader)
		return;
	sqlite3_close(reader->db);
	free(reader->path);
	free(reader);
}

/* A reading that is under way. */
struct reading {
	sqlite3 *db;
	const struct fleet_query *query;
	struct fleet *fleet;
	struct hashmap *programs; /* id -> index */
	bool too_many;
};

/* Interned; "" for NULL. NULL when out of memory. */
static const char *column_text(struct reading *reading, sqlite3_stmt *select, int at)
{
	const char *text = (const char *)sqlite3_column_text(select, at);

	return strpool_add(reading->fleet->strings, text ? text : "");
}

static bool is_asked_for(const struct fleet_query *query, const char *exe)
{
	const char *slash;

	if (!query->binary || !strcmp(query->binary, exe))
		return true;
	slash = strrchr(exe, '/');
	return !strchr(query->binary, '/') && slash && !strcmp(query->binary, slash + 1);
}

static int take_program(struct reading *reading, sqlite3_stmt *select)
{
	struct fleet *fleet = reading->fleet;
	const char *exe = column_text(reading, select, 1);
	struct fleet_program *program;

	if (!exe)
		return SQLITE_NOMEM;
	if (!is_asked_for(reading->query, exe))
		return 0;
	program = vec_push(&fleet->programs, &fleet->nr_programs, &fleet->cap_programs);
	if (!program)
		return SQLITE_NOMEM;
	program->id = sqlite3_column_int64(select, 0);
	program->exe = exe;
	program->build_id = column_text(reading, select, 2);
	program->version = column_text(reading, select, 3);
	if (!program->build_id || !program->version ||
	    hashmap_put(reading->programs, program->id, fleet->nr_programs - 1))
		return SQLITE_NOMEM;
	return 0;
}

static int take_look(struct reading *reading, sqlite3_stmt *select)
{
	struct fleet *fleet = reading->fleet;
	double probability = sqlite3_column_double(select, 4);
	struct fleet_look *look;
	uint64_t program;

	if (!hashmap_get(reading->programs, sqlite3_column_int64(select, 1), &program))
		return 0;
	look = vec_push(&fleet->looks, &fleet->nr_looks, &fleet->cap_looks);
	if (!look)
		return SQLITE_NOMEM;
	look->capture = sqlite3_column_int64(select, 0);
	look->program = program;
	look->processes = sqlite3_column_int64(select, 2);
	look->started = sqlite3_column_double(select, 3);
	look->weight = probability > 0 && probability < 1 ? 1 / probability : 1;
	look->host = column_text(reading, select, 5);
	return look->host ? 0 : SQLITE_NOMEM;
}

/* The look of a capture and program, from `*first` on, which is moved to the capture's first. */
static bool find_look(const struct fleet *fleet, size_t *first, int64_t capture, uint64_t program,
		      uint32_t *ret_look)
{
	while (*first < fleet->nr_looks && fleet->looks[*first].capture < capture)
		(*first)++;
	for (size_t i = *first; i < fleet->nr_looks && fleet->looks[i].capture == capture; i++) {
		if (fleet->looks[i].program == program) {
			*ret_look = i;
			return true;
		}
	}
	return false;
}

static int take_sighting(struct reading *reading, sqlite3_stmt *select, size_t *first)
{
	struct fleet *fleet = reading->fleet;
	const char *verdict = (const char *)sqlite3_column_text(select, 7);
	struct fleet_sighting *sighting;
	uint64_t program;
	uint32_t look;
	double growth;

	if (!hashmap_get(reading->programs, sqlite3_column_int64(select, 4), &program) ||
	    !find_look(fleet, first, sqlite3_column_int64(select, 0), program, &look))
		return 0;
	reading->too_many = fleet->nr_sightings >= SIGHTINGS_MAX;
	if (reading->too_many)
		return SQLITE_TOOBIG;
	sighting = vec_push(&fleet->sightings, &fleet->nr_sightings, &fleet->cap_sightings);
	if (!sighting)
		return SQLITE_NOMEM;
	sighting->look = look;
	sighting->site = sqlite3_column_int64(select, 1);
	sighting->signature = sqlite3_column_int64(select, 2);
	sighting->names = sqlite3_column_int64(select, 3);
	sighting->pid = sqlite3_column_int64(select, 5);
	sighting->process_started = sqlite3_column_double(select, 6);
	sighting->verdict = verdict ? profile_verdict_parse(verdict) : VERDICT_COUNT;
	growth = sqlite3_column_double(select, 8);
	sighting->growth = isfinite(growth) ? growth : 0;
	sighting->live_bytes = sqlite3_column_int64(select, 9);
	return 0;
}

static int read_programs(struct reading *reading)
{
	sqlite3_stmt *select = NULL;
	int code = sqlite3_prepare_v2(reading->db,
				      "SELECT id, exe, build_id, version FROM program ORDER BY id",
				      -1, &select, NULL);

	while (!code && (code = sqlite3_step(select)) == SQLITE_ROW)
		code = take_program(reading, select);
	sqlite3_finalize(select);
	return code == SQLITE_DONE ? 0 : code;
}

static int read_looks(struct reading *reading)
{
	sqlite3_stmt *select = NULL;
	int code = sqlite3_prepare_v2(
		reading->db,
		"SELECT p.capture, p.program, p.processes, s.started, s.probability, s.host "
		"FROM capture_program p JOIN sweep_capture c ON c.capture = p.capture "
		"JOIN sweep s ON s.id = c.sweep WHERE s.started >= ? "
		"ORDER BY p.capture, p.program",
		-1, &select, NULL);

	if (!code)
		code = sqlite3_bind_double(select, 1, reading->query->since);
	while (!code && (code = sqlite3_step(select)) == SQLITE_ROW)
		code = take_look(reading, select);
	sqlite3_finalize(select);
	return code == SQLITE_DONE ? 0 : code;
}

static int read_sightings(struct reading *reading)
{
	const struct fleet *fleet = reading->fleet;
	sqlite3_stmt *select = NULL;
	size_t first = 0;
	int code = sqlite3_prepare_v2(
		reading->db,
		"SELECT capture, site, signature, name_signature, program, pid, process_started, "
		"verdict, growth_rate, live_bytes FROM site_signature WHERE capture >= ? "
		"ORDER BY capture, site",
		-1, &select, NULL);

	if (!code)
		code = sqlite3_bind_int64(select, 1,
					  fleet->nr_looks ? fleet->looks[0].capture : INT64_MAX);
	while (!code && (code = sqlite3_step(select)) == SQLITE_ROW)
		code = take_sighting(reading, select, &first);
	sqlite3_finalize(select);
	return code == SQLITE_DONE ? 0 : code;
}

static size_t count_sweeps(sqlite3 *db, double since)
{
	sqlite3_int64 nr = sweep_store_ask(
		db, "SELECT count(*) FROM sweep WHERE started >= ?",
		since < (double)(INT64_MAX / 2) ? (sqlite3_int64)since : INT64_MAX / 2, 0);

	return nr < 0 ? 0 : nr;
}

int fleet_reader_read(struct fleet_reader *reader, const struct fleet_query *query,
		      struct fleet **ret_fleet, char **ret_message)
{
	struct reading reading = {
		.db = reader->db,
		.query = query,
		.fleet = fleet_new(),
		.programs = hashmap_new(),
	};
	int code = reading.fleet && reading.programs ? 0 : SQLITE_NOMEM, err = 0;

	if (ret_message)
		*ret_message = NULL;
	if (!code)
		code = read_programs(&reading);
	if (!code)
		code = read_looks(&reading);
	if (!code)
		code = read_sightings(&reading);
	hashmap_free(reading.programs);
	if (reading.too_many) {
		sweep_store_say(ret_message,
				"%s holds more than can be ranked at once: use --since",
				reader->path);
		err = -E2BIG;
	} else if (code) {
		err = fleet_reader_fail(reader, code, ret_message);
	}
	if (err) {
		fleet_free(reading.fleet);
		return err;
	}
	reading.fleet->nr_sweeps = count_sweeps(reader->db, query->since);
	*ret_fleet = reading.fleet;
	return 0;
}

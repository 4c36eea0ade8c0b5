/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the layout of a store and how an older one is brought up to it. What a store should look
 * like is made in memory, by the same statements as always; whatever the file lacks of it is
 * added. So a new field of a capture needs no step of its own: columns are only ever added.
 */
#include "store/sweep_schema.h"
#include "store/capture_rows.h"
#include "store/capture_schema.h"
#include "store/sweep_store_internal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A number given once is never given again: order goes by it, whatever the clock does. */
static const char *const statements[] = {
	"CREATE TABLE sweep (id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, "
	"host_id TEXT, started REAL NOT NULL, seconds REAL, probability REAL NOT NULL, "
	"budget REAL NOT NULL, seep_version TEXT, command TEXT, outcome TEXT, "
	"processes INTEGER, suspects INTEGER, suppressed INTEGER, triage_cpu_seconds REAL, "
	"trace_cpu_seconds REAL) STRICT",

	/* Which captures there are; their rows are in the tables of captures. */
	"CREATE TABLE sweep_capture (capture INTEGER PRIMARY KEY AUTOINCREMENT, "
	"sweep INTEGER NOT NULL) STRICT",
	"CREATE INDEX sweep_capture_sweep ON sweep_capture (sweep)",

	"CREATE TABLE suspect (sweep INTEGER NOT NULL, position INTEGER NOT NULL, "
	"pid INTEGER NOT NULL, comm TEXT NOT NULL, exe TEXT, build_id TEXT, version TEXT, "
	"cgroup TEXT, container TEXT, growth REAL, limit_bytes INTEGER, score REAL, why TEXT, "
	"traced INTEGER NOT NULL, capture INTEGER, not_traced TEXT, "
	"places TEXT, PRIMARY KEY (sweep, position)) STRICT, WITHOUT ROWID",

	"CREATE TABLE oom (sweep INTEGER NOT NULL, position INTEGER NOT NULL, "
	"time REAL NOT NULL, pid INTEGER NOT NULL, comm TEXT NOT NULL, cgroup TEXT, "
	"limit_bytes INTEGER, anonymous_bytes INTEGER, capture INTEGER, "
	"PRIMARY KEY (sweep, position)) STRICT, WITHOUT ROWID",

	/* Empty text is unknown, so that two unknown ones are equal. */
	"CREATE TABLE program (id INTEGER PRIMARY KEY, exe TEXT NOT NULL, "
	"build_id TEXT NOT NULL, version TEXT NOT NULL, UNIQUE (exe, build_id, version)) STRICT",

	/* How many processes of it a capture followed, sites or not. */
	"CREATE TABLE capture_program (capture INTEGER NOT NULL, program INTEGER NOT NULL, "
	"processes INTEGER NOT NULL, PRIMARY KEY (capture, program)) STRICT, WITHOUT ROWID",

	/* What ranking reads, so that it reads nothing else. */
	"CREATE TABLE site_signature (capture INTEGER NOT NULL, site INTEGER NOT NULL, "
	"signature INTEGER NOT NULL, name_signature INTEGER NOT NULL, "
	"program INTEGER NOT NULL, pid INTEGER NOT NULL, process_started REAL, "
	"verdict TEXT NOT NULL, growth_rate REAL, live_bytes INTEGER NOT NULL, "
	"PRIMARY KEY (capture, site)) STRICT, WITHOUT ROWID",
};

const char *const sweep_tables[] = { "suspect", "oom", NULL };
const char *const sweep_capture_tables[] = { "site_signature", "capture_program", NULL };

static int make_model(sqlite3 **ret_model)
{
	sqlite3 *model = NULL;
	int code = sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
				   NULL);

	if (!code)
		code = capture_rows_create(model);
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements) && !code; i++)
		code = sqlite3_exec(model, statements[i], NULL, NULL, NULL);
	if (code) {
		sqlite3_close(model);
		return code;
	}
	*ret_model = model;
	return 0;
}

/* 1 when the statement has a row with these two texts, 0 not, negative: minus SQLite's code. */
static int has_row(sqlite3 *db, const char *sql, const char *first, const char *second)
{
	sqlite3_stmt *select = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &select, NULL);

	if (!code)
		code = sqlite3_bind_text(select, 1, first, -1, SQLITE_STATIC);
	if (!code && second)
		code = sqlite3_bind_text(select, 2, second, -1, SQLITE_STATIC);
	if (!code)
		code = sqlite3_step(select);
	sqlite3_finalize(select);
	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -code;
}

static const char has_column[] = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?";
static const char has_object[] = "SELECT 1 FROM sqlite_schema WHERE name = ?";

static int add_column(sqlite3 *db, const char *table, sqlite3_stmt *column)
{
	const char *type = (const char *)sqlite3_column_text(column, 1);
	const char *initial = (const char *)sqlite3_column_text(column, 3);
	bool required = sqlite3_column_int(column, 2);
	char *sql;
	int code;

	if (required && !initial)
		initial = type && !strcmp(type, "TEXT") ? "''" : "0";
	sql = sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" %s%s%s%s", table,
			      sqlite3_column_text(column, 0), type, required ? " NOT NULL" : "",
			      initial ? " DEFAULT " : "", initial ? initial : "");
	code = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return code;
}

/* Calls add_column for what the file's table lacks of the model's. */
static int complete_table(sqlite3 *db, sqlite3 *model, const char *table)
{
	sqlite3_stmt *columns = NULL;
	int code = sqlite3_prepare_v2(
		model, "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info(?)", -1,
		&columns, NULL);

	if (!code)
		code = sqlite3_bind_text(columns, 1, table, -1, SQLITE_STATIC);
	while (!code && (code = sqlite3_step(columns)) == SQLITE_ROW) {
		int has = has_row(db, has_column, table,
				  (const char *)sqlite3_column_text(columns, 0));

		code = has < 0 ? -has : has ? 0 : add_column(db, table, columns);
	}
	sqlite3_finalize(columns);
	return code == SQLITE_DONE ? 0 : code;
}

/* Something of the file that the model has not: 1, 0, or minus SQLite's code. */
static int is_newer(sqlite3 *db, sqlite3 *model)
{
	sqlite3_stmt *columns = NULL;
	int newer = 0;
	int code = sqlite3_prepare_v2(
		db,
		"SELECT s.name, c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c "
		"WHERE s.type = 'table'",
		-1, &columns, NULL);

	while (!code && !newer && (code = sqlite3_step(columns)) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(columns, 0);
		int has = has_row(model, has_object, table, NULL);

		/* A table more is somebody's own. */
		code = has < 0 ? -has : 0;
		if (has != 1)
			continue;
		has = has_row(model, has_column, table,
			      (const char *)sqlite3_column_text(columns, 1));
		code = has < 0 ? -has : 0;
		newer = !has;
	}
	sqlite3_finalize(columns);
	return code && code != SQLITE_DONE ? -code : newer;
}

static int complete(sqlite3 *db, sqlite3 *model)
{
	sqlite3_stmt *objects = NULL;
	int code = sqlite3_prepare_v2(model,
				      "SELECT type, name, sql FROM sqlite_schema "
				      "WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%' "
				      "ORDER BY type = 'table' DESC, rowid",
				      -1, &objects, NULL);

	while (!code && (code = sqlite3_step(objects)) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(objects, 0);
		const char *name = (const char *)sqlite3_column_text(objects, 1);
		int has = has_row(db, has_object, name, NULL);

		code = has < 0 ? -has : 0;
		if (!code && !has)
			code = sqlite3_exec(db, (const char *)sqlite3_column_text(objects, 2), NULL,
					    NULL, NULL);
		else if (!code && !strcmp(type, "table"))
			code = complete_table(db, model, name);
	}
	sqlite3_finalize(objects);
	return code == SQLITE_DONE ? 0 : code;
}

static int stamp(sqlite3 *db)
{
	char pragmas[96];

	sqlite3_snprintf(sizeof(pragmas), pragmas,
			 "PRAGMA application_id = %d; PRAGMA user_version = %d",
			 SWEEP_STORE_APPLICATION_ID, SWEEP_STORE_SCHEMA);
	return sqlite3_exec(db, pragmas, NULL, NULL, NULL);
}

int sweep_schema_bring_up(sqlite3 *db, int *ret_code)
{
	sqlite3 *model = NULL;
	int newer, code = make_model(&model);

	if (!code)
		code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code)
		goto out;
	newer = is_newer(db, model);
	code = newer < 0 ? -newer : newer ? 0 : complete(db, model);
	if (!code && !newer)
		code = stamp(db);
	if (!code && !newer)
		code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (code || newer)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(model);
	if (!code && newer)
		return -EPROTO;
	*ret_code = code;
	return code ? sweep_store_error(code) : 0;
out:
	sqlite3_close(model);
	*ret_code = code;
	return sweep_store_error(code);
}

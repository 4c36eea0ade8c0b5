/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns the way of a profile's rows into tables. Knows nothing of files. */
#include "store/capture_rows.h"
#include "store/capture_schema.h"

#include <math.h>
#include <stdlib.h>

static int run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int bind_text(sqlite3_stmt *insert, int parameter, const char *text)
{
	/* The profile outlives the statement; a NULL text binds NULL. */
	return sqlite3_bind_text(insert, parameter, text, -1, SQLITE_STATIC);
}

static int bind(sqlite3_stmt *insert, int parameter, const struct column *column, const void *row)
{
	const void *field = (const char *)row + column->offset;
	uint64_t count;

	switch (column->type) {
	case COLUMN_U32:
		return sqlite3_bind_int64(insert, parameter, *(const uint32_t *)field);
	case COLUMN_COUNT:
		count = *(const uint64_t *)field;
		return sqlite3_bind_int64(insert, parameter,
					  count > INT64_MAX ? INT64_MAX : (sqlite3_int64)count);
	case COLUMN_BITS:
		return sqlite3_bind_int64(insert, parameter,
					  (sqlite3_int64) * (const uint64_t *)field);
	case COLUMN_REAL:
		/* SQLite has no not-a-number: it becomes NULL. */
		return sqlite3_bind_double(insert, parameter, *(const double *)field);
	case COLUMN_FLAG:
		return sqlite3_bind_int64(insert, parameter, *(const bool *)field);
	case COLUMN_TEXT:
	case COLUMN_NAME:
		return bind_text(insert, parameter, *(const char *const *)field);
	case COLUMN_ROW:
		if (*(const uint32_t *)field == PROFILE_NONE)
			return sqlite3_bind_null(insert, parameter);
		return sqlite3_bind_int64(insert, parameter, *(const uint32_t *)field);
	case COLUMN_VERDICT:
		return bind_text(insert, parameter,
				 profile_verdict_name(*(const enum profile_verdict *)field));
	case COLUMN_STACK_END:
		return bind_text(insert, parameter,
				 profile_stack_end_name(*(const enum profile_stack_end *)field));
	case COLUMN_MODE:
		return bind_text(insert, parameter,
				 *(const enum profile_mode *)field == PROFILE_SAMPLED ? "sampled"
										      : "exact");
	case COLUMN_STATUS:
		if (*(const int *)field < 0)
			return sqlite3_bind_null(insert, parameter);
		return sqlite3_bind_int(insert, parameter, *(const int *)field);
	}
	return SQLITE_MISUSE;
}

/* The statement that adds rows of one table to one capture. */
struct insert {
	const struct table *table;
	sqlite3_int64 capture;
	sqlite3_stmt *statement;
};

/* One row; `owner` is used by tables of children alone. */
static int insert_row(const struct insert *insert, size_t owner, size_t index, const void *row)
{
	const struct table *table = insert->table;
	sqlite3_stmt *statement = insert->statement;
	int parameter = 1, err;

	err = sqlite3_bind_int64(statement, parameter++, insert->capture);
	if (!err && table->key == KEY_CHILD)
		err = sqlite3_bind_int64(statement, parameter++, owner);
	if (!err && table->key != KEY_CAPTURE)
		err = sqlite3_bind_int64(statement, parameter++, index);
	for (size_t i = 0; i < table->nr_columns && !err; i++)
		err = bind(statement, parameter++, &table->columns[i], row);
	if (err)
		return err;
	err = sqlite3_step(statement);
	if (err != SQLITE_DONE)
		return err == SQLITE_ROW ? SQLITE_MISUSE : err;
	return sqlite3_reset(statement);
}

static int prepare(sqlite3 *db, struct insert *insert)
{
	char *sql = table_insert_sql(insert->table);
	int err = SQLITE_NOMEM;

	if (sql)
		err = sqlite3_prepare_v2(db, sql, -1, &insert->statement, NULL);
	free(sql);
	return err;
}

static int insert_rows(sqlite3 *db, sqlite3_int64 capture, const struct table *table,
		       const void *rows, size_t nr)
{
	struct insert insert = { .table = table, .capture = capture };
	int err = prepare(db, &insert);

	for (size_t i = 0; i < nr && !err; i++)
		err = insert_row(&insert, 0, i, (const char *)rows + i * table->row_size);
	sqlite3_finalize(insert.statement);
	return err;
}

static int insert_stack_frames(sqlite3 *db, sqlite3_int64 capture, const struct profile *profile)
{
	struct insert insert = { .table = &stack_frame_table, .capture = capture };
	int err = prepare(db, &insert);

	for (size_t i = 0; i < profile->nr_stacks; i++)
		for (size_t j = 0; j < profile->stacks[i].nr_frames && !err; j++)
			err = insert_row(&insert, i, j, &profile->stacks[i].frames[j]);
	sqlite3_finalize(insert.statement);
	return err;
}

static int insert_cohorts(sqlite3 *db, sqlite3_int64 capture, const struct profile *profile)
{
	struct insert insert = { .table = &cohort_table, .capture = capture };
	int err = prepare(db, &insert);

	for (size_t i = 0; i < profile->nr_sites; i++)
		for (size_t j = 0; j < profile->sites[i].nr_cohorts && !err; j++)
			err = insert_row(&insert, i, j, &profile->sites[i].cohorts[j]);
	sqlite3_finalize(insert.statement);
	return err;
}

int capture_rows_create(sqlite3 *db)
{
	int err = 0;

	for (size_t i = 0; capture_tables[i] && !err; i++) {
		char *sql = table_create_sql(capture_tables[i]);

		err = sql ? run(db, sql) : SQLITE_NOMEM;
		free(sql);
	}
	for (size_t i = 0; capture_views[i] && !err; i++)
		err = run(db, capture_views[i]);
	return err;
}

int capture_rows_insert(sqlite3 *db, sqlite3_int64 capture, const struct profile *profile)
{
	const struct profile_health *health = &profile->health;
	const struct {
		const struct table *table;
		const void *rows;
		size_t nr;
	} parts[] = {
		{ &capture_table, &profile->capture, 1 },
		{ &health_table, health, 1 },
		{ &module_table, profile->modules, profile->nr_modules },
		{ &frame_table, profile->frames, profile->nr_frames },
		{ &stack_table, profile->stacks, profile->nr_stacks },
		{ &process_table, profile->processes, profile->nr_processes },
		{ &site_table, profile->sites, profile->nr_sites },
		{ &point_table, profile->points, profile->nr_points },
		{ &objects_table, profile->objects, profile->nr_objects },
		{ &skipped_probe_table, health->skipped_probes, health->nr_skipped_probes },
		{ &burst_table, profile->bursts, profile->nr_bursts },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++)
		err = insert_rows(db, capture, parts[i].table, parts[i].rows, parts[i].nr);
	if (!err)
		err = insert_stack_frames(db, capture, profile);
	return err ? err : insert_cohorts(db, capture, profile);
}

int capture_rows_write(sqlite3 *db, const struct profile *profile)
{
	char pragmas[96];
	int err = run(db, "BEGIN");

	sqlite3_snprintf(sizeof(pragmas), pragmas,
			 "PRAGMA application_id = %d; PRAGMA user_version = %d",
			 CAPTURE_APPLICATION_ID, PROFILE_SCHEMA);
	if (!err)
		err = run(db, pragmas);
	if (!err)
		err = capture_rows_create(db);
	if (!err)
		err = capture_rows_insert(db, 1, profile);
	return err ? err : run(db, "COMMIT");
}

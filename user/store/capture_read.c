/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the way of tables' rows into a profile. What it reads may be anybody's file: it
 * reads only tables made by the very statements that the writer uses (so no view,
 * virtual table or generated column runs on its behalf), and checks every number that is
 * used as an index. What it allocates is bounded by the rows that the file really holds.
 */
#include "store/capture_rows.h"
#include "store/capture_schema.h"
#include "base/vec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

static const char bad_value[] = "a value is out of its range";
static const char bad_order[] = "rows are missing";
static const char bad_reference[] = "a row refers to one that is not there";
static const char bad_schema[] = "its tables are not those of a capture";
static const char bad_file[] = "its database is not consistent";

struct reader {
	sqlite3 *db;
	struct profile *profile;
	const char *why;
};

static int fail(struct reader *reader, const char *why)
{
	reader->why = why;
	return -EINVAL;
}

static int fail_step(struct reader *reader, int code)
{
	return code == SQLITE_NOMEM ? -ENOMEM : fail(reader, bad_file);
}

/* The table is there, and is made by our own statement. */
static int check_table(struct reader *reader, const struct table *table)
{
	char *expected = table_create_sql(table);
	sqlite3_stmt *select = NULL;
	const char *sql;
	int err = -ENOMEM;

	if (!expected)
		return err;
	if (sqlite3_prepare_v2(reader->db,
			       "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?",
			       -1, &select, NULL)) {
		err = fail(reader, bad_file);
		goto out;
	}
	sqlite3_bind_text(select, 1, table->name, -1, SQLITE_STATIC);
	if (sqlite3_step(select) != SQLITE_ROW) {
		err = fail(reader, bad_schema);
		goto out;
	}
	sql = (const char *)sqlite3_column_text(select, 0);
	err = sql && !strcmp(sql, expected) ? 0 : fail(reader, bad_schema);
out:
	sqlite3_finalize(select);
	free(expected);
	return err;
}

/*
 * SQLite's own check of the table's pages: no loop, no page used twice, no row of a wrong
 * type. Of this table alone, after its statement is known: other tables are not ours to run.
 */
static int check_pages(struct reader *reader, const struct table *table)
{
	sqlite3_stmt *check = NULL;
	const char *answer = NULL;
	char sql[64];
	int code;

	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA quick_check('%q')", table->name);
	code = sqlite3_prepare_v2(reader->db, sql, -1, &check, NULL);
	if (!code)
		code = sqlite3_step(check);
	if (code == SQLITE_ROW)
		answer = (const char *)sqlite3_column_text(check, 0);
	code = answer && !strcmp(answer, "ok") ? 0 : fail_step(reader, code);
	sqlite3_finalize(check);
	return code;
}

static int read_u32(struct reader *reader, sqlite3_stmt *select, int at, uint32_t *ret_value)
{
	sqlite3_int64 value = sqlite3_column_int64(select, at);

	if (value < 0 || value > UINT32_MAX)
		return fail(reader, bad_value);
	*ret_value = value;
	return 0;
}

static int read_text(struct reader *reader, sqlite3_stmt *select, int at, const char **ret_text)
{
	const char *text;

	if (sqlite3_column_type(select, at) == SQLITE_NULL)
		return 0;
	text = (const char *)sqlite3_column_text(select, at);
	if (text)
		text = profile_string(reader->profile, text);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

static int read_row_number(struct reader *reader, sqlite3_stmt *select, int at, uint32_t *ret_row)
{
	if (sqlite3_column_type(select, at) == SQLITE_NULL) {
		*ret_row = PROFILE_NONE;
		return 0;
	}
	return read_u32(reader, select, at, ret_row);
}

static int read_count(struct reader *reader, sqlite3_stmt *select, int at, uint64_t *ret_count)
{
	sqlite3_int64 value = sqlite3_column_int64(select, at);

	if (value < 0)
		return fail(reader, bad_value);
	*ret_count = value;
	return 0;
}

static int read_verdict(struct reader *reader, sqlite3_stmt *select, int at,
			enum profile_verdict *ret_verdict)
{
	const char *name = (const char *)sqlite3_column_text(select, at);
	enum profile_verdict verdict = name ? profile_verdict_parse(name) : VERDICT_COUNT;

	if (verdict == VERDICT_COUNT)
		return fail(reader, bad_value);
	*ret_verdict = verdict;
	return 0;
}

static int read_stack_end(struct reader *reader, sqlite3_stmt *select, int at,
			  enum profile_stack_end *ret_end)
{
	const char *name = (const char *)sqlite3_column_text(select, at);
	enum profile_stack_end end = name ? profile_stack_end_parse(name) : STACK_END_COUNT;

	if (end == STACK_END_COUNT)
		return fail(reader, bad_value);
	*ret_end = end;
	return 0;
}

static int read_mode(struct reader *reader, sqlite3_stmt *select, int at,
		     enum profile_mode *ret_mode)
{
	const char *name = (const char *)sqlite3_column_text(select, at);

	if (name && !strcmp(name, "exact"))
		*ret_mode = PROFILE_EXACT;
	else if (name && !strcmp(name, "sampled"))
		*ret_mode = PROFILE_SAMPLED;
	else
		return fail(reader, bad_value);
	return 0;
}

static int read_status(struct reader *reader, sqlite3_stmt *select, int at, int *ret_status)
{
	sqlite3_int64 value = sqlite3_column_int64(select, at);

	if (sqlite3_column_type(select, at) == SQLITE_NULL)
		value = -1;
	else if (value < 0 || value > INT32_MAX)
		return fail(reader, bad_value);
	*ret_status = value;
	return 0;
}

static int read_column(struct reader *reader, sqlite3_stmt *select, int at,
		       const struct column *column, void *row)
{
	void *field = (char *)row + column->offset;
	int err;

	switch (column->type) {
	case COLUMN_U32:
		return read_u32(reader, select, at, field);
	case COLUMN_COUNT:
		return read_count(reader, select, at, field);
	case COLUMN_BITS:
		*(uint64_t *)field = sqlite3_column_int64(select, at);
		return 0;
	case COLUMN_REAL:
		*(double *)field = sqlite3_column_type(select, at) == SQLITE_NULL
					   ? NAN
					   : sqlite3_column_double(select, at);
		return 0;
	case COLUMN_FLAG:
		*(bool *)field = sqlite3_column_int64(select, at) != 0;
		return 0;
	case COLUMN_TEXT:
		return read_text(reader, select, at, field);
	case COLUMN_NAME:
		err = read_text(reader, select, at, field);
		return !err && !*(const char **)field ? fail(reader, bad_value) : err;
	case COLUMN_ROW:
		return read_row_number(reader, select, at, field);
	case COLUMN_VERDICT:
		return read_verdict(reader, select, at, field);
	case COLUMN_STACK_END:
		return read_stack_end(reader, select, at, field);
	case COLUMN_MODE:
		return read_mode(reader, select, at, field);
	case COLUMN_STATUS:
		return read_status(reader, select, at, field);
	}
	return -EINVAL;
}

/* Where the row with these keys goes; *ret_row NULL and an error when nowhere. */
typedef int place_row(struct reader *reader, sqlite3_int64 owner, sqlite3_int64 index,
		      void **ret_row);

static int read_rows(struct reader *reader, sqlite3_stmt *select, const struct table *table,
		     place_row *place)
{
	int keys = table_select_keys(table), code, err = 0;
	size_t expected = 0;

	while (!err && (code = sqlite3_step(select)) == SQLITE_ROW) {
		sqlite3_int64 index = keys ? sqlite3_column_int64(select, keys - 1) : 0;
		void *row;

		/* Rows come in order: indices run from 0 without a gap. */
		if (table->key != KEY_CHILD && index != (sqlite3_int64)expected++)
			return fail(reader, bad_order);
		err = place(reader, keys > 1 ? sqlite3_column_int64(select, 0) : 0, index, &row);
		for (size_t i = 0; i < table->nr_columns && !err; i++)
			err = read_column(reader, select, keys + i, &table->columns[i], row);
	}
	if (!err && code != SQLITE_DONE)
		return fail_step(reader, code);
	return err || table->key != KEY_CAPTURE || expected ? err : fail(reader, bad_order);
}

static int read_table(struct reader *reader, const struct table *table, place_row *place)
{
	sqlite3_stmt *select = NULL;
	char *sql;
	int code, err = check_table(reader, table);

	if (!err)
		err = check_pages(reader, table);
	if (err)
		return err;
	sql = table_select_sql(table);
	if (!sql)
		return -ENOMEM;
	code = sqlite3_prepare_v2(reader->db, sql, -1, &select, NULL);
	free(sql);
	if (code)
		return fail_step(reader, code);
	err = read_rows(reader, select, table, place);
	sqlite3_finalize(select);
	return err;
}

static int placed(void *row, void **ret_row)
{
	if (!row)
		return -ENOMEM;
	*ret_row = row;
	return 0;
}

static int place_capture(struct reader *r, sqlite3_int64 owner, sqlite3_int64 index, void **ret_row)
{
	return placed(&r->profile->capture, ret_row);
}

static int place_health(struct reader *r, sqlite3_int64 owner, sqlite3_int64 index, void **ret_row)
{
	return placed(&r->profile->health, ret_row);
}

#define PLACE_IN(name, object, array)                                                              \
	static int place_##name(struct reader *r, sqlite3_int64 owner, sqlite3_int64 index,        \
				void **ret_row)                                                    \
	{                                                                                          \
		return placed(                                                                     \
			vec_push(&(object)->array, &(object)->nr_##array, &(object)->cap_##array), \
			ret_row);                                                                  \
	}

PLACE_IN(module, r->profile, modules)
PLACE_IN(frame, r->profile, frames)
PLACE_IN(stack, r->profile, stacks)
PLACE_IN(process, r->profile, processes)
PLACE_IN(site, r->profile, sites)
PLACE_IN(point, r->profile, points)
PLACE_IN(objects, r->profile, objects)
PLACE_IN(burst, r->profile, bursts)
PLACE_IN(skipped_probe, &r->profile->health, skipped_probes)

/* Grows a child array by one at each power of two; `nr` is its length so far. */
static int grow(void **items, uint32_t nr, size_t size)
{
	size_t want = nr ? (size_t)nr * 2 : 1;
	void *grown;

	if (nr & (nr - 1))
		return 0;
	grown = reallocarray(*items, want, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	return 0;
}

static int place_stack_frame(struct reader *r, sqlite3_int64 owner, sqlite3_int64 index,
			     void **ret_row)
{
	struct profile_stack *stack;

	if (owner < 0 || (uint64_t)owner >= r->profile->nr_stacks)
		return fail(r, bad_reference);
	stack = &r->profile->stacks[owner];
	if (index != stack->nr_frames)
		return fail(r, bad_order);
	if (grow((void **)&stack->frames, stack->nr_frames, sizeof(*stack->frames)))
		return -ENOMEM;
	stack->frames[stack->nr_frames] = PROFILE_NONE;
	return placed(&stack->frames[stack->nr_frames++], ret_row);
}

static int place_cohort(struct reader *r, sqlite3_int64 owner, sqlite3_int64 index, void **ret_row)
{
	struct profile_site *site;

	if (owner < 0 || (uint64_t)owner >= r->profile->nr_sites)
		return fail(r, bad_reference);
	site = &r->profile->sites[owner];
	if (index != site->nr_cohorts || index >= PROFILE_COHORTS)
		return fail(r, bad_order);
	if (grow((void **)&site->cohorts, site->nr_cohorts, sizeof(*site->cohorts)))
		return -ENOMEM;
	memset(&site->cohorts[site->nr_cohorts], 0, sizeof(*site->cohorts));
	return placed(&site->cohorts[site->nr_cohorts++], ret_row);
}

static bool row_exists(uint32_t row, size_t nr)
{
	return row < nr;
}

static bool row_exists_or_none(uint32_t row, size_t nr)
{
	return row == PROFILE_NONE || row < nr;
}

/* All rows are in: whatever they refer to must be too. */
static int check_references(struct reader *reader)
{
	const struct profile *p = reader->profile;
	bool sound = true;

	for (size_t i = 0; i < p->nr_frames; i++)
		sound &= row_exists_or_none(p->frames[i].module, p->nr_modules);
	for (size_t i = 0; i < p->nr_stacks; i++)
		for (uint32_t j = 0; j < p->stacks[i].nr_frames; j++)
			sound &= row_exists(p->stacks[i].frames[j], p->nr_frames);
	for (size_t i = 0; i < p->nr_processes; i++)
		sound &= row_exists_or_none(p->processes[i].parent, p->nr_processes);
	for (size_t i = 0; i < p->nr_sites; i++)
		sound &= row_exists(p->sites[i].process, p->nr_processes) &&
			 row_exists_or_none(p->sites[i].stack, p->nr_stacks);
	for (size_t i = 0; i < p->nr_points; i++)
		sound &= row_exists(p->points[i].process, p->nr_processes);
	for (size_t i = 0; i < p->nr_objects; i++)
		sound &= row_exists(p->objects[i].process, p->nr_processes);
	return sound ? 0 : fail(reader, bad_reference);
}

int capture_rows_read(sqlite3 *db, struct profile *profile, const char **ret_why)
{
	static const struct {
		const struct table *table;
		place_row *place;
	} parts[] = {
		{ &capture_table, place_capture },
		{ &health_table, place_health },
		{ &module_table, place_module },
		{ &frame_table, place_frame },
		{ &stack_table, place_stack },
		{ &stack_frame_table, place_stack_frame },
		{ &process_table, place_process },
		{ &site_table, place_site },
		{ &cohort_table, place_cohort },
		{ &point_table, place_point },
		{ &skipped_probe_table, place_skipped_probe },
		{ &objects_table, place_objects },
		{ &burst_table, place_burst },
	};
	struct reader reader = { .db = db, .profile = profile };
	int err = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++)
		err = read_table(&reader, parts[i].table, parts[i].place);
	if (!err)
		err = check_references(&reader);
	if (err == -EINVAL)
		*ret_why = reader.why;
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the layout of a capture: its tables and views, and the SQL made from them. Every
 * table starts with the number of the capture it belongs to, so that a store of many
 * captures has the very same tables; a capture file has one, number 1.
 */
#include "store/capture_schema.h"

#include <stdio.h>
#include <stdlib.h>

#define FIELD(row, type, field)                                                                    \
	{                                                                                          \
#field, COLUMN_##type, offsetof(struct row, field)                                 \
	}
#define COLUMNS(list) .columns = list, .nr_columns = sizeof(list) / sizeof(list[0])

static const struct column capture_columns[] = {
	FIELD(profile_capture, REAL, started),	    FIELD(profile_capture, REAL, seconds),
	FIELD(profile_capture, MODE, mode),	    FIELD(profile_capture, COUNT, sample_bytes),
	FIELD(profile_capture, TEXT, command),	    FIELD(profile_capture, TEXT, host),
	FIELD(profile_capture, TEXT, kernel),	    FIELD(profile_capture, TEXT, architecture),
	FIELD(profile_capture, TEXT, seep_version), FIELD(profile_capture, FLAG, ran_child),
	FIELD(profile_capture, REAL, budget),	    FIELD(profile_capture, TEXT, budget_words),
};
const struct table capture_table = {
	.name = "capture",
	.key = KEY_CAPTURE,
	.row_size = sizeof(struct profile_capture),
	COLUMNS(capture_columns),
};

static const struct column health_columns[] = {
	FIELD(profile_health, COUNT, events),
	FIELD(profile_health, COUNT, dropped),
	FIELD(profile_health, COUNT, dropped_allocs),
	FIELD(profile_health, COUNT, dropped_frees),
	FIELD(profile_health, COUNT, dropped_stacks),
	FIELD(profile_health, COUNT, dropped_other),
	FIELD(profile_health, COUNT, unmatched_frees),
	FIELD(profile_health, COUNT, inherited_frees),
	FIELD(profile_health, COUNT, repeated_frees),
	FIELD(profile_health, COUNT, missed_frees),
	FIELD(profile_health, COUNT, entries),
	FIELD(profile_health, COUNT, returns),
	FIELD(profile_health, COUNT, abandoned),
	FIELD(profile_health, COUNT, nested),
	FIELD(profile_health, COUNT, bad_records),
	FIELD(profile_health, COUNT, threads_full),
	FIELD(profile_health, COUNT, spaces_full),
	FIELD(profile_health, COUNT, stacks_full),
	FIELD(profile_health, COUNT, stack_collisions),
	FIELD(profile_health, COUNT, stack_faults),
	FIELD(profile_health, COUNT, sampled_full),
	FIELD(profile_health, COUNT, unsampled),
	FIELD(profile_health, COUNT, blocks_evicted),
	FIELD(profile_health, COUNT, evicted_bytes),
	FIELD(profile_health, COUNT, sites_folded),
	FIELD(profile_health, COUNT, frames_unnamed),
	FIELD(profile_health, COUNT, frames),
	FIELD(profile_health, COUNT, collector_bytes),
	FIELD(profile_health, REAL, cpu_seconds),
	FIELD(profile_health, REAL, traced_share),
	FIELD(profile_health, REAL, target_seconds),
	FIELD(profile_health, REAL, cost_seconds),
};
const struct table health_table = {
	.name = "health",
	.key = KEY_CAPTURE,
	.row_size = sizeof(struct profile_health),
	COLUMNS(health_columns),
};

static const struct column module_columns[] = {
	FIELD(profile_module, NAME, path),
	FIELD(profile_module, TEXT, build_id),
	FIELD(profile_module, FLAG, deleted),
};
const struct table module_table = {
	.name = "module",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_module),
	COLUMNS(module_columns),
};

static const struct column frame_columns[] = {
	FIELD(profile_frame, ROW, module),    FIELD(profile_frame, U32, flags),
	FIELD(profile_frame, BITS, address),  FIELD(profile_frame, BITS, offset),
	FIELD(profile_frame, TEXT, function), FIELD(profile_frame, TEXT, file),
	FIELD(profile_frame, U32, line),      FIELD(profile_frame, TEXT, language),
};
const struct table frame_table = {
	.name = "frame",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_frame),
	COLUMNS(frame_columns),
};

static const struct column stack_columns[] = {
	FIELD(profile_stack, FLAG, cut),
	{ "stack_end", COLUMN_STACK_END, offsetof(struct profile_stack, end) },
};
const struct table stack_table = {
	.name = "stack",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_stack),
	COLUMNS(stack_columns),
};

/* A row of it is one uint32_t of profile_stack.frames. */
static const struct column stack_frame_columns[] = {
	{ "frame", COLUMN_ROW, 0 },
};
const struct table stack_frame_table = {
	.name = "stack_frame",
	.key = KEY_CHILD,
	.owner = "stack",
	.row_size = sizeof(uint32_t),
	COLUMNS(stack_frame_columns),
};

static const struct column process_columns[] = {
	FIELD(profile_process, U32, pid),
	FIELD(profile_process, U32, ns_pid),
	FIELD(profile_process, ROW, parent),
	FIELD(profile_process, U32, generation),
	FIELD(profile_process, NAME, comm),
	FIELD(profile_process, TEXT, exe),
	FIELD(profile_process, TEXT, container),
	FIELD(profile_process, TEXT, cgroup),
	FIELD(profile_process, TEXT, runtime),
	FIELD(profile_process, REAL, started),
	FIELD(profile_process, REAL, seen_seconds),
	FIELD(profile_process, FLAG, exited),
	FIELD(profile_process, STATUS, exit_status),
	FIELD(profile_process, COUNT, live_bytes),
	FIELD(profile_process, COUNT, live_count),
	FIELD(profile_process, COUNT, alloc_bytes),
	FIELD(profile_process, COUNT, alloc_count),
	FIELD(profile_process, COUNT, free_bytes),
	FIELD(profile_process, COUNT, free_count),
	FIELD(profile_process, COUNT, mapped_bytes),
	FIELD(profile_process, COUNT, mapped_count),
	FIELD(profile_process, COUNT, rss_bytes),
	FIELD(profile_process, COUNT, rss_start_bytes),
	FIELD(profile_process, COUNT, unmatched_frees),
	FIELD(profile_process, COUNT, inherited_frees),
	FIELD(profile_process, COUNT, repeated_frees),
	FIELD(profile_process, COUNT, missed_frees),
	FIELD(profile_process, COUNT, lost_frees),
	FIELD(profile_process, FLAG, tainted),
	FIELD(profile_process, TEXT, limit_name),
	FIELD(profile_process, COUNT, limit_bytes),
	FIELD(profile_process, COUNT, limit_used_bytes),
	FIELD(profile_process, COUNT, limit_room_bytes),
	FIELD(profile_process, COUNT, limit_hits),
	FIELD(profile_process, COUNT, oom_kills),
	FIELD(profile_process, FLAG, oom_killed),
	FIELD(profile_process, REAL, pressure),
	FIELD(profile_process, REAL, limit_seconds),
	FIELD(profile_process, REAL, limit_seconds_low),
	FIELD(profile_process, REAL, limit_seconds_high),
	FIELD(profile_process, TEXT, allocator),
	FIELD(profile_process, COUNT, allocator_held_bytes),
	FIELD(profile_process, COUNT, allocator_free_bytes),
	FIELD(profile_process, FLAG, allocator_at_most),
	FIELD(profile_process, TEXT, runtime_limit),
	FIELD(profile_process, COUNT, runtime_limit_bytes),
	FIELD(profile_process, TEXT, runtime_verdict),
	FIELD(profile_process, TEXT, runtime_evidence),
	FIELD(profile_process, VERDICT, verdict),
	FIELD(profile_process, TEXT, evidence),
};
const struct table process_table = {
	.name = "process",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_process),
	COLUMNS(process_columns),
};

static const struct column site_columns[] = {
	{ "site_id", COLUMN_BITS, offsetof(struct profile_site, id) },
	FIELD(profile_site, ROW, process),
	FIELD(profile_site, ROW, stack),
	FIELD(profile_site, U32, tid),
	FIELD(profile_site, NAME, family),
	FIELD(profile_site, NAME, operation),
	FIELD(profile_site, COUNT, live_bytes),
	FIELD(profile_site, COUNT, live_count),
	FIELD(profile_site, COUNT, alloc_bytes),
	FIELD(profile_site, COUNT, alloc_count),
	FIELD(profile_site, COUNT, free_bytes),
	FIELD(profile_site, COUNT, free_count),
	FIELD(profile_site, COUNT, largest),
	FIELD(profile_site, REAL, oldest_seconds),
	FIELD(profile_site, REAL, live_bytes_error),
	FIELD(profile_site, REAL, live_count_error),
	FIELD(profile_site, REAL, leak_share),
	FIELD(profile_site, REAL, leak_share_low),
	FIELD(profile_site, REAL, leak_share_high),
	FIELD(profile_site, COUNT, leak_bursts),
	FIELD(profile_site, REAL, growth_rate),
	FIELD(profile_site, VERDICT, verdict),
	FIELD(profile_site, TEXT, evidence),
};
const struct table site_table = {
	.name = "site",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_site),
	COLUMNS(site_columns),
};

static const struct column cohort_columns[] = {
	{ "begin_seconds", COLUMN_REAL, offsetof(struct profile_cohort, begin) },
	{ "end_seconds", COLUMN_REAL, offsetof(struct profile_cohort, end) },
	FIELD(profile_cohort, COUNT, alloc_bytes),
	FIELD(profile_cohort, COUNT, alloc_count),
	FIELD(profile_cohort, COUNT, live_bytes),
	FIELD(profile_cohort, COUNT, live_count),
};
const struct table cohort_table = {
	.name = "cohort",
	.key = KEY_CHILD,
	.owner = "site",
	.row_size = sizeof(struct profile_cohort),
	COLUMNS(cohort_columns),
};

static const struct column point_columns[] = {
	FIELD(profile_point, ROW, process),	 FIELD(profile_point, REAL, seconds),
	FIELD(profile_point, COUNT, live_bytes), FIELD(profile_point, COUNT, live_count),
	FIELD(profile_point, COUNT, rss_bytes),
};
const struct table point_table = {
	.name = "point",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_point),
	COLUMNS(point_columns),
};

static const struct column objects_columns[] = {
	FIELD(profile_objects, ROW, process),	       FIELD(profile_objects, NAME, collected_by),
	FIELD(profile_objects, NAME, cause),	       FIELD(profile_objects, TEXT, reason),
	FIELD(profile_objects, COUNT, looks),	       FIELD(profile_objects, REAL, look_seconds),
	FIELD(profile_objects, REAL, look_cost),       FIELD(profile_objects, COUNT, objects),
	FIELD(profile_objects, COUNT, objects_before), FIELD(profile_objects, TEXT, collector),
	FIELD(profile_objects, COUNT, held),	       FIELD(profile_objects, COUNT, dead),
	FIELD(profile_objects, COUNT, garbage),	       FIELD(profile_objects, TEXT, path),
	FIELD(profile_objects, TEXT, container),       FIELD(profile_objects, COUNT, length),
	FIELD(profile_objects, REAL, length_growth),   FIELD(profile_objects, TEXT, type),
	FIELD(profile_objects, REAL, type_growth),     FIELD(profile_objects, REAL, native_rate),
	FIELD(profile_objects, TEXT, place),
};
const struct table objects_table = {
	.name = "objects",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_objects),
	COLUMNS(objects_columns),
};

static const struct column burst_columns[] = {
	{ "begin_seconds", COLUMN_REAL, offsetof(struct profile_burst, begin) },
	{ "end_seconds", COLUMN_REAL, offsetof(struct profile_burst, end) },
	FIELD(profile_burst, COUNT, hits),
	FIELD(profile_burst, REAL, cost_seconds),
};
const struct table burst_table = {
	.name = "burst",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_burst),
	COLUMNS(burst_columns),
};

static const struct column skipped_probe_columns[] = {
	FIELD(profile_skipped_probe, U32, pid),
	FIELD(profile_skipped_probe, TEXT, module),
	FIELD(profile_skipped_probe, TEXT, symbol),
	FIELD(profile_skipped_probe, TEXT, reason),
};
const struct table skipped_probe_table = {
	.name = "skipped_probe",
	.key = KEY_ROW,
	.row_size = sizeof(struct profile_skipped_probe),
	COLUMNS(skipped_probe_columns),
};

const struct table *const capture_tables[] = {
	&capture_table,	      &health_table,  &module_table,	  &frame_table,	 &stack_table,
	&process_table,	      &site_table,    &stack_frame_table, &cohort_table, &point_table,
	&skipped_probe_table, &objects_table, &burst_table,	  NULL,
};

/* Flag 1 of a frame is FRAME_ALLOCATOR. */
const char *const capture_views[] = {
	"CREATE VIEW site_frames AS SELECT s.capture, s.id AS site, f.position, "
	"r.function, m.path AS module, r.offset, r.file, r.line, r.flags & 1 AS allocator "
	"FROM site s JOIN stack_frame f ON f.capture = s.capture AND f.stack = s.stack "
	"JOIN frame r ON r.capture = f.capture AND r.id = f.frame "
	"LEFT JOIN module m ON m.capture = r.capture AND m.id = r.module",

	"CREATE VIEW top_sites AS SELECT s.capture, s.id AS site, p.pid, p.comm, s.verdict, "
	"s.live_bytes, s.live_count, CAST(s.growth_rate * 3600 AS INTEGER) AS growth_per_hour, "
	"(SELECT coalesce(v.function, v.module || '+' || printf('0x%x', v.offset)) "
	"FROM site_frames v WHERE v.capture = s.capture AND v.site = s.id AND NOT v.allocator "
	"ORDER BY v.position LIMIT 1) AS place, s.evidence "
	"FROM site s JOIN process p ON p.capture = s.capture AND p.id = s.process "
	"ORDER BY s.live_bytes DESC",

	NULL,
};

static const char *sql_type(enum column_type type)
{
	switch (type) {
	case COLUMN_U32:
	case COLUMN_COUNT:
	case COLUMN_BITS:
	case COLUMN_FLAG:
		return "INTEGER NOT NULL";
	case COLUMN_ROW:
	case COLUMN_STATUS:
		return "INTEGER";
	case COLUMN_REAL:
		return "REAL";
	case COLUMN_NAME:
	case COLUMN_VERDICT:
	case COLUMN_MODE:
		return "TEXT NOT NULL";
	case COLUMN_STACK_END:
		return "TEXT NOT NULL DEFAULT 'whole'";
	case COLUMN_TEXT:
		break;
	}
	return "TEXT";
}

/* Ends the memory stream: its text, or NULL when out of memory. */
static char *stream_end(FILE *stream, char **text)
{
	if (fclose(stream) == 0)
		return *text;
	free(*text);
	return NULL;
}

char *table_create_sql(const struct table *table)
{
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return NULL;
	fprintf(out, "CREATE TABLE %s (capture INTEGER NOT NULL", table->name);
	if (table->key == KEY_ROW)
		fputs(", id INTEGER NOT NULL", out);
	else if (table->key == KEY_CHILD)
		fprintf(out, ", %s INTEGER NOT NULL, position INTEGER NOT NULL", table->owner);
	for (size_t i = 0; i < table->nr_columns; i++)
		fprintf(out, ", %s %s", table->columns[i].name, sql_type(table->columns[i].type));
	fputs(", PRIMARY KEY (capture", out);
	if (table->key == KEY_ROW)
		fputs(", id", out);
	else if (table->key == KEY_CHILD)
		fprintf(out, ", %s, position", table->owner);
	fputs(")) STRICT, WITHOUT ROWID", out);
	return stream_end(out, &sql);
}

int table_insert_keys(const struct table *table)
{
	return 1 + table_select_keys(table);
}

int table_select_keys(const struct table *table)
{
	return table->key == KEY_CAPTURE ? 0 : table->key == KEY_ROW ? 1 : 2;
}

char *table_insert_sql(const struct table *table)
{
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return NULL;
	/* By name: a store made by another seep may have its columns in another order. */
	fprintf(out, "INSERT INTO %s (capture", table->name);
	if (table->key == KEY_ROW)
		fputs(", id", out);
	else if (table->key == KEY_CHILD)
		fprintf(out, ", %s, position", table->owner);
	for (size_t i = 0; i < table->nr_columns; i++)
		fprintf(out, ", %s", table->columns[i].name);
	fputs(") VALUES (?", out);
	for (size_t i = 1; i < table_insert_keys(table) + table->nr_columns; i++)
		fputs(", ?", out);
	fputs(")", out);
	return stream_end(out, &sql);
}

char *table_select_sql(const struct table *table)
{
	const char *order[] = { "capture", "id", table->owner };
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return NULL;
	fputs("SELECT ", out);
	if (table->key != KEY_CAPTURE)
		fprintf(out, "%s, ", order[table->key]);
	if (table->key == KEY_CHILD)
		fputs("position, ", out);
	for (size_t i = 0; i < table->nr_columns; i++)
		fprintf(out, "%s%s", i ? ", " : "", table->columns[i].name);
	fprintf(out, " FROM %s WHERE capture = 1 ORDER BY %s%s", table->name, order[table->key],
		table->key == KEY_CHILD ? ", position" : "");
	return stream_end(out, &sql);
}

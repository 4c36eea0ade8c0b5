/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of a capture as data: which column holds which field of a profile's row.
 * Creating, writing and reading all go by these.
 */
#ifndef SEEP_STORE_CAPTURE_SCHEMA_H
#define SEEP_STORE_CAPTURE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

/* "seep" in ASCII: PRAGMA application_id. */
#define CAPTURE_APPLICATION_ID 0x73656570

enum column_type {
	COLUMN_U32 = 0, /* uint32_t */
	COLUMN_COUNT, /* uint64_t, held at 2^63-1 when larger */
	COLUMN_BITS, /* uint64_t, all 64 bits: negative in SQL when the top one is set */
	COLUMN_REAL, /* double */
	COLUMN_FLAG, /* bool */
	COLUMN_TEXT, /* const char *, NULL unknown */
	COLUMN_NAME, /* const char *, never NULL */
	COLUMN_ROW, /* uint32_t, the id of a row elsewhere; PROFILE_NONE is NULL */
	COLUMN_VERDICT, /* enum profile_verdict, by name */
	COLUMN_STACK_END, /* enum profile_stack_end, by name */
	COLUMN_MODE, /* enum profile_mode: "exact", "sampled" */
	COLUMN_STATUS, /* int, NULL when negative */
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset; /* in the row's struct */
};

/* The columns that come before a table's own and are its primary key. */
enum table_key {
	KEY_CAPTURE = 0, /* (capture): one row a capture */
	KEY_ROW, /* (capture, id): id is the row's index in the profile, from 0 */
	KEY_CHILD, /* (capture, <owner>, position) */
};

struct table {
	const char *name;
	enum table_key key;
	const char *owner; /* KEY_CHILD: the table whose row it belongs to */
	const struct column *columns;
	size_t nr_columns;
	size_t row_size;
};

extern const struct table capture_table, health_table, module_table, frame_table, stack_table,
	stack_frame_table, process_table, site_table, cohort_table, point_table,
	skipped_probe_table, objects_table, burst_table;
/* All of them, ended by NULL. */
extern const struct table *const capture_tables[];
/* Views for people, as SQL statements, ended by NULL. */
extern const char *const capture_views[];

/*
 * The statement that makes the table, the one that inserts a row, the one that reads the
 * first capture's rows in order (columns: the keys but `capture`, then the table's own).
 * The caller frees them; NULL when out of memory.
 */
char *table_create_sql(const struct table *table);
char *table_insert_sql(const struct table *table);
char *table_select_sql(const struct table *table);
/* How many columns of a select or insert come before the table's own. */
int table_select_keys(const struct table *table);
int table_insert_keys(const struct table *table);

#endif

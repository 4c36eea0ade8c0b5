/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the way of a sweep into the store: one transaction a call. How much may be written, and
 * what goes for it, is the matter of sweep_room.c.
 */
#include "store/sweep_store_internal.h"
#include "store/capture_rows.h"
#include "heap/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A statement that is being bound, one value after another; the first error stays. */
struct binding {
	sqlite3_stmt *statement;
	int parameter;
	int code;
};

static struct binding bind_begin(sqlite3 *db, const char *sql)
{
	struct binding binding = { 0 };

	binding.code = sqlite3_prepare_v2(db, sql, -1, &binding.statement, NULL);
	return binding;
}

static void bind_number(struct binding *binding, uint64_t number)
{
	if (!binding->code)
		binding->code =
			sqlite3_bind_int64(binding->statement, ++binding->parameter,
					   number > INT64_MAX ? INT64_MAX : (sqlite3_int64)number);
}

/* All 64 bits: negative in SQL when the top one is set. */
static void bind_bits(struct binding *binding, uint64_t bits)
{
	if (!binding->code)
		binding->code = sqlite3_bind_int64(binding->statement, ++binding->parameter,
						   (sqlite3_int64)bits);
}

/* NULL for 0, which means unknown or none. */
static void bind_known(struct binding *binding, uint64_t number)
{
	if (number)
		bind_number(binding, number);
	else if (!binding->code)
		binding->code = sqlite3_bind_null(binding->statement, ++binding->parameter);
}

static void bind_real(struct binding *binding, double number)
{
	if (!binding->code)
		binding->code =
			sqlite3_bind_double(binding->statement, ++binding->parameter, number);
}

static void bind_text(struct binding *binding, const char *text)
{
	if (!binding->code)
		binding->code = sqlite3_bind_text(binding->statement, ++binding->parameter, text,
						  -1, SQLITE_STATIC);
}

/* Runs it, and makes it ready for the next row. */
static int bind_step(struct binding *binding)
{
	if (!binding->code) {
		int code = sqlite3_step(binding->statement);

		binding->code = code == SQLITE_DONE ? 0 : code;
	}
	if (!binding->code)
		binding->code = sqlite3_reset(binding->statement);
	binding->parameter = 0;
	return binding->code;
}

static int bind_end(struct binding *binding)
{
	sqlite3_finalize(binding->statement);
	return binding->code;
}

/* In a transaction: -ESTALE when the sweep was taken out to make room for another's. */
static int check_sweep(struct sweep_store *store, int64_t sweep, char **ret_message)
{
	if (sweep_store_ask(store->db, "SELECT id FROM sweep WHERE id = ?", sweep, 0))
		return 0;
	sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	sweep_store_say(ret_message, "sweep %lld is no longer in %s: it went to make room",
			(long long)sweep, store->path);
	return -ESTALE;
}

typedef int write_rows(struct sweep_store *store, sqlite3_int64 sweep, const void *from,
		       void *into);

/* One transaction, for a sweep that is there, or 0; the oldest go while there is no room for it. */
static int write_in(struct sweep_store *store, sqlite3_int64 sweep, const char *what,
		    write_rows *write, const void *from, void *into, char **ret_message)
{
	for (;;) {
		int err = sweep_store_lock(store, what, ret_message);

		if (!err && sweep)
			err = check_sweep(store, sweep, ret_message);
		if (err)
			return err;
		err = sweep_store_commit(store, write(store, sweep, from, into), what, ret_message);
		if (err != -EXFULL)
			return err;
		err = sweep_store_make_room(store, sweep, ret_message);
		if (err)
			return err;
		if (ret_message) {
			free(*ret_message);
			*ret_message = NULL;
		}
	}
}

static int insert_sweep(struct sweep_store *store, sqlite3_int64 none, const void *from, void *into)
{
	const struct sweep_begin *begin = from;
	struct binding row = bind_begin(
		store->db, "INSERT INTO sweep (host, host_id, started, probability, "
			   "budget, seep_version, command) VALUES (?, ?, ?, ?, ?, ?, ?)");

	bind_text(&row, begin->host);
	bind_text(&row, begin->host_id);
	bind_real(&row, begin->started);
	bind_real(&row, begin->probability > 0 ? begin->probability : 1);
	bind_real(&row, begin->budget);
	bind_text(&row, begin->version);
	bind_text(&row, begin->command);
	bind_step(&row);
	*(int64_t *)into = sqlite3_last_insert_rowid(store->db);
	return bind_end(&row);
}

int sweep_store_begin(struct sweep_store *store, const struct sweep_begin *begin,
		      int64_t *ret_sweep, char **ret_message)
{
	int64_t sweep = 0;
	int err;

	if (ret_message)
		*ret_message = NULL;
	err = sweep_store_retain(store, begin->started - store->age_max, ret_message);
	if (!err)
		err = write_in(store, 0, "begin a sweep", insert_sweep, begin, &sweep, ret_message);
	if (err)
		return err;
	*ret_sweep = sweep;
	return 0;
}

/* The number of a program's row, made when there is none. */
static int find_program(sqlite3 *db, const char *exe, const char *build_id, const char *version,
			sqlite3_int64 *ret_program)
{
	static const char *const statements[] = {
		"INSERT OR IGNORE INTO program (exe, build_id, version) VALUES (?, ?, ?)",
		"SELECT id FROM program WHERE exe = ? AND build_id = ? AND version = ?",
	};
	int code = 0;

	for (size_t i = 0; i < 2 && !code; i++) {
		struct binding row = bind_begin(db, statements[i]);

		bind_text(&row, exe);
		bind_text(&row, build_id ? build_id : "");
		bind_text(&row, version ? version : "");
		bind_step(&row);
		if (i && row.code == SQLITE_ROW) {
			*ret_program = sqlite3_column_int64(row.statement, 0);
			row.code = 0;
		} else if (i && !row.code) {
			row.code = SQLITE_NOTFOUND;
		}
		code = bind_end(&row);
	}
	return code;
}

struct profile_parts {
	const struct profile *profile;
	const char *version;
};

static int insert_programs(sqlite3 *db, sqlite3_int64 capture, const struct profile_parts *parts,
			   sqlite3_int64 *programs)
{
	const struct profile *profile = parts->profile;
	struct binding row = bind_begin(
		db, "INSERT INTO capture_program (capture, program, processes) VALUES (?, ?, 1) "
		    "ON CONFLICT DO UPDATE SET processes = processes + 1");

	for (size_t i = 0; i < profile->nr_processes && !row.code; i++) {
		const struct profile_process *process = &profile->processes[i];
		const struct profile_module *module = signature_executable(profile, process);

		row.code = find_program(db, process->exe ? process->exe : process->comm,
					module ? module->build_id : NULL, parts->version,
					&programs[i]);
		bind_bits(&row, capture);
		bind_bits(&row, programs[i]);
		bind_step(&row);
	}
	return bind_end(&row);
}

static int insert_signatures(sqlite3 *db, sqlite3_int64 capture, const struct profile *profile,
			     const sqlite3_int64 *programs)
{
	struct binding row = bind_begin(
		db, "INSERT INTO site_signature (capture, site, signature, name_signature, "
		    "program, pid, process_started, verdict, growth_rate, live_bytes) "
		    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	for (size_t i = 0; i < profile->nr_sites && !row.code; i++) {
		const struct profile_site *site = &profile->sites[i];
		struct signature signature = signature_of(profile, site);

		bind_bits(&row, capture);
		bind_number(&row, i);
		bind_bits(&row, signature.code);
		bind_bits(&row, signature.names);
		bind_bits(&row, programs[site->process]);
		bind_number(&row, profile->processes[site->process].pid);
		bind_real(&row, profile->processes[site->process].started);
		bind_text(&row, profile_verdict_name(site->verdict));
		bind_real(&row, site->growth_rate);
		bind_number(&row, site->live_bytes);
		bind_step(&row);
	}
	return bind_end(&row);
}

/*
 * Cohorts are two thirds of a capture. Those of a site that nobody will ask about, since it is
 * steady or too little is known of it, are left out.
 */
static int insert_rows(sqlite3 *db, sqlite3_int64 capture, const struct profile *profile)
{
	struct profile kept = *profile;
	int code;

	kept.sites = calloc(profile->nr_sites + 1, sizeof(*kept.sites));
	if (!kept.sites)
		return SQLITE_NOMEM;
	for (size_t i = 0; i < profile->nr_sites; i++) {
		kept.sites[i] = profile->sites[i];
		if (kept.sites[i].verdict == VERDICT_STEADY ||
		    kept.sites[i].verdict == VERDICT_TOO_LITTLE_DATA)
			kept.sites[i].nr_cohorts = 0;
	}
	code = capture_rows_insert(db, capture, &kept);
	free(kept.sites);
	return code;
}

static int insert_profile(struct sweep_store *store, sqlite3_int64 sweep, const void *from,
			  void *into)
{
	const struct profile_parts *parts = from;
	sqlite3_int64 capture, *programs;
	sqlite3 *db = store->db;
	int code = sweep_store_run(db, "INSERT INTO sweep_capture (sweep) VALUES (?)", sweep);

	if (code)
		return code;
	capture = sqlite3_last_insert_rowid(db);
	programs = calloc(parts->profile->nr_processes + 1, sizeof(*programs));
	if (!programs)
		return SQLITE_NOMEM;
	code = insert_rows(db, capture, parts->profile);
	if (!code)
		code = insert_programs(db, capture, parts, programs);
	if (!code)
		code = insert_signatures(db, capture, parts->profile, programs);
	free(programs);
	if (!code)
		*(int64_t *)into = capture;
	return code;
}

int sweep_store_add_profile(struct sweep_store *store, int64_t sweep, const struct profile *profile,
			    const char *version, int64_t *ret_capture, char **ret_message)
{
	struct profile_parts parts = { profile, version };
	int64_t capture = 0;
	int err;

	if (ret_message)
		*ret_message = NULL;
	err = write_in(store, sweep, "keep a capture", insert_profile, &parts, &capture,
		       ret_message);
	if (err)
		return err;
	*ret_capture = capture;
	return 0;
}

static int insert_suspect(struct sweep_store *store, sqlite3_int64 sweep, const void *from,
			  void *into)
{
	const struct sweep_suspect *suspect = from;
	struct binding row = bind_begin(
		store->db,
		"INSERT INTO suspect (sweep, position, pid, comm, exe, build_id, version, cgroup, "
		"container, growth, limit_bytes, score, why, traced, capture, not_traced, "
		"places) VALUES (?1, (SELECT count(*) FROM suspect WHERE sweep = ?1), "
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	bind_bits(&row, sweep);
	bind_number(&row, suspect->pid);
	bind_text(&row, suspect->comm);
	bind_text(&row, suspect->exe);
	bind_text(&row, suspect->build_id);
	bind_text(&row, suspect->version);
	bind_text(&row, suspect->cgroup);
	bind_text(&row, suspect->container);
	bind_real(&row, suspect->growth);
	bind_known(&row, suspect->limit);
	bind_real(&row, suspect->score);
	bind_text(&row, suspect->why);
	bind_number(&row, suspect->traced);
	bind_known(&row, suspect->capture);
	bind_text(&row, suspect->not_traced);
	bind_text(&row, suspect->places);
	bind_step(&row);
	return bind_end(&row);
}

int sweep_store_add_suspect(struct sweep_store *store, int64_t sweep,
			    const struct sweep_suspect *suspect, char **ret_message)
{
	if (ret_message)
		*ret_message = NULL;
	return write_in(store, sweep, "keep a suspect", insert_suspect, suspect, NULL, ret_message);
}

static int insert_oom(struct sweep_store *store, sqlite3_int64 sweep, const void *from, void *into)
{
	const struct sweep_oom *oom = from;
	struct binding row = bind_begin(
		store->db,
		"INSERT INTO oom (sweep, position, time, pid, comm, cgroup, limit_bytes, "
		"anonymous_bytes, capture) "
		"VALUES (?1, (SELECT count(*) FROM oom WHERE sweep = ?1), ?, ?, ?, ?, ?, ?, ?)");

	bind_bits(&row, sweep);
	bind_real(&row, oom->time);
	bind_number(&row, oom->pid);
	bind_text(&row, oom->comm);
	bind_text(&row, oom->cgroup);
	bind_known(&row, oom->limit);
	bind_known(&row, oom->anonymous);
	bind_known(&row, oom->capture);
	bind_step(&row);
	return bind_end(&row);
}

int sweep_store_add_oom(struct sweep_store *store, int64_t sweep, const struct sweep_oom *oom,
			char **ret_message)
{
	if (ret_message)
		*ret_message = NULL;
	return write_in(store, sweep, "keep a kill", insert_oom, oom, NULL, ret_message);
}

static int update_sweep(struct sweep_store *store, sqlite3_int64 sweep, const void *from,
			void *into)
{
	const struct sweep_end *end = from;
	struct binding row = bind_begin(store->db, "UPDATE sweep SET seconds = ?, outcome = ?, "
						   "processes = ?, suspects = ?, suppressed = ?, "
						   "triage_cpu_seconds = ?, trace_cpu_seconds = ? "
						   "WHERE id = ?");

	bind_real(&row, end->seconds);
	bind_text(&row, end->outcome ? end->outcome : "");
	bind_number(&row, end->processes);
	bind_number(&row, end->suspects);
	bind_number(&row, end->suppressed);
	bind_real(&row, end->triage_cpu_seconds);
	bind_real(&row, end->trace_cpu_seconds);
	bind_bits(&row, sweep);
	bind_step(&row);
	return bind_end(&row);
}

int sweep_store_finish(struct sweep_store *store, int64_t sweep, const struct sweep_end *end,
		       char **ret_message)
{
	int err;

	if (ret_message)
		*ret_message = NULL;
	err = write_in(store, sweep, "finish a sweep", update_sweep, end, NULL, ret_message);
	sweep_store_checkpoint(store);
	return err;
}

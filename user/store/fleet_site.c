/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns reading one site of one capture, so that reports show it as they show any other. */
#include "store/fleet_read.h"
#include "store/fleet_reader.h"
#include "store/sweep_store_internal.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As many as a walk can have, with room for what was inlined. */
#define FRAMES_MAX 4096

static const char *text_of(struct profile *profile, sqlite3_stmt *select, int at)
{
	return profile_string(profile, (const char *)sqlite3_column_text(select, at));
}

/* The same, never NULL unless out of memory. */
static const char *name_of(struct profile *profile, sqlite3_stmt *select, int at)
{
	const char *text = (const char *)sqlite3_column_text(select, at);

	return profile_string(profile, text ? text : "");
}

static uint64_t count_of(sqlite3_stmt *select, int at)
{
	sqlite3_int64 count = sqlite3_column_int64(select, at);

	return count < 0 ? 0 : count;
}

static int take_site(struct profile *profile, sqlite3_stmt *select)
{
	struct profile_process *process =
		vec_push(&profile->processes, &profile->nr_processes, &profile->cap_processes);
	struct profile_site *site =
		vec_push(&profile->sites, &profile->nr_sites, &profile->cap_sites);
	const char *verdict = (const char *)sqlite3_column_text(select, 2);

	if (!process || !site)
		return SQLITE_NOMEM;
	site->stack = PROFILE_NONE;
	site->family = name_of(profile, select, 0);
	site->operation = name_of(profile, select, 1);
	site->verdict = verdict ? profile_verdict_parse(verdict) : VERDICT_COUNT;
	if (site->verdict == VERDICT_COUNT)
		site->verdict = VERDICT_TOO_LITTLE_DATA;
	site->evidence = text_of(profile, select, 3);
	site->live_bytes = count_of(select, 4);
	site->live_count = count_of(select, 5);
	site->alloc_bytes = count_of(select, 6);
	site->growth_rate = sqlite3_column_double(select, 7);
	process->pid = count_of(select, 8);
	process->parent = PROFILE_NONE;
	process->exit_status = -1;
	process->comm = name_of(profile, select, 9);
	process->exe = text_of(profile, select, 10);
	process->container = text_of(profile, select, 11);
	process->cgroup = text_of(profile, select, 12);
	return site->family && site->operation && process->comm ? 0 : SQLITE_NOMEM;
}

/* A module with that path, made when the last one is another. */
static int take_module(struct profile *profile, sqlite3_stmt *select, uint32_t *ret_module)
{
	const char *path = text_of(profile, select, 6);
	struct profile_module *module;

	*ret_module = PROFILE_NONE;
	if (!path)
		return 0;
	for (size_t i = 0; i < profile->nr_modules; i++) {
		/* Equal strings of one pool are equal pointers. */
		if (profile->modules[i].path == path) {
			*ret_module = i;
			return 0;
		}
	}
	module = vec_push(&profile->modules, &profile->nr_modules, &profile->cap_modules);
	if (!module)
		return SQLITE_NOMEM;
	module->path = path;
	module->build_id = text_of(profile, select, 7);
	*ret_module = profile->nr_modules - 1;
	return 0;
}

static int take_frame(struct profile *profile, sqlite3_stmt *select)
{
	struct profile_frame *frame =
		vec_push(&profile->frames, &profile->nr_frames, &profile->cap_frames);

	if (!frame)
		return SQLITE_NOMEM;
	frame->flags = count_of(select, 0);
	frame->offset = sqlite3_column_int64(select, 1);
	frame->function = text_of(profile, select, 2);
	frame->file = text_of(profile, select, 3);
	frame->line = count_of(select, 4);
	frame->language = text_of(profile, select, 5);
	return take_module(profile, select, &frame->module);
}

static int add_stack(struct profile *profile)
{
	struct profile_stack *stack =
		vec_push(&profile->stacks, &profile->nr_stacks, &profile->cap_stacks);

	if (!stack)
		return SQLITE_NOMEM;
	stack->frames = calloc(profile->nr_frames, sizeof(*stack->frames));
	if (!stack->frames)
		return SQLITE_NOMEM;
	for (size_t i = 0; i < profile->nr_frames; i++)
		stack->frames[stack->nr_frames++] = i;
	profile->sites[0].stack = 0;
	return 0;
}

static const char site_sql[] =
	"SELECT s.family, s.operation, s.verdict, s.evidence, s.live_bytes, s.live_count, "
	"s.alloc_bytes, s.growth_rate, p.pid, p.comm, p.exe, p.container, p.cgroup "
	"FROM site s JOIN process p ON p.capture = s.capture AND p.id = s.process "
	"WHERE s.capture = ? AND s.id = ?";

static const char frame_sql[] =
	"SELECT r.flags, r.offset, r.function, r.file, r.line, r.language, m.path, m.build_id "
	"FROM site s JOIN stack_frame f ON f.capture = s.capture AND f.stack = s.stack "
	"JOIN frame r ON r.capture = f.capture AND r.id = f.frame "
	"LEFT JOIN module m ON m.capture = r.capture AND m.id = r.module "
	"WHERE s.capture = ? AND s.id = ? ORDER BY f.position";

static int each_row(sqlite3 *db, const char *sql, int64_t capture, uint32_t site,
		    struct profile *profile,
		    int (*take)(struct profile *profile, sqlite3_stmt *select))
{
	sqlite3_stmt *select = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &select, NULL);

	if (!code)
		code = sqlite3_bind_int64(select, 1, capture);
	if (!code)
		code = sqlite3_bind_int64(select, 2, site);
	for (size_t i = 0; i < FRAMES_MAX && !code; i++) {
		code = sqlite3_step(select);
		if (code == SQLITE_ROW)
			code = take(profile, select);
	}
	sqlite3_finalize(select);
	return code == SQLITE_DONE ? 0 : code;
}

int fleet_reader_site(struct fleet_reader *reader, int64_t capture, uint32_t site,
		      struct profile **ret_profile, char **ret_message)
{
	struct profile *profile = profile_new();
	int code = profile ? 0 : SQLITE_NOMEM, err;

	if (ret_message)
		*ret_message = NULL;
	if (!code)
		code = each_row(reader->db, site_sql, capture, site, profile, take_site);
	if (!code && profile->nr_sites)
		code = each_row(reader->db, frame_sql, capture, site, profile, take_frame);
	if (!code && profile->nr_frames)
		code = add_stack(profile);
	err = code ? fleet_reader_fail(reader, code, ret_message) : 0;
	if (!err && !profile->nr_sites) {
		sweep_store_say(ret_message, "%s has no site %u in capture %lld", reader->path,
				site, (long long)capture);
		err = -ENOENT;
	}
	if (err) {
		profile_free(profile);
		return err;
	}
	*ret_profile = profile;
	return 0;
}

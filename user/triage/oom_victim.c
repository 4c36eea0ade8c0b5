// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the meaning of a record, and asks /proc for what it does not say. The kernel charges in
 * batches and gives up after a charge that did not fit, so usage stands a little below the limit
 * that was reached; how little is NEAR_PAGES, and a 64th of large limits.
 */
#include "triage/oom_victim.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/cgroup_mount.h"
#include "proc/memory_text.h"
#include "proc/proc_file.h"

enum { TEXT_BOUND = 1 << 20, NEAR_PAGES = 128, NEAR_SHARE = 64 };

/* PAGE_COUNTER_MAX of include/linux/page_counter.h, or near it, is no limit. */
#define UNLIMITED_PAGES (UINT64_C(1) << 50)

/* Pages until the limit when it is near; else UINT64_MAX. */
static uint64_t pages_left(uint64_t usage, uint64_t max)
{
	uint64_t left = max > usage ? max - usage : 0, near = max / NEAR_SHARE;

	if (max >= UNLIMITED_PAGES)
		return UINT64_MAX;
	return left <= (near > NEAR_PAGES ? near : NEAR_PAGES) && left < max ? left : UINT64_MAX;
}

int oom_limit_reached(const struct seep_oom_level *levels, size_t nr, int version, uint64_t page,
		      uint64_t *ret_bytes, enum limit_kind *ret_kind)
{
	uint64_t least = UINT64_MAX, left;
	int found = -1;

	for (size_t i = 0; i < nr; i++) {
		left = pages_left(levels[i].usage, levels[i].max);
		if (left < least) {
			least = left;
			found = (int)i;
			*ret_bytes = levels[i].max * page;
			*ret_kind = LIMIT_CGROUP_MAX;
		}
		if (version != 1)
			continue;
		left = pages_left(levels[i].both_usage, levels[i].both_max);
		if (left < least) {
			least = left;
			found = (int)i;
			*ret_bytes = levels[i].both_max * page;
			*ret_kind = LIMIT_CGROUP_MEMSW;
		}
	}
	return found;
}

/* The path of one level, from the names of it and of all above; NULL out of memory. */
static char *level_path(const struct seep_oom_level *levels, size_t nr, size_t index)
{
	char *path = strdup("");

	/* The last one is the root of the hierarchy, which has no name. */
	for (size_t i = nr - 1; path && i-- > index;) {
		char *longer;

		if (asprintf(&longer, "%s/%.*s", path, SEEP_OOM_NAME, levels[i].name) < 0)
			longer = NULL;
		free(path);
		path = longer;
	}
	if (path && !*path) {
		free(path);
		path = strdup("/");
	}
	return path;
}

static char *read_text(pid_t pid, const char *name)
{
	char *text;
	size_t length;

	return proc_file_read(pid, name, TEXT_BOUND, &text, &length) == 0 ? text : NULL;
}

/* Where the process's memory is accounted for; version 0: not known. */
static struct cgroup_place find_place(pid_t pid)
{
	__cleanup(free_text)
	char *cgroup = read_text(pid, "cgroup");
	__cleanup(free_text)
	char *mounts = read_text(getpid(), "mountinfo");
	struct cgroup_place place = { 0 };

	if (cgroup && mounts && cgroup_place_find(cgroup, mounts, &place) != 0)
		place.version = 0;
	return place;
}

static uint64_t bytes_of(uint64_t pages, uint64_t page)
{
	return pages == SEEP_OOM_UNKNOWN ? CGROUP_UNKNOWN : pages * page;
}

static void read_record(const struct seep_oom *record, struct oom_victim *victim, char **ret_cgroup,
			char **ret_limit_cgroup)
{
	struct cgroup_place own = find_place(getpid());
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	size_t nr = record->nr_levels < SEEP_OOM_LEVELS ? record->nr_levels : SEEP_OOM_LEVELS;
	bool whole = nr && !(record->flags & SEEP_OOM_CUT);
	enum limit_kind kind = LIMIT_CGROUP_MAX;
	int reached;

	victim->uid = record->uid;
	memcpy(victim->comm, record->comm, sizeof(record->comm));
	victim->anonymous = bytes_of(record->anonymous, page);
	victim->file = bytes_of(record->file, page);
	victim->shared = bytes_of(record->shared, page);
	victim->swap = bytes_of(record->swap, page);
	reached = oom_limit_reached(record->levels, nr, own.version, page, &victim->limit, &kind);
	victim->whole_host = whole && reached < 0;
	if (whole)
		*ret_cgroup = level_path(record->levels, nr, 0);
	if (whole && reached >= 0)
		*ret_limit_cgroup = level_path(record->levels, nr, (size_t)reached);
	victim->limit_name = limit_name(kind, own.version);
	cgroup_place_free(&own);
}

static uint64_t figure(const char *text, const char *name)
{
	uint64_t value;

	return memory_text_field(text, name, &value) == 0 ? value : CGROUP_UNKNOWN;
}

/* The name as status has it, where the kernel has escaped what would end the line. */
static void read_name(const char *text, char *name, size_t size)
{
	static const char before[] = "Name:\t";
	size_t length;

	if (strncmp(text, before, strlen(before)) != 0)
		return;
	text += strlen(before);
	length = strcspn(text, "\n");
	length = length < size ? length : size - 1;
	memcpy(name, text, length);
	name[length] = '\0';
}

/* The level whose limit is near, as it is now, which is a little too late. */
static void read_limit(const struct cgroup_place *place, struct oom_victim *victim,
		       char **ret_limit_cgroup)
{
	uint64_t least = UINT64_MAX;
	struct cgroup_memory memory;

	if (cgroup_memory_read("", place, &memory) != 0)
		return;
	for (size_t i = 0; i < memory.nr_levels; i++) {
		const struct cgroup_level *level = &memory.levels[i];
		uint64_t left;

		if (!cgroup_known(level->max) || !cgroup_known(level->usage))
			continue;
		left = level->max > level->usage ? level->max - level->usage : 0;
		if (left > level->max / NEAR_SHARE || left >= least)
			continue;
		free(*ret_limit_cgroup);
		*ret_limit_cgroup = strdup(level->path);
		victim->limit = level->max;
		victim->limit_name = limit_name(LIMIT_CGROUP_MAX, memory.version);
		least = left;
	}
	cgroup_memory_release(&memory);
}

/* What the process itself says, while it is there. */
static void ask_process(struct oom_victim *victim, char **ret_cgroup, char **ret_limit_cgroup)
{
	__cleanup(free_text)
	char *status = read_text(victim->pid, "status");
	struct cgroup_place place;
	uint64_t uid;

	if (!status)
		return;
	read_name(status, victim->comm, sizeof(victim->comm));
	if (memory_text_field(status, "Tgid", &uid) == 0 && uid > 0 && uid <= INT_MAX)
		victim->pid = (pid_t)uid;
	if (memory_text_field(status, "Uid", &uid) == 0)
		victim->uid = (uid_t)uid;
	victim->anonymous = figure(status, "RssAnon");
	victim->file = figure(status, "RssFile");
	victim->shared = figure(status, "RssShmem");
	victim->swap = figure(status, "VmSwap");
	place = find_place(victim->pid);
	if (place.version) {
		*ret_cgroup = strdup(place.path);
		read_limit(&place, victim, ret_limit_cgroup);
	}
	cgroup_place_free(&place);
}

static void set_host(struct oom_victim *victim)
{
	struct limits_host host;

	limits_read_host("", &host);
	victim->limit = host.total;
	victim->limit_name = limit_name(LIMIT_HOST, 0);
}

void oom_victim_read(const struct seep_oom *record, struct oom_victim *ret_victim,
		     char **ret_cgroup, char **ret_limit_cgroup)
{
	struct oom_victim victim = {
		.time = (double)record->time / 1e9,
		.pid = (pid_t)record->pid,
		.uid = (uid_t)-1,
		.anonymous = CGROUP_UNKNOWN,
		.file = CGROUP_UNKNOWN,
		.shared = CGROUP_UNKNOWN,
		.swap = CGROUP_UNKNOWN,
		.limit = CGROUP_UNKNOWN,
	};

	*ret_cgroup = *ret_limit_cgroup = NULL;
	if (record->flags & SEEP_OOM_PID_ALONE)
		ask_process(&victim, ret_cgroup, ret_limit_cgroup);
	else
		read_record(record, &victim, ret_cgroup, ret_limit_cgroup);
	if (!*ret_limit_cgroup) {
		victim.limit = CGROUP_UNKNOWN;
		victim.limit_name = NULL;
	}
	if (victim.whole_host)
		set_host(&victim);
	victim.cgroup = *ret_cgroup;
	victim.limit_cgroup = *ret_limit_cgroup;
	*ret_victim = victim;
}

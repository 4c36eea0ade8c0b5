// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns which limit a row names, and limits that a process has for itself. */
#include "top/row_limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strpool.h"
#include "proc/limits.h"
#include "proc/proc_file.h"

enum { LIMITS_TEXT = 1 << 14 };

void row_limit_name(struct overview *overview, const struct host_look *look,
		    const struct host_cgroup *cgroup, struct overview_row *row)
{
	char *name = NULL;

	if (row->limit >= OVERVIEW_UNKNOWN)
		return;
	if (!cgroup || cgroup->limit_cgroup == HOST_NO_CGROUP || row->limit != cgroup->limit) {
		row->limit_name = limit_name(LIMIT_HOST, 2);
		return;
	}
	/* Whichever version of cgroups it is. */
	if (asprintf(&name, "memory limit of cgroup %s", look->cgroups[cgroup->limit_cgroup].path) <
	    0)
		return;
	row->limit_name = strpool_add(overview->strings, name);
	free(name);
}

void row_limit_own(const char *root, struct overview_row *row)
{
	struct limits limits;

	if (limits_read(root ? root : "", row->pid, &limits))
		return;
	for (size_t i = 0; i < limits.nr; i++) {
		const struct limit *limit = &limits.items[i];

		if ((limit->kind != LIMIT_ADDRESS_SPACE && limit->kind != LIMIT_DATA) ||
		    (row->room < OVERVIEW_UNKNOWN && limit->room >= row->room))
			continue;
		row->limit = limit->bytes;
		row->room = limit->room;
		row->limit_name = limit_name(limit->kind, 2);
		if (row->shape != SERIES_RISING || row->rate <= 0)
			continue;
		row->time_to_limit = (double)limit->room / row->rate;
		row->earliest = row->rate_high > 0 ? (double)limit->room / row->rate_high
						   : row->time_to_limit;
		row->latest = row->rate_low > 0 ? (double)limit->room / row->rate_low : INFINITY;
	}
	limits_release(&limits);
}

bool row_limit_exists(const char *root, pid_t pid)
{
	static const char *const names[] = { "Max address space", "Max data size" };
	bool limited = false;
	char path[64], *text;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	if (proc_file_read_under(root ? root : "", path, LIMITS_TEXT, &text, &length))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *line = strstr(text, names[i]);

		if (!line)
			continue;
		line += strlen(names[i]);
		line += strspn(line, " ");
		limited |= strncmp(line, "unlimited", 9) != 0;
	}
	free(text);
	return limited;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns which processes were asked for. What a look has read already is not read again. */
#include "top/looker_filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "report/label.h"

static bool is_below(const char *path, const char *ancestor)
{
	static const char mount[] = "/sys/fs/cgroup";
	size_t length;

	if (!strncmp(ancestor, mount, sizeof(mount) - 1))
		ancestor += sizeof(mount) - 1;
	length = strlen(ancestor);
	while (length && ancestor[length - 1] == '/')
		length--;
	return !strncmp(path, ancestor, length) && (path[length] == '/' || path[length] == '\0');
}

static bool is_named(const struct host_process *process, const char *glob)
{
	bool deleted, named;
	char *exe;

	if (!fnmatch(glob, process->comm, 0))
		return true;
	exe = process_exe(process->pid, &deleted);
	named = exe && !fnmatch(glob, label_base_name(exe), 0);
	free(exe);
	return named;
}

static bool is_listed(const struct looker_options *options, pid_t pid)
{
	for (size_t i = 0; i < options->nr_pids; i++)
		if (options->pids[i] == pid)
			return true;
	return !options->nr_pids;
}

bool looker_wants(const struct looker_options *options, const struct host_process *process,
		  const struct host_cgroup *cgroup)
{
	const struct process_filter *filter = &options->filter;

	if (process->kernel_thread || !is_listed(options, process->pid))
		return false;
	if (filter->cgroup && !(cgroup && is_below(cgroup->path, filter->cgroup)))
		return false;
	if (filter->container) {
		size_t length = 0, wanted = strlen(filter->container);
		const char *id = cgroup ? cgroup_container(cgroup->path, &length) : NULL;

		if (!id || length < wanted || strncmp(id, filter->container, wanted) != 0)
			return false;
	}
	return !filter->comm || is_named(process, filter->comm);
}

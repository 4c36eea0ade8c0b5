/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which cgroup and container a process is in, and whether a filter selects it. Containers
 * are told by the shape of the cgroup path alone: an id is 64 hexadecimal digits, either
 * a whole component (cgroupfs driver: /docker/ID, /kubepods/QOS/podUID/ID), or the end of
 * one after a dash or a colon (systemd driver: docker-ID.scope, cri-containerd-ID.scope,
 * crio-ID.scope, libpod-ID.scope; containerd's SLICE:cri-containerd:ID).
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proc/proc_file.h"
#include "proc/process.h"

enum {
	CONTAINER_ID_LENGTH = 64,
	CONTAINER_PREFIX_LEAST = 6,
	TEXT_LIMIT = 1 << 20,
};

/* The id that ends the component [start, end), or NULL. */
static const char *component_container(const char *start, const char *end)
{
	static const char scope[] = ".scope", monitor[] = "conmon-";
	size_t length = end - start, scope_length = sizeof(scope) - 1;
	const char *id;

	if (length > scope_length && memcmp(end - scope_length, scope, scope_length) == 0)
		length -= scope_length;
	if (length < CONTAINER_ID_LENGTH)
		return NULL;
	id = start + length - CONTAINER_ID_LENGTH;
	if (id > start && id[-1] != '-' && id[-1] != ':')
		return NULL;
	for (int i = 0; i < CONTAINER_ID_LENGTH; i++)
		if (!isxdigit((unsigned char)id[i]))
			return NULL;
	/* libpod-conmon-ID.scope and crio-conmon-ID.scope hold the monitor, outside of it */
	if ((size_t)(id - start) >= sizeof(monitor) - 1 &&
	    memcmp(id - (sizeof(monitor) - 1), monitor, sizeof(monitor) - 1) == 0)
		return NULL;
	return id;
}

const char *cgroup_container(const char *path, size_t *ret_length)
{
	const char *end = path + strlen(path);

	/* From the innermost: a container may have cgroups of its own below its scope. */
	while (end > path) {
		const char *slash = memrchr(path, '/', end - path);
		const char *start = slash ? slash + 1 : path;
		const char *id = component_container(start, end);

		if (id) {
			*ret_length = CONTAINER_ID_LENGTH;
			return id;
		}
		end = slash ? slash : path;
	}
	return NULL;
}

static bool has_controller(const char *list, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	while (length) {
		const char *comma = memchr(list, ',', length);
		size_t part = comma ? (size_t)(comma - list) : length;

		if (part == name_length && memcmp(list, name, part) == 0)
			return true;
		length -= part + !!comma;
		list += part + !!comma;
	}
	return false;
}

/*
 * Lines of /proc/PID/cgroup are "number:controllers:path"; v2 is "0::path". On a hybrid
 * host the v2 hierarchy may be mounted and unused, with everything at its root.
 */
static char *memory_cgroup(const char *text)
{
	const char *unified = NULL, *memory = NULL;
	const char *chosen;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *list, *path;

		line += *line == '\n';
		list = strchr(line, ':');
		path = list ? strchr(list + 1, ':') : NULL;
		if (!path || memchr(line, '\n', path - line))
			continue;
		if (strncmp(line, "0::", 3) == 0)
			unified = path + 1;
		else if (has_controller(list + 1, path - list - 1, "memory"))
			memory = path + 1;
	}
	chosen = unified;
	if (memory && (!unified || strcspn(unified, "\n") <= 1))
		chosen = memory;
	return chosen ? strndup(chosen, strcspn(chosen, "\n")) : NULL;
}

char *process_cgroup(pid_t pid, char **ret_container)
{
	__cleanup(free_text)
	char *text = NULL;
	const char *id;
	size_t length;
	char *path;

	if (proc_file_read(pid, "cgroup", TEXT_LIMIT, &text, &length) != 0)
		return NULL;
	path = memory_cgroup(text);
	if (path && ret_container) {
		id = cgroup_container(path, &length);
		*ret_container = id ? strndup(id, length) : NULL;
	}
	return path;
}

static bool matches_comm(pid_t pid, const char *glob)
{
	__cleanup(free_text)
	char *exe = NULL;
	struct process_info info;
	const char *slash;
	bool deleted;

	if (process_read(pid, &info) == 0 && fnmatch(glob, info.comm, 0) == 0)
		return true;
	exe = process_exe(pid, &deleted);
	slash = exe ? strrchr(exe, '/') : NULL;
	return exe && fnmatch(glob, slash ? slash + 1 : exe, 0) == 0;
}

static const char *without_mount_point(const char *path)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory",
					      "/sys/fs/cgroup" };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		size_t length = strlen(mounts[i]);

		if (strncmp(path, mounts[i], length) == 0 &&
		    (path[length] == '/' || path[length] == '\0'))
			return path + length;
	}
	return path;
}

static bool is_ancestor_or_same(const char *ancestor, const char *path)
{
	size_t length;

	ancestor = without_mount_point(ancestor);
	ancestor += strspn(ancestor, "/");
	path += strspn(path, "/");
	length = strlen(ancestor);
	while (length && ancestor[length - 1] == '/')
		length--;
	if (length == 0)
		return true;
	return strncmp(path, ancestor, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

bool process_matches(pid_t pid, const struct process_filter *filter)
{
	__cleanup(free_text)
	char *container = NULL;
	__cleanup(free_text)
	char *cgroup = NULL;

	if (filter->comm && !matches_comm(pid, filter->comm))
		return false;
	if (!filter->cgroup && !filter->container)
		return true;
	cgroup = process_cgroup(pid, &container);
	if (filter->cgroup && (!cgroup || !is_ancestor_or_same(filter->cgroup, cgroup)))
		return false;
	if (filter->container) {
		size_t length = strlen(filter->container);

		return container && length >= CONTAINER_PREFIX_LEAST &&
		       strncmp(container, filter->container, length) == 0;
	}
	return true;
}

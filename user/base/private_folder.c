// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the question whether a directory can be trusted: it must be ours, and nobody else
 * may write to it, or another user could put files there for us to read. It must not know
 * what is kept in it.
 */
#include "base/private_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Opens the directory `name` of `parent`, which is or becomes ours alone. */
static int open_private(int parent, const char *name)
{
	struct stat status;
	int fd;

	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0 || status.st_uid != geteuid() || status.st_mode & 022) {
		close(fd);
		return -EPERM;
	}
	if (status.st_mode & 077)
		fchmod(fd, 0700);
	return fd;
}

/* Opens `path`, whose parents may be links: they are the user's choice. */
static int open_named(const char *path)
{
	__cleanup(free_text)
	char *copy = strdup(path);
	__cleanup(close_fd)
	int parent = -1;
	char *slash;

	if (!copy)
		return -ENOMEM;
	for (size_t end = strlen(copy); end > 1 && copy[end - 1] == '/'; end--)
		copy[end - 1] = '\0';
	slash = strrchr(copy, '/');
	if (!slash)
		return open_private(AT_FDCWD, copy);
	*slash = '\0';
	parent = open(*copy ? copy : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return parent < 0 ? -errno : open_private(parent, slash + 1);
}

static int open_default(const char *name)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	__cleanup(free_text)
	char *path = NULL;
	__cleanup(close_fd)
	int above = -1, seep = -1;

	if (base && *base == '/')
		path = strdup(base);
	else if (geteuid() == 0)
		path = strdup("/var/cache");
	else if (!home || *home != '/')
		return -ENOENT;
	else if (asprintf(&path, "%s/.cache", home) < 0)
		path = NULL;
	if (!path)
		return -ENOMEM;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	above = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return -errno;
	seep = open_private(above, "seep");
	return seep < 0 ? seep : open_private(seep, name);
}

int private_folder_open(const char *path, const char *name)
{
	return path ? open_named(path) : open_default(name);
}

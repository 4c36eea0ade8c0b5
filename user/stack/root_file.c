// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the safe way to a file in another root: what a container's owner put there (links
 * to our files, pipes that block, devices that act when opened) must not fool us.
 */
#include "stack/root_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_in(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	char name[sizeof("/proc/self/fd/") + 12];
	__cleanup(close_fd)
	int handle = -1;
	struct stat status;
	int fd;

	handle = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (handle < 0 || fstat(handle, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", handle);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int root_file_open(pid_t pid, const char *path)
{
	char name[sizeof("/proc//root") + 12] = "/";
	__cleanup(close_fd)
	int root = -1;

	if (pid)
		snprintf(name, sizeof(name), "/proc/%d/root", (int)pid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : open_in(root, path);
}

int root_file_open_at(int root, const char *path)
{
	return root < 0 ? root_file_open(0, path) : open_in(root, path);
}

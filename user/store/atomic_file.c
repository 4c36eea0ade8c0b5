/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the order of steps that makes a write atomic: a file without a name (O_TMPFILE),
 * its bytes, fsync, a name, fsync of the directory.
 */
#include "store/atomic_file.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t wrote = write(fd, at, size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		at += wrote;
		size -= wrote;
	}
	return 0;
}

static int write_special(const char *path, const void *bytes, size_t size)
{
	__cleanup(close_fd)
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : write_all(fd, bytes, size);
}

/* Gives the nameless file behind `fd` the name, in place of what has it now. */
static int give_name(int fd, int directory, const char *name, const char *part)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, directory, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* A link never replaces; a rename does. */
	unlinkat(directory, part, 0);
	if (linkat(AT_FDCWD, self, directory, part, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	if (renameat(directory, part, directory, name) < 0) {
		int err = -errno;

		unlinkat(directory, part, 0);
		return err;
	}
	return 0;
}

static int write_nameless(int directory, const char *name, const char *part, const void *bytes,
			  size_t size)
{
	__cleanup(close_fd)
	int fd = openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	int err;

	if (fd < 0)
		return errno == EISDIR || errno == EINVAL || errno == ENOENT ? -EOPNOTSUPP : -errno;
	err = write_all(fd, bytes, size);
	if (!err && fsync(fd) < 0)
		err = -errno;
	return err ? err : give_name(fd, directory, name, part);
}

static int write_named(int directory, const char *name, const char *part, const void *bytes,
		       size_t size)
{
	__cleanup(close_fd)
	int fd = -1;
	int err;

	unlinkat(directory, part, 0);
	fd = openat(directory, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	err = write_all(fd, bytes, size);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (!err && renameat(directory, part, directory, name) < 0)
		err = -errno;
	if (err)
		unlinkat(directory, part, 0);
	return err;
}

static int write_in(const char *directory_path, const char *name, const void *bytes, size_t size)
{
	__cleanup(close_fd)
	int directory = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *part;
	int err;

	if (directory < 0)
		return -errno;
	if (asprintf(&part, ".%s.%d.part", name, (int)getpid()) < 0)
		return -ENOMEM;
	err = write_nameless(directory, name, part, bytes, size);
	if (err == -EOPNOTSUPP)
		err = write_named(directory, name, part, bytes, size);
	free(part);
	/* Some file systems cannot sync a directory; the rename has been made all the same. */
	if (!err && fsync(directory) < 0 && errno != EINVAL)
		err = -errno;
	return err;
}

int atomic_file_write(const char *path, const void *bytes, size_t size)
{
	char *target = realpath(path, NULL), *copy;
	struct stat status;
	int err;

	/* Not there yet: its directory is asked for below. A dangling link is replaced. */
	if (!target)
		target = strdup(path);
	copy = target ? strdup(target) : NULL;
	if (!copy)
		err = -ENOMEM;
	else if (stat(target, &status) == 0 && S_ISDIR(status.st_mode))
		err = -EISDIR;
	else if (stat(target, &status) == 0 && !S_ISREG(status.st_mode))
		err = write_special(target, bytes, size);
	else
		err = write_in(dirname(copy), basename(target), bytes, size);
	free(copy);
	free(target);
	return err;
}

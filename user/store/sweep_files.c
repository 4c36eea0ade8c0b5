/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns what can be said of a store without SQLite. A sweep runs as root and follows what it reads
 * in its store: so nobody else may have written it, or be able to put another in its place. And a
 * path may be mistyped: what never was a store is refused, only what was one is moved aside.
 */
#include "store/sweep_files.h"
#include "store/sweep_schema.h"
#include "store/sweep_store_internal.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
enum { HEADER_BYTES = 100, NAMES_TRIED = 100, RETRY_MILLISECONDS = 20 };

static const char *const suffixes[] = { "-wal", "-shm", "-journal", "" };
enum { NR_SUFFIXES = sizeof(suffixes) / sizeof(*suffixes) };

/* mkdir -p of a path, which is changed meanwhile. */
static int make_folders(char *folder)
{
	for (char *slash = folder + 1;; slash++) {
		char kept = *slash;

		if (kept && kept != '/')
			continue;
		*slash = '\0';
		if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
			/* A folder above may be there and not ours to write to. */
			int err = -errno;
			struct stat status;

			if (stat(folder, &status) < 0)
				return err;
		}
		*slash = kept;
		if (!kept)
			return 0;
	}
}

static int lock_folder(int folder, unsigned int milliseconds)
{
	const struct timespec pause = { .tv_nsec = RETRY_MILLISECONDS * 1000000L };

	for (unsigned int waited = 0; flock(folder, LOCK_EX | LOCK_NB) < 0;
	     waited += RETRY_MILLISECONDS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= milliseconds)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static bool owner_is_trusted(const struct stat *status)
{
	return status->st_uid == geteuid() || status->st_uid == 0;
}

static int open_folder(char *folder, int *ret_folder, char **ret_message)
{
	struct stat status;
	int err = make_folders(folder), fd;

	fd = err ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && (fd < 0 || fstat(fd, &status) < 0))
		err = -errno;
	if (err) {
		sweep_store_say(ret_message, "cannot use the folder %s: %s", folder,
				strerror(-err));
	} else if (!owner_is_trusted(&status) ||
		   ((status.st_mode & OTHERS_WRITE) && !(status.st_mode & S_ISVTX))) {
		sweep_store_say(ret_message,
				"%s can be changed by other users: give the store a folder of "
				"mode 0700",
				folder);
		err = -EPERM;
	}
	if (err) {
		close_fd(&fd);
		return err;
	}
	*ret_folder = fd;
	return 0;
}

int sweep_files_folder(const char *path, unsigned int busy_milliseconds, int *ret_folder,
		       char **ret_message)
{
	/* dirname's answer may be a constant, and open_folder writes to what it is given */
	__cleanup(free_text)
	char *copy = strdup(path);
	__cleanup(free_text)
	char *name = copy ? strdup(dirname(copy)) : NULL;
	int err, folder;

	if (!name)
		return -ENOMEM;
	err = open_folder(name, &folder, ret_message);
	if (err)
		return err;
	err = lock_folder(folder, busy_milliseconds);
	if (err) {
		sweep_store_say(ret_message, "cannot lock the folder of %s: %s", path,
				err == -EBUSY ? "another seep is opening a store in it"
					      : strerror(-err));
		close_fd(&folder);
		return err;
	}
	*ret_folder = folder;
	return 0;
}

/* `path` and `suffix` as one; NULL when out of memory. */
static char *join(const char *path, const char *suffix)
{
	char *joined;

	return asprintf(&joined, "%s%s", path, suffix) < 0 ? NULL : joined;
}

static int check_owner(const char *path, char **ret_message)
{
	for (size_t i = 0; i < NR_SUFFIXES; i++) {
		__cleanup(free_text)
		char *name = join(path, suffixes[i]);
		struct stat status;

		if (!name)
			return -ENOMEM;
		if (lstat(name, &status) < 0)
			continue;
		if (!S_ISREG(status.st_mode)) {
			sweep_store_say(ret_message, "%s is no regular file", name);
			return -EINVAL;
		}
		if (!owner_is_trusted(&status) || (status.st_mode & OTHERS_WRITE)) {
			sweep_store_say(ret_message,
					"%s can be written by other users: it is not trusted",
					name);
			return -EPERM;
		}
	}
	return 0;
}

/* File format, https://www.sqlite.org/fileformat.html, 1.3: the string, the id at 68. */
static int judge_header(const unsigned char *header, size_t size)
{
	static const char magic[16] = "SQLite format 3";
	static const unsigned char id[4] = {
		SWEEP_STORE_APPLICATION_ID >> 24,
		SWEEP_STORE_APPLICATION_ID >> 16 & 0xff,
		SWEEP_STORE_APPLICATION_ID >> 8 & 0xff,
		SWEEP_STORE_APPLICATION_ID & 0xff,
	};
	static const unsigned char zeros[HEADER_BYTES];
	bool is_sqlite = size >= sizeof(magic) && !memcmp(header, magic, sizeof(magic));
	bool is_store = size >= 72 && !memcmp(header + 68, id, sizeof(id));

	if (size == 0 || (is_sqlite && size == HEADER_BYTES))
		return 0;
	if (is_sqlite || is_store || !memcmp(header, zeros, size))
		return -EBADMSG;
	return -EINVAL;
}

int sweep_files_look(const char *path, char **ret_message)
{
	unsigned char header[HEADER_BYTES];
	__cleanup(close_fd)
	int fd = -1;
	ssize_t size;
	int err = check_owner(path, ret_message);

	if (err)
		return err;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	size = fd < 0 ? -1 : pread(fd, header, sizeof(header), 0);
	if (size < 0) {
		err = -errno;
		sweep_store_say(ret_message, "cannot open the store %s: %s", path, strerror(-err));
		return err;
	}
	err = judge_header(header, size);
	if (err == -EINVAL)
		sweep_store_say(ret_message, "%s is no seep store: name another", path);
	return err;
}

/* The log first: a new store must not find the old one's. */
static int rename_all(const char *path, const char *aside)
{
	for (size_t i = 0; i < NR_SUFFIXES; i++) {
		__cleanup(free_text)
		char *from = join(path, suffixes[i]);
		__cleanup(free_text)
		char *to = join(aside, suffixes[i]);

		if (!from || !to)
			return -ENOMEM;
		if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 &&
		    errno != ENOENT)
			return -errno;
	}
	return 0;
}

int sweep_files_move_aside(const char *path, char **ret_aside)
{
	time_t now = time(NULL);
	struct tm calendar;
	char when[32] = "0";
	char *aside;
	int err = -EEXIST;

	if (gmtime_r(&now, &calendar))
		strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &calendar);
	for (unsigned int i = 0; i < NAMES_TRIED; i++) {
		char number[16] = "";

		if (i)
			snprintf(number, sizeof(number), ".%u", i);
		if (asprintf(&aside, "%s.corrupt-%s%s", path, when, number) < 0)
			return -ENOMEM;
		err = access(aside, F_OK) == 0 ? -EEXIST : rename_all(path, aside);
		if (!err) {
			*ret_aside = aside;
			return 0;
		}
		free(aside);
		if (err != -EEXIST)
			return err;
	}
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading of files under /proc/PID: they have no size, and the process may end at any
 * moment, which shows as ENOENT when opening and as ESRCH when reading. It knows nothing
 * of what the files say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proc/proc_file.h"

enum { FIRST_READ = 4096 };

static int read_all(int fd, size_t limit, char **ret_text, size_t *ret_length)
{
	size_t capacity = limit < FIRST_READ ? limit : FIRST_READ, length = 0;
	char *text = malloc(capacity + 1);
	int err = text ? 0 : -ENOMEM;

	while (!err) {
		ssize_t got = read(fd, text + length, capacity - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = -errno;
		if (got <= 0)
			break;
		length += got;
		if (length == limit)
			break;
		if (length == capacity) {
			size_t want = capacity > limit / 2 ? limit : capacity * 2;
			char *grown = realloc(text, want + 1);

			if (!grown) {
				err = -ENOMEM;
				break;
			}
			text = grown;
			capacity = want;
		}
	}
	if (err) {
		free(text);
		return err;
	}
	text[length] = '\0';
	*ret_text = text;
	*ret_length = length;
	return 0;
}

int proc_file_read(pid_t pid, const char *name, size_t limit, char **ret_text, size_t *ret_length)
{
	__cleanup(free_text)
	char *path = NULL;
	__cleanup(close_fd)
	int fd = -1;

	if (asprintf(&path, "/proc/%d/%s", (int)pid, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return read_all(fd, limit, ret_text, ret_length);
}

int proc_file_read_under(const char *root, const char *path, size_t limit, char **ret_text,
			 size_t *ret_length)
{
	__cleanup(free_text)
	char *whole = NULL;
	__cleanup(close_fd)
	int fd = -1;

	if (asprintf(&whole, "%s%s", root, path) < 0) {
		whole = NULL;
		return -ENOMEM;
	}
	/* A pipe in place of a file must not be waited for. */
	fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return read_all(fd, limit, ret_text, ret_length);
}

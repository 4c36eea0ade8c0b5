// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns one descriptor for each root directory that differs from ours. A root is known by
 * its directory (device and inode) and by the mount it is seen through, as a chroot into
 * one and the same directory need not have the same mounts below. Held, the mount outlives
 * its namespace, but those mounted on it are gone: what a container has in volumes is not
 * to be had after its end.
 */
#include "stack/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"

struct root {
	uint64_t device, inode, mount;
	int fd; /* -1: ours */
};

struct roots {
	struct root *items; /* the first is our own */
	size_t nr, cap, max;
};

/* 0 or -errno. */
static int identify(int fd, struct root *ret_root)
{
	struct statx status;

	/* A kernel that knows no mount ids (before 5.8) leaves them 0. */
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &status))
		return -errno;
	*ret_root = (struct root){
		.device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor,
		.inode = status.stx_ino,
		.mount = status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0,
		.fd = -1,
	};
	return 0;
}

static bool is_same(const struct root *a, const struct root *b)
{
	return a->device == b->device && a->inode == b->inode && a->mount == b->mount;
}

static int add_our_own(struct roots *roots)
{
	__cleanup(close_fd)
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct root *own = vec_push(&roots->items, &roots->nr, &roots->cap);

	return own && fd >= 0 ? identify(fd, own) : -ENOMEM;
}

struct roots *roots_new(size_t max)
{
	struct roots *roots = calloc(1, sizeof(*roots));

	if (!roots)
		return NULL;
	roots->max = max;
	if (add_our_own(roots)) {
		roots_free(roots);
		return NULL;
	}
	return roots;
}

void roots_free(struct roots *roots)
{
	size_t i;

	if (!roots)
		return;
	for (i = 1; i < roots->nr; i++)
		close(roots->items[i].fd);
	free(roots->items);
	free(roots);
}

int roots_of(struct roots *roots, pid_t pid)
{
	char name[sizeof("/proc//root") + 12];
	__cleanup(close_fd)
	int fd = -1;
	struct root root, *added;
	size_t i;

	snprintf(name, sizeof(name), "/proc/%d/root", (int)pid);
	fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || identify(fd, &root))
		return -1;
	for (i = 0; i < roots->nr; i++) {
		if (is_same(&roots->items[i], &root))
			return roots->items[i].fd;
	}
	added = roots->nr <= roots->max ? vec_push(&roots->items, &roots->nr, &roots->cap) : NULL;
	if (!added)
		return -1;
	*added = root;
	added->fd = fd;
	fd = -1;
	return added->fd;
}

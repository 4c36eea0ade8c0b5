/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * /proc/PID/maps as a table by address, and the way from a mapping to its file. The text
 * is foreign: the process chooses the names of its files. The kernel escapes a newline in
 * them as \012 and nothing else (show_map_vma in fs/proc/task_mmu.c, the `esc` argument of
 * seq_path), so nothing else is turned back: a file may well be called "a\040b".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "proc/maps.h"
#include "proc/proc_file.h"

/* Two million mappings of usual length; vm.max_map_count is 65530 by default. */
#define MAPS_TEXT_LIMIT ((size_t)256 << 20)

static const char deleted_suffix[] = " (deleted)";

static bool parse_number(const char **text, int base, char end, uint64_t *ret_value)
{
	char *stop;
	const char *start = *text;

	/* strtoull would take a sign or blanks. */
	if (!(*start >= '0' && *start <= '9') && !(base == 16 && *start >= 'a' && *start <= 'f'))
		return false;
	*ret_value = strtoull(start, &stop, base);
	if (stop == start || *stop != end)
		return false;
	*text = stop + 1;
	return true;
}

static bool parse_permissions(const char **text, struct mapping *mapping)
{
	const char *p = *text;

	if (strnlen(p, 5) < 5 || p[4] != ' ')
		return false;
	mapping->readable = p[0] == 'r';
	mapping->writable = p[1] == 'w';
	mapping->executable = p[2] == 'x';
	mapping->shared = p[3] == 's';
	*text = p + 5;
	return true;
}

/* The inode is followed by blanks up to a column, or by nothing at all. */
static bool parse_inode(char **text, uint64_t *ret_inode)
{
	char *stop;

	if (**text < '0' || **text > '9')
		return false;
	*ret_inode = strtoull(*text, &stop, 10);
	while (*stop == ' ')
		stop++;
	*text = stop;
	return true;
}

static void unescape_newlines(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (strncmp(from, "\\012", 4) == 0) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool cut_deleted(char *path)
{
	size_t length = strlen(path), cut = sizeof(deleted_suffix) - 1;

	if (path[0] != '/' || length <= cut || strcmp(path + length - cut, deleted_suffix) != 0)
		return false;
	path[length - cut] = '\0';
	return true;
}

static bool parse_line(char *line, struct mapping *ret_mapping)
{
	struct mapping mapping = { 0 };
	const char *at = line;
	uint64_t major, minor;
	char *rest;

	if (!parse_number(&at, 16, '-', &mapping.start) ||
	    !parse_number(&at, 16, ' ', &mapping.end) || mapping.end <= mapping.start ||
	    !parse_permissions(&at, &mapping) || !parse_number(&at, 16, ' ', &mapping.offset) ||
	    !parse_number(&at, 16, ':', &major) || !parse_number(&at, 16, ' ', &minor))
		return false;
	rest = line + (at - line);
	if (!parse_inode(&rest, &mapping.inode))
		return false;
	mapping.device_major = major;
	mapping.device_minor = minor;
	mapping.deleted = cut_deleted(rest);
	unescape_newlines(rest);
	mapping.path = rest;
	*ret_mapping = mapping;
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Takes `text` over, also on failure; it ends with a NUL at `length`. */
static int parse_owned(char *text, size_t length, struct maps *ret_maps)
{
	struct maps maps = { .text = text };
	char *line = text, *end = text + length;
	bool ordered = true;

	while (line < end) {
		char *newline = memchr(line, '\n', end - line);
		struct mapping mapping;

		if (newline)
			*newline = '\0';
		if (parse_line(line, &mapping)) {
			struct mapping *item = vec_push(&maps.items, &maps.nr, &maps.cap);

			if (!item) {
				maps_free(&maps);
				return -ENOMEM;
			}
			*item = mapping;
			ordered = ordered && (maps.nr < 2 || item[-1].start <= item->start);
		}
		line = newline ? newline + 1 : end;
	}
	if (!ordered)
		qsort(maps.items, maps.nr, sizeof(*maps.items), by_start);
	*ret_maps = maps;
	return 0;
}

int maps_parse(const char *text, size_t length, struct maps *ret_maps)
{
	char *copy = malloc(length + 1);

	if (!copy)
		return -ENOMEM;
	if (length)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return parse_owned(copy, length, ret_maps);
}

int maps_read(pid_t pid, struct maps *ret_maps)
{
	size_t length;
	char *text;
	int err = proc_file_read(pid, "maps", MAPS_TEXT_LIMIT, &text, &length);

	return err ?: parse_owned(text, length, ret_maps);
}

void maps_free(struct maps *maps)
{
	free(maps->items);
	free(maps->text);
	memset(maps, 0, sizeof(*maps));
}

const struct mapping *maps_find(const struct maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mapping *mapping = &maps->items[middle];

		if (address < mapping->start)
			high = middle;
		else if (address >= mapping->end)
			low = middle + 1;
		else
			return mapping;
	}
	return NULL;
}

/*
 * A file is first taken hold of without opening it (O_PATH), so that a device or a FIFO
 * that happens to be mapped is never opened, which could block or act on hardware.
 */
static int reopen_regular(int handle)
{
	char path[sizeof("/proc/self/fd/") + 12];
	struct stat st;
	int fd;

	if (fstat(handle, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/*
 * Is `handle` the mapped file? The inode decides. The device alone often differs: on btrfs
 * and overlayfs stat tells an anonymous device that the maps do not; on overlayfs even the
 * inode may be the lower file's, and there the path must do.
 */
static bool same_file(int handle, const struct mapping *mapping)
{
	struct statfs fs;
	struct stat st;

	if (fstat(handle, &st) < 0)
		return false;
	if (st.st_ino == mapping->inode) {
		if (st.st_dev == makedev(mapping->device_major, mapping->device_minor))
			return true;
		return fstatfs(handle, &fs) == 0 &&
		       (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC);
	}
	return fstatfs(handle, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static int open_by_path(pid_t pid, const struct mapping *mapping)
{
	/* A link that the process planted must not lead out of its own root. */
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	char root_path[sizeof("/proc//root") + 12];
	__cleanup(close_fd)
	int root = -1;
	__cleanup(close_fd)
	int handle = -1;

	snprintf(root_path, sizeof(root_path), "/proc/%d/root", (int)pid);
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	handle = syscall(SYS_openat2, root, mapping->path, &how, sizeof(how));
	if (handle < 0)
		return -errno;
	if (!same_file(handle, mapping))
		return -ESTALE;
	return reopen_regular(handle);
}

int maps_open(pid_t pid, const struct mapping *mapping)
{
	__cleanup(close_fd)
	int handle = -1;
	__cleanup(free_text)
	char *link = NULL;

	if (!mapping->inode || mapping->path[0] != '/')
		return -ENOENT;
	if (asprintf(&link, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, mapping->start,
		     mapping->end) < 0) {
		link = NULL;
		return -ENOMEM;
	}
	handle = open(link, O_PATH | O_CLOEXEC);
	if (handle >= 0)
		return reopen_regular(handle);
	/* Following map_files needs CAP_CHECKPOINT_RESTORE; the mapping may also have changed. */
	return open_by_path(pid, mapping);
}

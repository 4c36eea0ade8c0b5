// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the names of one process's JIT code. The file only ever grows: code that replaces
 * other code at the same address comes later in it, so the latest line wins.
 *
 * The file is written by the process, or by whoever got to its name in /tmp first: it is
 * read only when it belongs to the process's user or to root.
 */
#include "stack/perf_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "proc/process.h"
#include "stack/range_index.h"
#include "stack/root_file.h"

enum {
	MAX_ENTRIES = 1 << 20,
	MAX_NAME = 1024,
	CHUNK = 1 << 16, /* bytes read at once; a longer line is skipped */
};
static const uint64_t MAX_FILE = 256 << 20;

struct perf_map {
	char **names;
	size_t nr, cap;
	struct range_index ranges; /* values: numbers of names, later lines higher */
	bool sorted;
	int fd; /* -1 not open */
	uint64_t consumed; /* bytes of the file */
};

struct perf_map *perf_map_new(void)
{
	struct perf_map *map = calloc(1, sizeof(*map));

	if (map)
		map->fd = -1;
	return map;
}

static void clear(struct perf_map *map)
{
	size_t i;

	for (i = 0; i < map->nr; i++)
		free(map->names[i]);
	map->nr = 0;
	map->ranges.nr = 0;
	map->consumed = 0;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	clear(map);
	free(map->names);
	range_index_free(&map->ranges);
	close_fd(&map->fd);
	free(map);
}

/* A hex number up to a space, at *p and before `end`. Leaves *p after the space. */
static bool parse_hex(const char **p, const char *end, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *c = *p;

	if (end - c > 2 && c[0] == '0' && (c[1] == 'x' || c[1] == 'X'))
		c += 2;
	if (c == end || *c == ' ')
		return false;
	for (; c < end && *c != ' '; c++) {
		const char *digits = "0123456789abcdef", *digit;

		digit = memchr(digits, *c | 0x20, 16);
		if (!digit || number >> 60)
			return false;
		number = number << 4 | (uint64_t)(digit - digits);
	}
	if (c == end)
		return false;
	*p = c + 1;
	*ret_number = number;
	return true;
}

/* The bytes end with the chunk, not with a NUL: strndup may look for one. */
static char *copy_name(const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static int add_line(struct perf_map *map, const char *line, const char *end)
{
	uint64_t start, size;
	char **name;

	if (!parse_hex(&line, end, &start) || !parse_hex(&line, end, &size))
		return 0;
	if (line == end || !size || size > UINT64_MAX - start || map->nr >= MAX_ENTRIES)
		return 0;
	name = vec_push(&map->names, &map->nr, &map->cap);
	if (!name)
		return -ENOMEM;
	*name = copy_name(line, (size_t)(end - line) < MAX_NAME ? (size_t)(end - line) : MAX_NAME);
	if (!*name || range_index_add(&map->ranges, start, start + size, (uint32_t)map->nr - 1)) {
		free(*name);
		map->nr--;
		return -ENOMEM;
	}
	map->sorted = false;
	return 0;
}

ssize_t perf_map_parse(struct perf_map *map, const char *text, size_t length)
{
	const char *line = text, *end;

	while ((end = memchr(line, '\n', length - (size_t)(line - text)))) {
		int err = add_line(map, line, end);

		if (err)
			return err;
		line = end + 1;
	}
	return line - text;
}

/* Opens the map of the process as it is now. A descriptor or -errno. */
static int open_file(pid_t pid)
{
	struct process_info info;
	char path[sizeof("/tmp/perf-.map") + 12];
	struct stat status;
	bool gone = process_read(pid, &info) == -ESRCH;
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)(gone ? pid : info.ns_pid));
	fd = root_file_open(gone ? 0 : pid, path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) || (!gone && status.st_uid && status.st_uid != info.uid)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

/* Keeps the open file, unless its name means another one by now. */
static int refresh_file(struct perf_map *map, pid_t pid)
{
	struct stat old, new;
	int fd = open_file(pid);

	if (fd < 0)
		return map->fd >= 0 ? 0 : fd;
	if (map->fd >= 0 && !fstat(map->fd, &old) && !fstat(fd, &new) && old.st_dev == new.st_dev &&
	    old.st_ino == new.st_ino) {
		close(fd);
		return 0;
	}
	close_fd(&map->fd);
	map->fd = fd;
	clear(map);
	return 0;
}

static int read_new_lines(struct perf_map *map)
{
	char *chunk = malloc(CHUNK);
	int err = chunk ? 0 : -ENOMEM;

	while (!err && map->consumed < MAX_FILE) {
		ssize_t n = pread(map->fd, chunk, CHUNK, (off_t)map->consumed), used;

		if (n <= 0) {
			err = n ? -errno : 0;
			break;
		}
		used = perf_map_parse(map, chunk, (size_t)n);
		if (used < 0)
			err = (int)used;
		else if (!used && n < CHUNK)
			break;
		else
			map->consumed += (uint64_t)(used ? used : n);
	}
	free(chunk);
	return err;
}

int perf_map_update(struct perf_map *map, pid_t pid)
{
	struct stat status;
	int err = refresh_file(map, pid);

	if (err)
		return err;
	if (fstat(map->fd, &status))
		return -errno;
	if ((uint64_t)status.st_size < map->consumed)
		clear(map);
	return (uint64_t)status.st_size > map->consumed ? read_new_lines(map) : 0;
}

const char *perf_map_find(struct perf_map *map, uint64_t address)
{
	size_t cursor = SIZE_MAX;
	uint32_t i, newest = 0;
	bool found = false;

	if (!map->sorted)
		range_index_sort(&map->ranges);
	map->sorted = true;
	while (range_index_next(&map->ranges, address, &cursor, &i)) {
		if (!found || i > newest)
			newest = i;
		found = true;
	}
	return found ? map->names[newest] : NULL;
}

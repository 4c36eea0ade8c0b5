// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the search for separate debug files. It is done here and not by libdwfl, because
 * that asks debuginfod servers whenever the environment names some, and looks into our
 * root alone: a diagnosis must not talk to the network unasked, and a container has its
 * own files.
 */
#include "stack/debug_files.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "stack/debug_servers.h"
#include "stack/elf_image.h"
#include "stack/root_file.h"

enum { CHECKSUM_CHUNK = 1 << 16 };
static const off_t MAX_CHECKSUMMED = 1 << 30;

/* What the right file must have: a build id, or else a checksum. */
struct expected {
	const char *build_id; /* hex; NULL: by checksum */
	uint32_t checksum;
};

static bool has_checksum(int fd, uint32_t expected)
{
	uint32_t checksum = (uint32_t)crc32(0, NULL, 0);
	uint8_t *chunk;
	off_t offset = 0;
	ssize_t n = 0;

	chunk = malloc(CHECKSUM_CHUNK);
	if (!chunk)
		return false;
	while (offset < MAX_CHECKSUMMED && (n = pread(fd, chunk, CHECKSUM_CHUNK, offset)) > 0) {
		checksum = (uint32_t)crc32(checksum, chunk, (uInt)n);
		offset += n;
	}
	free(chunk);
	return !n && checksum == expected;
}

static bool is_expected(int fd, const struct expected *expected)
{
	return expected->build_id ? image_has_build_id(fd, expected->build_id)
				  : has_checksum(fd, expected->checksum);
}

/* Tries one path in the process's root and then in ours. */
static int try_path(const struct debug_search *search, const struct expected *expected,
		    const char *path)
{
	const int roots[] = { search->root, -1 };
	size_t i;

	for (i = search->root >= 0 ? 0 : 1; i < 2; i++) {
		int fd = root_file_open_at(roots[i], path);

		if (fd < 0)
			continue;
		if (is_expected(fd, expected))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static int try_build_id(const struct debug_search *search, const char *build_id)
{
	const struct expected expected = { .build_id = build_id };
	__cleanup(free_text)
	char *path = NULL;

	if (strlen(build_id) < 3)
		return -ENOENT;
	if (asprintf(&path, "/usr/lib/debug/.build-id/%.2s/%s.debug", build_id, build_id + 2) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return try_path(search, &expected, path);
}

/* The three places of a debug file named by a link, of which the first fit counts. */
static int try_link(const struct debug_search *search, const struct expected *expected,
		    const char *name)
{
	static const char *const formats[] = { "%.*s/%s", "%.*s/.debug/%s",
					       "/usr/lib/debug%.*s/%s" };
	const char *slash = strrchr(search->path, '/');
	size_t i;

	/* A link names a file, not a way to one. */
	if (!slash || strchr(name, '/'))
		return -ENOENT;
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		__cleanup(free_text)
		char *path = NULL;
		int fd;

		if (asprintf(&path, formats[i], (int)(slash - search->path), search->path, name) <
		    0) {
			path = NULL;
			return -ENOMEM;
		}
		/* Before it is stripped, a module may be its own debug file: no loop comes of it.
		 */
		fd = try_path(search, expected, path);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

int debug_files_open(const struct debug_search *search, Elf *elf)
{
	struct expected expected = { .build_id = search->build_id };
	const char *name;
	GElf_Word checksum = 0;
	int fd = -ENOENT;

	if (search->build_id)
		fd = try_build_id(search, search->build_id);
	if (fd >= 0)
		return fd;
	name = dwelf_elf_gnu_debuglink(elf, &checksum);
	if (name) {
		expected.checksum = checksum;
		fd = try_link(search, &expected, name);
	}
	if (fd < 0 && search->servers && search->build_id)
		fd = debug_servers_fetch(search->servers, search->build_id);
	return fd;
}

static char *to_hex(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length * 2 + 1);
	size_t i;

	for (i = 0; text && i < length; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

int debug_files_open_shared(const struct debug_search *search, const char *name,
			    const uint8_t *build_id, size_t build_id_length)
{
	__cleanup(free_text)
	char *hex = NULL;
	__cleanup(free_text)
	char *path = NULL;
	struct expected expected;
	int fd;

	if (!build_id_length || build_id_length > 64)
		return -EINVAL;
	hex = to_hex(build_id, build_id_length);
	if (!hex)
		return -ENOMEM;
	fd = try_build_id(search, hex);
	if (fd >= 0)
		return fd;
	expected = (struct expected){ .build_id = hex };
	if (*name == '/') {
		fd = try_path(search, &expected, name);
	} else if (strrchr(search->path, '/')) {
		/* Relative to the debug file, which mostly lies under this tree. */
		if (asprintf(&path, "/usr/lib/debug%.*s/%s",
			     (int)(strrchr(search->path, '/') - search->path), search->path,
			     name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		fd = try_path(search, &expected, path);
	}
	if (fd < 0 && search->servers)
		fd = debug_servers_fetch(search->servers, hex);
	return fd;
}

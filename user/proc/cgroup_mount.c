// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way from a process to the folder of its memory cgroup. A controller is bound to one
 * hierarchy at a time: where /proc/PID/cgroup lists a v1 hierarchy with "memory", that one
 * accounts for it, on hybrid hosts too; otherwise v2 does ("0::"). Mounts are read from
 * mountinfo (proc(5)), since they may show only a part of the hierarchy: field 4 is what of it
 * is at the mount point. Reads no files itself.
 */
#include "proc/cgroup_mount.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOUNT_FIELDS = 5, PATH_BOUND = 1 << 16 };

/* Is `word` one of those in [list, list + length), parted by commas? */
static bool lists_word(const char *list, size_t length, const char *word)
{
	size_t word_length = strlen(word);

	while (length) {
		const char *comma = memchr(list, ',', length);
		size_t part = comma ? (size_t)(comma - list) : length;

		if (part == word_length && memcmp(list, word, part) == 0)
			return true;
		length -= part + !!comma;
		list += part + !!comma;
	}
	return false;
}

/* The path of the process in the hierarchy with the memory controller. */
static char *cgroup_path(const char *text, int *ret_version)
{
	const char *unified = NULL, *memory = NULL, *path;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *list, *colon;

		line += *line == '\n';
		list = strchr(line, ':');
		colon = list ? strchr(list + 1, ':') : NULL;
		if (!colon || memchr(line, '\n', colon - line))
			continue;
		if (strncmp(line, "0::", 3) == 0)
			unified = colon + 1;
		else if (lists_word(list + 1, colon - list - 1, "memory"))
			memory = colon + 1;
	}
	*ret_version = memory ? 1 : 2;
	path = memory ? memory : unified;
	return path ? strndup(path, strnlen(path, strcspn(path, "\n"))) : NULL;
}

/* Blanks, tabs, newlines and backslashes are written as \040 and the like. */
static char *unescape(const char *text, size_t length)
{
	char *copy = length < PATH_BOUND ? malloc(length + 1) : NULL;
	size_t to = 0;

	for (size_t i = 0; copy && i < length; i++) {
		if (text[i] == '\\' && i + 3 < length && text[i + 1] >= '0' && text[i + 1] <= '3' &&
		    text[i + 2] >= '0' && text[i + 2] <= '7' && text[i + 3] >= '0' &&
		    text[i + 3] <= '7') {
			copy[to++] = (text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
				     (text[i + 3] - '0');
			i += 3;
		} else {
			copy[to++] = text[i];
		}
	}
	if (copy)
		copy[to] = '\0';
	return copy;
}

struct span {
	const char *text;
	size_t length;
};

static bool span_is(struct span span, const char *word)
{
	return span.length == strlen(word) && memcmp(span.text, word, span.length) == 0;
}

static struct span next_word(const char **at)
{
	struct span word;

	*at += strspn(*at, " ");
	word = (struct span){ *at, strcspn(*at, " \n") };
	*at += word.length;
	return word;
}

/* Is this line the mount of that hierarchy? */
static bool mount_line(const char *line, int version, struct span *ret_root, struct span *ret_point)
{
	struct span words[MOUNT_FIELDS], word, options;
	const char *at = line;

	for (int i = 0; i < MOUNT_FIELDS; i++)
		words[i] = next_word(&at);
	do {
		word = next_word(&at);
	} while (word.length && !span_is(word, "-"));
	word = next_word(&at);
	next_word(&at);
	options = next_word(&at);
	if (version == 2 ? !span_is(word, "cgroup2")
			 : !span_is(word, "cgroup") ||
				   !lists_word(options.text, options.length, "memory"))
		return false;
	*ret_root = words[3];
	*ret_point = words[4];
	return words[4].length > 0;
}

/* What is left of the path below the root of the mount. */
static int path_below(const char *root, const char *path, char **ret_below)
{
	size_t length = strlen(root);

	/* "/.." is how another cgroup namespace's folders are shown. */
	if (strncmp(path, "/..", 3) == 0 && (path[3] == '/' || !path[3]))
		return -EXDEV;
	if (path[0] != '/' || strstr(path, "/../") || strlen(path) >= PATH_BOUND)
		return -EBADMSG;
	if (strcmp(root, "/") != 0) {
		if (strncmp(path, root, length) != 0 || (path[length] && path[length] != '/'))
			return -EXDEV;
		path += length;
	}
	*ret_below = strdup(*path ? path : "/");
	return *ret_below ? 0 : -ENOMEM;
}

static int try_mount(struct span root_span, struct span point, const char *path,
		     struct cgroup_place *place)
{
	char *root = unescape(root_span.text, root_span.length);
	int err = root ? path_below(root, path, &place->path) : -ENOMEM;

	free(root);
	if (err)
		return err;
	place->mount = unescape(point.text, point.length);
	return place->mount ? 0 : -ENOMEM;
}

int cgroup_place_find(const char *cgroup, const char *mountinfo, struct cgroup_place *ret_place)
{
	struct cgroup_place place = { 0 };
	char *path = cgroup_path(cgroup, &place.version);
	int err = -ENOENT;

	if (!path)
		return -ENOENT;
	/* The same hierarchy may be mounted often, here and there with less of it. */
	for (const char *line = mountinfo; line && *line && (err == -ENOENT || err == -EXDEV);
	     line = strchr(line, '\n')) {
		struct span root, point;

		line += *line == '\n';
		if (mount_line(line, place.version, &root, &point))
			err = try_mount(root, point, path, &place);
	}
	free(path);
	if (err)
		cgroup_place_free(&place);
	else
		*ret_place = place;
	return err;
}

void cgroup_place_free(struct cgroup_place *place)
{
	free(place->mount);
	free(place->path);
	*place = (struct cgroup_place){ 0 };
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the words. Paths of cgroups are foreign text and are made fit for a line of a terminal.
 */
#include "triage/reason.h"

#include <stdio.h>
#include <string.h>

static void write_bytes(double bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t unit = 0;

	for (; bytes >= 1000 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
		bytes /= 1000;
	snprintf(text, size, "%.*f %s", bytes < 10 && unit ? 1 : 0, bytes, units[unit]);
}

/* Foreign text, made fit for a sentence; a path longer than that is cut in front. */
static void write_path(const char *path, char *text, size_t size)
{
	size_t length = strlen(path), at = 0;

	if (length >= size) {
		path += length - (size - 1) + 3;
		memcpy(text, "...", 3);
		at = 3;
	}
	for (; *path; path++)
		text[at++] = (unsigned char)*path < ' ' || *path == 127 ? '?' : *path;
	text[at] = '\0';
}

static const char *shape_words(enum series_shape shape)
{
	switch (shape) {
	case SERIES_SLOWING:
		return ", by less and less";
	case SERIES_STEP:
		return ", most of it at once";
	default:
		return "";
	}
}

void suspect_explain(struct suspect *suspect, const struct host_look *look)
{
	const struct growth *growth = &suspect->growth;
	const struct host_cgroup *cgroup = suspect->cgroup;
	char rise[32], path[100], whose[140] = "of the machine's memory";
	double share;
	int length;

	write_bytes(growth->rise, rise, sizeof(rise));
	if (cgroup && growth->limit == cgroup->limit && cgroup->limit_cgroup < look->nr_cgroups) {
		write_path(look->cgroups[cgroup->limit_cgroup].path, path, sizeof(path));
		snprintf(whose, sizeof(whose), "of the limit of %s", path);
	}
	length = snprintf(suspect->reason, sizeof(suspect->reason), "grew %s in %.3g s%s", rise,
			  growth->seconds, shape_words(growth->shape));
	if (growth->limit == MEMORY_UNLIMITED || !growth->limit)
		return;
	share = growth->rate * 3600 / (double)growth->limit * 100;
	snprintf(suspect->reason + length, sizeof(suspect->reason) - (size_t)length,
		 ", %.*f%% an hour %s", share < 0.1 ? 3 : share < 10, share, whose);
}

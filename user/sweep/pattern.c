// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how processes are named in settings. The text that is matched is foreign (any process may
 * call itself anything), so it is only compared, up to a length.
 */
#include "sweep/pattern.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { TEXT_MOST = 4096 };

int sweep_patterns_add(struct sweep_patterns *patterns, const char *text)
{
	static const struct {
		const char *prefix;
		enum sweep_field field;
	} fields[] = { { "comm:", SWEEP_COMM },
		       { "exe:", SWEEP_EXE },
		       { "cgroup:", SWEEP_CGROUP } };
	struct sweep_pattern *pattern;
	enum sweep_field field = SWEEP_ANY;

	if (strlen(text) > SWEEP_PATTERN_LENGTH)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && !field; i++) {
		size_t length = strlen(fields[i].prefix);

		if (strncmp(text, fields[i].prefix, length) != 0)
			continue;
		field = fields[i].field;
		text += length;
	}
	if (!*text)
		return -EINVAL;
	if (patterns->nr >= SWEEP_PATTERNS_MOST)
		return -E2BIG;
	pattern = vec_push(&patterns->items, &patterns->nr, &patterns->cap);
	if (!pattern)
		return -ENOMEM;
	pattern->field = field;
	pattern->glob = text;
	return 0;
}

void sweep_patterns_release(struct sweep_patterns *patterns)
{
	free(patterns->items);
	memset(patterns, 0, sizeof(*patterns));
}

bool sweep_patterns_ask_exe(const struct sweep_patterns *patterns)
{
	for (size_t i = 0; i < patterns->nr; i++)
		if (patterns->items[i].field == SWEEP_EXE || patterns->items[i].field == SWEEP_ANY)
			return true;
	return false;
}

bool sweep_glob(const char *glob, const char *text)
{
	return strnlen(text, TEXT_MOST + 1) <= TEXT_MOST && !fnmatch(glob, text, 0);
}

static bool match_exe(const char *glob, const char *exe)
{
	const char *slash = exe ? strrchr(exe, '/') : NULL;

	return exe && (sweep_glob(glob, exe) || (slash && sweep_glob(glob, slash + 1)));
}

/* "/a" stands for "/a/b" too: what is below is part of it. */
static bool match_cgroup(const char *glob, const char *cgroup)
{
	char *above;
	bool matches = false;

	if (!cgroup)
		return false;
	if (sweep_glob(glob, cgroup))
		return true;
	above = strndup(cgroup, TEXT_MOST);
	for (char *slash = above ? strrchr(above, '/') : NULL; slash && slash != above && !matches;
	     slash = strrchr(above, '/')) {
		*slash = '\0';
		matches = sweep_glob(glob, above);
	}
	free(above);
	return matches;
}

static bool matches(const struct sweep_pattern *pattern, const char *comm, const char *exe,
		    const char *cgroup)
{
	enum sweep_field field = pattern->field;
	const char *glob = pattern->glob;

	return ((field == SWEEP_COMM || !field) && comm && sweep_glob(glob, comm)) ||
	       ((field == SWEEP_EXE || !field) && match_exe(glob, exe)) ||
	       ((field == SWEEP_CGROUP || !field) && match_cgroup(glob, cgroup));
}

bool sweep_patterns_match(const struct sweep_patterns *patterns, const char *comm, const char *exe,
			  const char *cgroup)
{
	for (size_t i = 0; i < patterns->nr; i++)
		if (matches(&patterns->items[i], comm, exe, cgroup))
			return true;
	return false;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any text in place of /proc/PID/maps and of a cgroup path. */
#include <stdlib.h>
#include <string.h>

#include "proc/maps.h"
#include "proc/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maps maps;
	char *path = strndup((const char *)data, size);
	const char *id;
	size_t length;

	if (path) {
		id = cgroup_container(path, &length);
		if (id && (id < path || id + length > path + strlen(path)))
			abort();
		free(path);
	}
	if (maps_parse((const char *)data, size, &maps) != 0)
		return 0;
	for (size_t i = 0; i < maps.nr; i++) {
		const struct mapping *mapping = &maps.items[i];

		if (mapping->end <= mapping->start || (i && mapping->start < mapping[-1].start))
			abort();
		/* a path lies in the text */
		if (mapping->path < maps.text ||
		    mapping->path + strlen(mapping->path) > maps.text + size)
			abort();
		maps_find(&maps, mapping->end - 1);
	}
	maps_free(&maps);
	return 0;
}

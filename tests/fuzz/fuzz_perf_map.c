// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A JIT's list of names, in two parts, as a file that grows is read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perf_map *map = perf_map_new();
	char *text = malloc(size + 1);
	size_t half = size / 2, i;
	ssize_t used;

	if (!map || !text)
		abort();
	memcpy(text, data, size);
	used = perf_map_parse(map, text, half);
	if (used < 0 || (size_t)used > half)
		abort();
	perf_map_find(map, size);
	if (perf_map_parse(map, text + used, size - (size_t)used) < 0)
		abort();
	for (i = 0; i + 8 <= size && i < 256; i++) {
		uint64_t address;

		memcpy(&address, data + i, sizeof(address));
		perf_map_find(map, address);
		perf_map_find(map, address & 0xffff);
	}
	perf_map_free(map);
	free(text);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A JIT's dump of code, in two parts, as a file that grows is read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/jit_dump_file.h"
#include "stack/jit_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dump_file file;
	struct jit_dump *dump = jit_dump_new();
	struct jit_code code;
	uint64_t needed, address = 0;
	size_t half, i;
	ssize_t used;

	if (!dump)
		abort();
	dump_header(&file);
	if (size > sizeof(file.bytes) - file.size)
		size = sizeof(file.bytes) - file.size;
	memcpy(file.bytes + file.size, data, size);
	file.size += size;
	half = file.size / 2;
	used = jit_dump_parse(dump, file.bytes, half, &needed);
	if (used > (ssize_t)half)
		abort();
	for (i = 0; i + 8 <= size && i < 256; i += 3) {
		memcpy(&address, data + i, sizeof(address));
		jit_dump_find(dump, address, &code);
	}
	if (used >= 0)
		used = jit_dump_parse(dump, file.bytes + used, file.size - (size_t)used, &needed);
	jit_dump_find(dump, address, &code);
	jit_dump_free(dump);
	return 0;
}

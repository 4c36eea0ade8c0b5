// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Symbol names of anyone's making. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const schemes[] = { "", "_Z", "_ZN", "_R", "_D" };
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t start = strlen(schemes[i]);
		char *symbol = malloc(start + size + 1);

		if (!symbol)
			abort();
		memcpy(symbol, schemes[i], start);
		memcpy(symbol + start, data, size);
		symbol[start + size] = '\0';
		free(demangle(symbol));
		free(symbol);
	}
	return 0;
}

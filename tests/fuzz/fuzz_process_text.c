/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any text in place of a process's stat and status. */
#include <stdlib.h>
#include <string.h>

#include "triage/process_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct host_process blank = { .pid = 1 };
	struct host_process process = blank;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (process_text_stat(text, 4096, &process) != 0 &&
	    memcmp(&process, &blank, sizeof(blank)) != 0)
		abort();
	if (strnlen(process.comm, sizeof(process.comm)) == sizeof(process.comm))
		abort();
	process = blank;
	if (process_text_status(text, &process) != 0 &&
	    memcmp(&process, &blank, sizeof(blank)) != 0)
		abort();
	free(text);
	return 0;
}

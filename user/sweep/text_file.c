// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the reading of files that people write. It knows nothing of what they say. */
#include "sweep/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/proc_file.h"

int sweep_text_read(const char *path, char **ret_text, size_t *ret_length, char **ret_message)
{
	char *text = NULL;
	size_t length = 0;
	int err = proc_file_read_under("", path, SWEEP_TEXT_MOST + 1, &text, &length);

	if (!err && length > SWEEP_TEXT_MOST)
		err = -EFBIG;
	if (!err) {
		*ret_text = text;
		*ret_length = length;
		return 0;
	}
	free(text);
	if (asprintf(ret_message, "%s: %s", path,
		     err == -EFBIG ? "is larger than 1 MiB" : strerror(-err)) < 0)
		*ret_message = NULL;
	return err;
}

bool sweep_text_line(const char **next, const char *end, const char **ret_line, size_t *ret_length)
{
	const char *line = *next, *newline;
	size_t length;

	if (line == end)
		return false;
	newline = memchr(line, '\n', (size_t)(end - line));
	length = (size_t)((newline ? newline : end) - line);
	*next = newline ? newline + 1 : end;
	if (length && line[length - 1] == '\r')
		length--;
	*ret_line = line;
	*ret_length = length;
	return true;
}

bool sweep_text_is_plain(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return false;
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the file of settings: its syntax is that of .ini files as inih reads them, "name = value"
 * lines with comments after # or ;, of one optional section [sweep]. inih is fed line by line
 * from memory, so that the line is known when a value is refused, and no line is cut silently
 * at inih's bound. What a name may be set to is settings.c's affair.
 */
#include "sweep/settings.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/text_file.h"

struct reading {
	struct sweep_settings *settings;
	const char *name;
	const char *next, *end;
	unsigned int line;
	int err; /* the first; nothing is read after it */
	char *message;
};

__attribute__((format(printf, 3, 4))) static void refuse(struct reading *r, int err,
							 const char *format, ...)
{
	char *what = NULL;
	va_list arguments;

	if (r->err)
		return;
	r->err = err;
	va_start(arguments, format);
	if (vasprintf(&what, format, arguments) < 0)
		what = NULL;
	va_end(arguments);
	if (!what || asprintf(&r->message, "%s:%u: %s", r->name, r->line, what) < 0)
		r->message = NULL;
	free(what);
}

/* As fgets does. */
static char *read_line(char *buffer, int room, void *context)
{
	struct reading *r = context;
	const char *line;
	size_t length;

	if (r->err || !sweep_text_line(&r->next, r->end, &line, &length))
		return NULL;
	r->line++;
	if (length + 2 > (size_t)room) {
		refuse(r, -EINVAL, "the line is longer than %d bytes", room - 2);
		return NULL;
	}
	if (!sweep_text_is_plain(line, length)) {
		refuse(r, -EINVAL, "there is a control character in the line: not a text file?");
		return NULL;
	}
	memcpy(buffer, line, length);
	memcpy(buffer + length, "\n", 2);
	return buffer;
}

static int set(void *context, const char *section, const char *name, const char *value)
{
	struct reading *r = context;
	char *message = NULL;
	int err;

	if (r->err)
		return 0;
	if (*section && strcmp(section, "sweep") != 0) {
		refuse(r, -EINVAL, "there is no section [%s]; the only one is [sweep]", section);
		return 0;
	}
	err = sweep_settings_set(r->settings, SWEEP_BY_FILE, name, value, &message);
	if (err == -ENOMEM)
		refuse(r, err, "out of memory");
	else if (err)
		refuse(r, -EINVAL, "%s", message ? message : "out of memory");
	free(message);
	return !err;
}

int sweep_settings_parse(struct sweep_settings *settings, const char *name, const char *text,
			 size_t length, char **ret_message)
{
	struct reading r = {
		.settings = settings, .name = name, .next = text, .end = text + length
	};
	int line = ini_parse_stream(read_line, &r, set, &r);

	if (line > 0 && !r.err) {
		r.line = (unsigned int)line;
		refuse(&r, -EINVAL, "this is not NAME = VALUE");
	} else if (line < 0) {
		refuse(&r, -ENOMEM, "out of memory");
	}
	if (r.err)
		*ret_message = r.message;
	return r.err;
}

int sweep_settings_read(struct sweep_settings *settings, const char *path, char **ret_message)
{
	char *text = NULL;
	size_t length = 0;
	int err = sweep_text_read(path, &text, &length, ret_message);

	err = err ?: sweep_settings_parse(settings, path, text, length, ret_message);
	free(text);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

int log_verbosity;

static void print(const char *prefix, const char *format, va_list args)
{
	flockfile(stderr);
	fputs(prefix, stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("seep: ", format, args);
	va_end(args);
}

void log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("seep: warning: ", format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	if (log_verbosity < 1)
		return;
	va_start(args, format);
	print("seep: debug: ", format, args);
	va_end(args);
}

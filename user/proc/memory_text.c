// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of figures of memory out of text of the kernel: cgroup files
 * (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst), /proc/meminfo,
 * /proc/PID/status (proc(5)) and pressure (Documentation/accounting/psi.rst). A tree that is
 * not the kernel's can say anything, so every number is checked, and none read as 0 for want
 * of another. Knows nothing of where the text comes from.
 */
#include "proc/memory_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PAGE_COUNTER_MAX in bytes is 2^63 less a page; no machine comes near a half of it. */
#define V1_UNLIMITED (UINT64_C(1) << 62)

/* strtoull takes blanks, signs and 0x, and says nothing of a number that is too large. */
static int parse_number(const char *text, const char **ret_end, uint64_t *ret_value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EBADMSG;
	errno = 0;
	*ret_value = strtoull(text, &end, 10);
	*ret_end = end;
	return errno ? -EBADMSG : 0;
}

int memory_text_bytes(const char *text, uint64_t *ret_bytes)
{
	const char *end;
	uint64_t value;

	if (strncmp(text, "max", 3) == 0) {
		end = text + 3;
		value = MEMORY_UNLIMITED;
	} else if (parse_number(text, &end, &value) != 0) {
		return -EBADMSG;
	}
	if (end[strspn(end, " \t\n")])
		return -EBADMSG;
	*ret_bytes = value >= V1_UNLIMITED ? MEMORY_UNLIMITED : value;
	return 0;
}

/* What follows `name` on the line that begins with it. */
static const char *find_line(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && strchr(" \t:", line[length]) &&
		    line[length])
			return line + length + strspn(line + length, " \t:");
	}
	return NULL;
}

int memory_text_field(const char *text, const char *name, uint64_t *ret_value)
{
	const char *value = find_line(text, name), *end;
	uint64_t number;

	if (!value)
		return -ENOENT;
	if (parse_number(value, &end, &number) != 0)
		return -EBADMSG;
	if (strncmp(end, " kB", 3) == 0 && __builtin_mul_overflow(number, 1024, &number))
		return -EBADMSG;
	*ret_value = number;
	return 0;
}

static bool is_share(double value)
{
	return value >= 0 && value <= 100;
}

static int pressure_line(const char *text, const char *name, double shares[3])
{
	const char *line = find_line(text, name);

	if (!line ||
	    sscanf(line, "avg10=%lf avg60=%lf avg300=%lf", &shares[0], &shares[1], &shares[2]) != 3)
		return -EBADMSG;
	return is_share(shares[0]) && is_share(shares[1]) && is_share(shares[2]) ? 0 : -EBADMSG;
}

int memory_text_pressure(const char *text, struct memory_pressure *ret_pressure)
{
	double some[3], full[3];

	if (pressure_line(text, "some", some) != 0 || pressure_line(text, "full", full) != 0)
		return -EBADMSG;
	*ret_pressure = (struct memory_pressure){ true,	   some[0], some[1], some[2],
						  full[0], full[1], full[2] };
	return 0;
}

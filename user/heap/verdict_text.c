// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the words of the verdicts' evidence. Knows no rule. */
#include "heap/verdict_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void verdict_set(struct verdict *v, enum profile_verdict what, const char *format, ...)
{
	va_list args;
	size_t length;

	v->verdict = what;
	va_start(args, format);
	vsnprintf(v->evidence, sizeof(v->evidence) - 1, format, args);
	va_end(args);
	length = strlen(v->evidence);
	/* What another's sentence was taken over from has its own. */
	if (!length || v->evidence[length - 1] != '.')
		memcpy(v->evidence + length, ".", 2);
}

void verdict_bytes(double bytes, char text[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;
	double size = fabs(bytes);

	while (size >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units)) {
		size /= 1024;
		unit++;
	}
	snprintf(text, 16, "%s%.*f %s", bytes < 0 ? "-" : "", unit && size < 99.95 ? 1 : 0,
		 fmin(size, 999999), units[unit]);
}

const char *verdict_count(double count, char text[32])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%.0f", fmin(count, 1e15)), to = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[to++] = ',';
		text[to++] = digits[i];
	}
	text[to] = '\0';
	return text;
}

bool verdict_is_one(double count)
{
	return count >= 0.5 && count < 1.5;
}

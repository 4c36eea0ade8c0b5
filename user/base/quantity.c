// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns how numbers with a unit are written, for options and for files of settings alike. */
#include "base/quantity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool parse_scaled(const char *text, const char *units, const double *factors, double most,
			 double *ret_value)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value) || value < 0)
		return false;
	if (*end) {
		const char *unit = strchr(units, *end);

		if (!unit || end[1])
			return false;
		value *= factors[unit - units];
	}
	if (value > most)
		return false;
	*ret_value = value;
	return true;
}

bool quantity_bytes(const char *text, uint64_t *ret_bytes)
{
	static const double factors[] = { 1024, 1 << 20, 1 << 30, 1024, 1 << 20, 1 << 30, 1 };
	double value;

	if (!parse_scaled(text, "KMGkmgB", factors, 1e18, &value))
		return false;
	*ret_bytes = (uint64_t)value;
	return true;
}

bool quantity_seconds(const char *text, double *ret_seconds)
{
	static const double factors[] = { 1, 60, 3600, 86400 };

	return parse_scaled(text, "smhd", factors, 1e9, ret_seconds);
}

bool quantity_percent(const char *text, double *ret_percent)
{
	static const double factors[] = { 1 };

	return parse_scaled(text, "%", factors, 1e9, ret_percent);
}

bool quantity_count(const char *text, uint64_t *ret_count)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end)
		return false;
	*ret_count = value;
	return true;
}

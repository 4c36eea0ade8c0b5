// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns how figures are put where there is little room. */
#include "top/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report/words.h"
#include "top/overview.h"

static const double SECONDS_A_DAY = 86400;

const char *figure_bytes(struct figure *figure, double bytes)
{
	static const char units[] = " KMGTPE";
	size_t unit = 0;

	if (!(bytes > 0))
		bytes = 0;
	while (bytes >= 1023.5 && unit + 2 < sizeof(units)) {
		bytes /= 1024;
		unit++;
	}
	if (!unit)
		snprintf(figure->text, sizeof(figure->text), "%.0f", bytes);
	else
		snprintf(figure->text, sizeof(figure->text), "%.*f%c", bytes < 99.95 ? 1 : 0, bytes,
			 units[unit]);
	return figure->text;
}

const char *figure_limit(struct figure *figure, uint64_t bytes)
{
	if (bytes == OVERVIEW_UNLIMITED || bytes == OVERVIEW_UNKNOWN)
		strcpy(figure->text, bytes == OVERVIEW_UNKNOWN ? "?" : "-");
	else
		figure_bytes(figure, (double)bytes);
	return figure->text;
}

const char *figure_growth(struct figure *figure, double bytes_per_second)
{
	double minute = bytes_per_second * 60;
	struct figure size;

	if (!(fabs(minute) >= 0.5))
		strcpy(figure->text, "0");
	else
		snprintf(figure->text, sizeof(figure->text), "%c%.20s", minute < 0 ? '-' : '+',
			 figure_bytes(&size, fabs(minute)));
	return figure->text;
}

const char *figure_time(struct figure *figure, double seconds)
{
	struct words words;

	if (!isfinite(seconds))
		strcpy(figure->text, "-");
	else if (seconds > 100 * SECONDS_A_DAY)
		strcpy(figure->text, ">100 d");
	else
		snprintf(figure->text, sizeof(figure->text), "%.20s",
			 words_seconds(&words, seconds < 1 ? 0 : seconds));
	return figure->text;
}

const char *figure_percent(struct figure *figure, double percent)
{
	int digits = percent >= 99.95 ? 0 : percent >= 0.095 || percent == 0 ? 1 : 2;

	if (!(percent >= 0))
		strcpy(figure->text, "?");
	else
		snprintf(figure->text, sizeof(figure->text), "%.*f", digits, fmin(percent, 1e9));
	return figure->text;
}

const char *figure_count(struct figure *figure, uint64_t count)
{
	struct words words;

	snprintf(figure->text, sizeof(figure->text), "%.23s", words_count(&words, count));
	return figure->text;
}

const char *figure_clock(struct figure *figure, double time)
{
	time_t seconds = (time_t)time;
	struct tm calendar;

	if (!localtime_r(&seconds, &calendar) ||
	    !strftime(figure->text, sizeof(figure->text), "%H:%M:%S", &calendar))
		strcpy(figure->text, "?");
	return figure->text;
}

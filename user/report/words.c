/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns how figures are written for people. All formats that people read use it, so that
 * one figure looks the same everywhere; formats for programs must not.
 */
#include "report/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *words_bytes(struct words *words, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = fabs(bytes);
	size_t unit = 0;
	int decimals;

	/* What would be printed as "1024" is one of the next unit. */
	while (size >= 1023.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		size /= 1024;
		unit++;
	}
	decimals = unit == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
	snprintf(words->text, sizeof(words->text), "%s%.*f %s", bytes < 0 ? "-" : "", decimals,
		 size, units[unit]);
	return words->text;
}

const char *words_signed_bytes(struct words *words, double bytes)
{
	struct words plain;

	words_bytes(&plain, bytes);
	snprintf(words->text, sizeof(words->text), "%s%.40s", bytes >= 0 ? "+" : "", plain.text);
	return words->text;
}

const char *words_count(struct words *words, uint64_t count)
{
	char digits[24];
	size_t nr = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	char *out = words->text;

	for (size_t i = 0; i < nr; i++) {
		if (i && (nr - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return words->text;
}

const char *words_signed_count(struct words *words, int64_t count)
{
	struct words plain;

	words_count(&plain, count < 0 ? -(uint64_t)count : (uint64_t)count);
	snprintf(words->text, sizeof(words->text), "%s%.40s",
		 count < 0 ? "-"
		 : count   ? "+"
			   : "",
		 plain.text);
	return words->text;
}

const char *words_seconds(struct words *words, double seconds)
{
	char *text = words->text;
	size_t size = sizeof(words->text);
	uint64_t whole;

	if (!(seconds >= 0))
		seconds = 0;
	if (seconds > 1e15)
		seconds = 1e15;
	whole = (uint64_t)(seconds + 0.5);
	if (seconds < 1)
		snprintf(text, size, seconds < 0.01 && seconds > 0 ? "%.2g ms" : "%.0f ms",
			 seconds * 1e3);
	else if (seconds < 9.95)
		snprintf(text, size, "%.1f s", seconds);
	else if (whole < 60)
		snprintf(text, size, "%u s", (unsigned int)whole);
	else if (whole < 3600)
		snprintf(text, size, "%um %02us", (unsigned int)(whole / 60),
			 (unsigned int)(whole % 60));
	else if (whole < 86400)
		snprintf(text, size, "%uh %02um", (unsigned int)(whole / 3600),
			 (unsigned int)(whole / 60 % 60));
	else
		snprintf(text, size, "%llud %02uh", (unsigned long long)(whole / 86400),
			 (unsigned int)(whole / 3600 % 24));
	return text;
}

const char *words_share(struct words *words, double part, double whole)
{
	double percent = whole > 0 ? 100 * part / whole : 0;
	int decimals = percent >= 9.95 || percent == 0 ? 0 : percent >= 0.095 ? 1 : 2;

	if (percent > 0 && percent < 0.005)
		strcpy(words->text, "<0.01%");
	else if (percent < 100 && percent >= 99.5)
		snprintf(words->text, sizeof(words->text), percent >= 99.95 ? ">99.9%%" : "%.1f%%",
			 percent);
	else
		snprintf(words->text, sizeof(words->text), "%.*f%%", decimals, percent);
	return words->text;
}

const char *words_growth(struct words *words, double bytes_per_second)
{
	double hourly = bytes_per_second * 3600;
	struct words amount;

	if (!isfinite(hourly) || fabs(hourly) < 0.5)
		strcpy(words->text, "0 B/h");
	else
		snprintf(words->text, sizeof(words->text), "%.40s/h",
			 words_signed_bytes(&amount, hourly));
	return words->text;
}

const char *words_plural(uint64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

static const char *handles(struct words *words, const char *sign, double number)
{
	struct words count;
	double most = fmin(fabs(isfinite(number) ? number : 0), 1e18);
	uint64_t whole = (uint64_t)(most + 0.5);

	snprintf(words->text, sizeof(words->text), "%s%.30s handle%s", sign,
		 words_count(&count, whole), whole == 1 ? "" : "s");
	return words->text;
}

const char *words_handles(struct words *words, double number)
{
	return handles(words, "", number);
}

const char *words_signed_handles(struct words *words, double number)
{
	return handles(words, number < 0 ? "-" : "+", number);
}

const char *words_handle_growth(struct words *words, double handles_per_second)
{
	double hourly = handles_per_second * 3600;
	struct words number;

	if (!isfinite(hourly) || fabs(hourly) < 0.5)
		strcpy(words->text, "0 handles/h");
	else
		snprintf(words->text, sizeof(words->text), "%.40s/h",
			 words_signed_handles(&number, hourly));
	return words->text;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The text report, for a person at 3 a.m.: the verdicts first, then where the memory was
 * allocated, then how far to trust it. This file owns the order of things and the line
 * breaking; text_verdict.c, text_ended.c, text_process.c, text_stack.c and
 * text_health.c own the words.
 */
#include "report/text.h"
#include "report/formats.h"
#include "report/label.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With more processes than this, those without a finding get only their verdict's line. */
#define PROCESSES_IN_FULL 4
#define UNIT_LETTERS "BKMGTPEims"
/* A longer label is not worth an indent of its length. */
#define LABEL_INDENT_MAX 11

void text_style(struct text *text, enum text_style style)
{
	static const char *const codes[] = {
		[TEXT_PLAIN] = "\033[0m",  [TEXT_BOLD] = "\033[1m",	[TEXT_DIM] = "\033[2m",
		[TEXT_BAD] = "\033[1;31m", [TEXT_WARNING] = "\033[33m", [TEXT_GOOD] = "\033[32m",
	};

	if (text->options->colour)
		fputs(codes[style], text->out);
}

unsigned int text_columns(const char *string)
{
	unsigned int columns = 0;

	for (; *string; string++)
		columns += (*string & 0xc0) != 0x80;
	return columns;
}

/* "5m 03s", "18.4 MiB": a number and its unit stay on one line. */
static bool belong_together(const char *word, const char *next)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB", "TiB",
					     "PiB", "EiB", "ms",  "s" };
	size_t length = strlen(word), letters = strspn(next, UNIT_LETTERS);

	if (word[strspn(word, "+-")] < '0' || word[strspn(word, "+-")] > '9')
		return false;
	if (strchr("mhd", word[length - 1]))
		return *next >= '0' && *next <= '9';
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (letters == strlen(units[i]) && !strncmp(units[i], next, letters))
			return true;
	return false;
}

/* Columns of `word` and of all that must stay on its line; `rest` is what follows it. */
static unsigned int unbroken_columns(const char *word, const char *rest)
{
	unsigned int columns = text_columns(word);
	size_t length = strcspn(rest, " ");

	if (*rest && belong_together(word, rest))
		for (size_t i = 0; i < length; i++)
			columns += (rest[i] & 0xc0) != 0x80;
	return columns + (*rest && belong_together(word, rest));
}

/* Prints `words` from `column` on, broken at spaces; lines after the first at `indent`. */
static void wrap(struct text *text, unsigned int column, unsigned int indent, char *words)
{
	char *rest = NULL;
	bool fresh = true;

	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		unsigned int columns = text_columns(word);

		if (!fresh && column + 1 + unbroken_columns(word, rest ? rest : "") > text->width) {
			fprintf(text->out, "\n%*s", (int)indent, "");
			column = indent;
			fresh = true;
		}
		if (!fresh) {
			fputc(' ', text->out);
			column++;
		}
		fputs(word, text->out);
		column += columns;
		fresh = false;
	}
}

void text_say(struct text *text, unsigned int indent, enum text_style style, const char *label,
	      const char *format, ...)
{
	char *raw, *clean = NULL;
	unsigned int columns;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&raw, format, arguments);
	va_end(arguments);
	if (length >= 0) {
		clean = label_clean(raw);
		free(raw);
	}
	if (!clean) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	fprintf(text->out, "%*s", (int)indent, "");
	if (style != TEXT_PLAIN)
		text_style(text, style);
	fputs(label, text->out);
	if (style != TEXT_PLAIN && *label)
		text_style(text, TEXT_PLAIN);
	columns = text_columns(label);
	wrap(text, indent + columns, indent + (columns <= LABEL_INDENT_MAX ? columns : 2), clean);
	if (style != TEXT_PLAIN && !*label)
		text_style(text, TEXT_PLAIN);
	fputc('\n', text->out);
	free(clean);
}

static int severity(enum profile_verdict verdict)
{
	switch (verdict) {
	case VERDICT_LEAK:
	case VERDICT_LOST:
		return 0;
	case VERDICT_OVERFLOW:
	case VERDICT_LIMIT:
		return 1;
	case VERDICT_RETENTION:
		return 2;
	case VERDICT_NONE:
	case VERDICT_STEADY:
		return 5;
	case VERDICT_TOO_LITTLE_DATA:
		return 4;
	default:
		return 3;
	}
}

static int compare_processes(const void *left, const void *right, void *context)
{
	const struct profile *profile = context;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
	const struct profile_process *a = &profile->processes[i], *b = &profile->processes[j];

	if (severity(a->verdict) != severity(b->verdict))
		return severity(a->verdict) - severity(b->verdict);
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes < b->live_bytes ? 1 : -1;
	return i < j ? -1 : i > j;
}

static bool shown_in_full(const struct text *text, const struct profile_process *process)
{
	return text->options->verbose || text->profile->nr_processes <= PROCESSES_IN_FULL ||
	       severity(process->verdict) <= 3;
}

static void write_processes(struct text *text, uint32_t *order, size_t nr_all)
{
	struct text_ended ended;
	size_t brief = 0, nr = text_fold_ended(text, order, nr_all, &ended);

	for (size_t i = 0; i < nr; i++)
		text_verdict(text, order[i]);
	text_ended(text, &ended);
	for (size_t i = 0; i < nr; i++) {
		if (shown_in_full(text, &text->profile->processes[order[i]]))
			text_process(text, order[i]);
		else
			brief++;
	}
	if (brief) {
		fputc('\n', text->out);
		text_say(text, 0, TEXT_PLAIN, "",
			 "%zu of the %zu processes have no finding; -v shows their sites too.",
			 brief, nr_all);
	}
	if (!nr_all)
		text_say(text, 0, TEXT_PLAIN, "",
			 "No process was seen to allocate: nothing can be said.");
}

int report_text_separator(const struct profile *profile, FILE *out)
{
	double ended = profile->capture.started + profile->capture.seconds;
	time_t at = ended > 0 && ended < 4e11 ? (time_t)ended : 0;
	struct tm calendar;
	char when[64] = "?";

	if (gmtime_r(&at, &calendar))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &calendar);
	fprintf(out, "======== %s ========\n", when);
	return report_finish(out);
}

static int write_text(const struct profile *profile, const struct report_options *options,
		      FILE *out)
{
	struct text text = { .profile = profile, .options = options, .out = out };
	uint32_t *order = calloc(profile->nr_processes + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	text.width = options->width ? options->width : 100;
	if (text.width < 40)
		text.width = 40;
	for (size_t i = 0; i < profile->nr_processes; i++)
		order[i] = i;
	qsort_r(order, profile->nr_processes, sizeof(*order), compare_processes, (void *)profile);
	write_processes(&text, order, profile->nr_processes);
	text_health(&text);
	free(order);
	return text.error ? text.error : report_finish(out);
}

const struct report_format report_text = {
	.name = "text",
	.extension = "txt",
	.summary = "verdicts, the top sites with their stacks, and how far to trust them",
	.write = write_text,
};

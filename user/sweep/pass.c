// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the rows of a pass and what follows from them together; not how they came about. */
#include "sweep/pass.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strpool.h"
#include "base/vec.h"

struct pass *pass_new(void)
{
	struct pass *pass = calloc(1, sizeof(*pass));

	if (!pass)
		return NULL;
	pass->strings = strpool_new();
	if (!pass->strings) {
		free(pass);
		return NULL;
	}
	return pass;
}

void pass_free(struct pass *pass)
{
	if (!pass)
		return;
	for (size_t i = 0; i < pass->nr_suspects; i++) {
		profile_free(pass->suspects[i].profile);
		findings_release(&pass->suspects[i].findings);
		for (size_t j = 0; j < pass->suspects[i].nr_places; j++)
			free(pass->suspects[i].places[j].frames);
		free(pass->suspects[i].places);
	}
	free(pass->suspects);
	free(pass->kills);
	free(pass->problems);
	strpool_free(pass->strings);
	free(pass);
}

const char *pass_string(struct pass *pass, const char *text)
{
	return strpool_add(pass->strings, text);
}

int pass_problem(struct pass *pass, const char *format, ...)
{
	const char **slot = vec_push(&pass->problems, &pass->nr_problems, &pass->cap_problems);
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (slot)
		*slot = pass_string(pass, text);
	if (slot && !*slot)
		pass->nr_problems--;
	free(text);
	return slot && *slot ? 0 : -ENOMEM;
}

static void write_frame(const struct pass_frame *frame, FILE *out)
{
	const char *slash = frame->module ? strrchr(frame->module, '/') : NULL;

	if (frame->function)
		fputs(frame->function, out);
	else if (frame->module)
		fprintf(out, "%s+0x%" PRIx64, slash ? slash + 1 : frame->module, frame->offset);
	else
		fputs("unknown code", out);
}

char *pass_places_words(const struct pass_suspect *suspect)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = suspect->nr_places ? open_memstream(&text, &size) : NULL;

	if (!out)
		return NULL;
	for (size_t i = 0; i < suspect->nr_places; i++) {
		const struct pass_place *place = &suspect->places[i];

		fprintf(out, "%s%.0f%% ", i ? "\n" : "", 100 * place->share);
		for (size_t j = 0; j < place->nr_frames; j++) {
			fputs(j ? " < " : "", out);
			write_frame(&place->frames[j], out);
		}
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

uint64_t pass_findings(const struct pass *pass)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < pass->nr_suspects; i++)
		nr += pass->suspects[i].findings.nr;
	return nr;
}

uint64_t pass_suppressed(const struct pass *pass)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < pass->nr_suspects; i++)
		nr += pass->suspects[i].findings.suppressed;
	return nr;
}

/* "Nothing found" cannot be said of what was not seen. */
static bool is_incomplete(const struct pass_suspect *suspect)
{
	const struct profile_health *health;

	if (suspect->failed || !suspect->profile)
		return suspect->failed;
	health = &suspect->profile->health;
	return health->dropped || health->bad_records || health->blocks_evicted ||
	       health->threads_full || health->spaces_full;
}

static uint64_t nr_incomplete(const struct pass *pass)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < pass->nr_suspects; i++)
		nr += is_incomplete(&pass->suspects[i]);
	return nr;
}

bool pass_is_partial(const struct pass *pass)
{
	return pass->stopped || pass->nr_problems || nr_incomplete(pass);
}

const char *pass_outcome(struct pass *pass)
{
	const char *found = pass_findings(pass) ? "findings" : "clean", *copy;
	char *text = NULL;
	int length;

	if (!pass_is_partial(pass))
		return pass_string(pass, found);
	if (pass->stopped)
		length = asprintf(&text, "partial: it was stopped (%s so far)", found);
	else if (pass->nr_problems)
		length = asprintf(&text, "partial: %s (%s so far)", pass->problems[0], found);
	else
		length = asprintf(&text, "partial: %" PRIu64 " not wholly traced (%s so far)",
				  nr_incomplete(pass), found);
	if (length < 0)
		return NULL;
	copy = pass_string(pass, text);
	free(text);
	return copy;
}

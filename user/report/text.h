/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the text report share: a stream with a width and styles. */
#ifndef SEEP_REPORT_TEXT_H
#define SEEP_REPORT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "report/report.h"

enum text_style {
	TEXT_PLAIN = 0,
	TEXT_BOLD,
	TEXT_DIM,
	TEXT_BAD,
	TEXT_WARNING,
	TEXT_GOOD,
};

struct text {
	const struct profile *profile;
	const struct report_options *options;
	FILE *out;
	unsigned int width;
	int error; /* the first -errno; printing goes on, harmlessly, after it */
};

void text_style(struct text *text, enum text_style style);

/* Columns of a UTF-8 string, a code point each. */
unsigned int text_columns(const char *string);

/*
 * Prints a paragraph in the format's words, cleaned and wrapped at the width: `label`
 * in `style` at column `indent`, the text beside it, further lines below the text. With
 * the label "" the style is the paragraph's. Ends with a newline.
 */
__attribute__((format(printf, 5, 6))) void text_say(struct text *text, unsigned int indent,
						    enum text_style style, const char *label,
						    const char *format, ...);

/* Processes that ended without a finding, when they are many. */
struct text_ended {
	size_t nr, nr_live; /* nr_live: of them, with something live at exit */
	uint64_t live_bytes;
	const struct profile_process *largest;
};
/* Takes them out of the list of processes; returns how many stay. None with -v. */
size_t text_fold_ended(struct text *text, uint32_t *order, size_t nr, struct text_ended *ret_ended);
/* Their line. */
void text_ended(struct text *text, const struct text_ended *ended);

/* One sentence or two for a process. */
void text_verdict(struct text *text, uint32_t process);
/* Its figures and top sites. */
void text_process(struct text *text, uint32_t process);
/* A site's frames, below its heading. */
void text_stack(struct text *text, const struct profile_site *site, unsigned int indent);
/* "session_create (session.c:118)"; the caller frees it, NULL when out of memory. */
char *text_place(const struct profile *profile, const struct profile_site *site);
/* What the figures are worth. */
void text_health(struct text *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the verdicts: how evidence is put into words. */
#ifndef SEEP_HEAP_VERDICT_TEXT_H
#define SEEP_HEAP_VERDICT_TEXT_H

#include "heap/verdict.h"

/* The verdict with its sentence, to which the full stop is added. */
void verdict_set(struct verdict *verdict, enum profile_verdict what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Few enough to be read: thousands are set apart. Returns `text`. */
const char *verdict_count(double count, char text[32]);
/* What verdict_count shows as 1. */
bool verdict_is_one(double count);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the reports of a process's objects, as text, have in common. */
#ifndef SEEP_REPORT_OBJECTS_TEXT_H
#define SEEP_REPORT_OBJECTS_TEXT_H

#include <stdio.h>
#include <sys/types.h>

/* Foreign names; "?" when there is no memory for a copy. */
void objects_text_name(FILE *out, const char *name);
/* Which process a report is of; `runtime` and `version` may be NULL. */
void objects_text_title(FILE *out, pid_t pid, const char *comm, const char *runtime,
			const char *version);
/* After the last word: 0, or the -errno of whatever was written. */
int objects_text_end(FILE *out);

#endif

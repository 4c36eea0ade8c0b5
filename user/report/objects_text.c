// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the words that censuses and holders share. Knows neither. */
#include "report/objects_text.h"

#include <errno.h>
#include <stdlib.h>

#include "report/label.h"

void objects_text_name(FILE *out, const char *name)
{
	char *clean = label_clean(name);

	fputs(clean ? clean : "?", out);
	free(clean);
}

void objects_text_title(FILE *out, pid_t pid, const char *comm, const char *runtime,
			const char *version)
{
	fprintf(out, "Process %d (", pid);
	objects_text_name(out, comm);
	fputs(")", out);
	if (runtime)
		fprintf(out, ", %s %s", runtime, version ? version : "?");
	fputs("\n", out);
}

int objects_text_end(FILE *out)
{
	errno = 0;
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

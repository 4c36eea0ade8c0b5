// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "report/select.h"
#include "store/atomic_file.h"

void output_look_at_terminal(struct report_options *options, bool no_colour)
{
	const char *wish = getenv("NO_COLOR"), *terminal = getenv("TERM");
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return;
	options->colour = !no_colour && !(wish && *wish) && terminal && strcmp(terminal, "dumb");
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		options->width = size.ws_col;
}

/* "Nothing found" cannot be said of what was not seen. */
static bool is_incomplete(const struct profile *profile)
{
	const struct profile_health *health = &profile->health;

	return health->dropped || health->bad_records || health->blocks_evicted ||
	       health->threads_full || health->spaces_full || health->sampled_full;
}

static int finish(int err, const struct profile *profile, const struct report_format *format,
		  const char *name)
{
	if (err == -ENOTSUP) {
		log_error("this seep was built without the %s format: build it where npm and the "
			  "network are there, or use --format speedscope",
			  format->name);
		return EXIT_USAGE;
	}
	if (err) {
		log_error("cannot write %s: %s", name, strerror(-err));
		return EXIT_PARTIAL;
	}
	if (report_has_findings(profile))
		return EXIT_FINDINGS;
	return is_incomplete(profile) ? EXIT_PARTIAL : EXIT_CLEAN;
}

int output_to_stdout(const struct profile *profile, const struct report_format *format,
		     const struct report_options *options)
{
	if (format->binary && isatty(STDOUT_FILENO)) {
		log_error("%s is binary and not for a terminal: send it to a file (> report.%s)",
			  format->name, format->extension);
		return EXIT_USAGE;
	}
	return finish(format->write(profile, options, stdout), profile, format,
		      "the standard output");
}

/* Rendered in memory first: a report that fails half-way leaves no half file. */
int output_to_file(const struct profile *profile, const struct report_format *format,
		   const struct report_options *options, const char *path)
{
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	int err = -ENOMEM;

	if (out) {
		err = format->write(profile, options, out);
		if (fclose(out) && !err)
			err = -ENOMEM;
	}
	if (!err)
		err = atomic_file_write(path, bytes, size);
	free(bytes);
	return finish(err, profile, format, path);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the sample profile in every format, and as a capture, into a directory. */
#include "../unit/sample_profile.h"
#include "report/report.h"
#include "store/capture.h"

#include <stdio.h>

static int write_format(const char *directory, const struct report_format *format,
			const struct profile *profile)
{
	const struct report_options options = { .width = 80 };
	char *path;
	FILE *out;
	int err = -1;

	if (asprintf(&path, "%s/sample.%s", directory, format->extension) < 0)
		return -1;
	out = fopen(path, "we");
	if (out) {
		err = format->write(profile, &options, out);
		if (fclose(out))
			err = -1;
	}
	if (err)
		fprintf(stderr, "make_profile: cannot write %s\n", path);
	free(path);
	return err;
}

int main(int argc, char **argv)
{
	struct profile *profile = sample_profile();
	char *path = NULL;
	int err = 0;

	if (argc != 2 || asprintf(&path, "%s/sample.seep", argv[1]) < 0) {
		fprintf(stderr, "usage: make_profile DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; report_formats[i]; i++)
		err |= write_format(argv[1], report_formats[i], profile);
	err |= capture_write(path, profile, NULL);
	free(path);
	profile_free(profile);
	return err ? 1 : 0;
}

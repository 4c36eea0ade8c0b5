/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any bytes as a capture: refused, or a profile that every format can render. */
#include "report/report.h"
#include "store/capture.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct profile *profile)
{
	static const struct report_options options = { .verbose = true, .colour = true };
	FILE *nowhere = fopen("/dev/null", "we");

	if (!nowhere)
		abort();
	for (size_t i = 0; report_formats[i]; i++)
		report_formats[i]->write(profile, &options, nowhere);
	report_diff(profile, profile, &options, false, nowhere);
	fclose(nowhere);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *profile;
	char path[64], *message = NULL;
	int fd = memfd_create("capture", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (capture_read(path, &profile, &message) == 0) {
		render(profile);
		profile_free(profile);
	} else if (!message) {
		abort();
	}
	free(message);
	close(fd);
	return 0;
}

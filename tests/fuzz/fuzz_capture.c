/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as a capture: refused, or a profile that every format can render. The first
 * input is a capture that is right; it is changed in place, a little at a time, as a
 * database whose head or pages are gone is refused before a row is read.
 */
#include "../unit/sample_profile.h"
#include "report/report.h"
#include "store/capture.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

enum { CHANGED_MOST = 32 }; /* bytes at once */

static size_t make_seed(uint8_t *data, size_t most)
{
	char path[] = "/tmp/seep-fuzz-XXXXXX", *message = NULL;
	struct profile *profile = sample_profile();
	int fd = mkstemp(path);
	ssize_t size;

	if (fd < 0 || capture_write(path, profile, &message))
		abort();
	/* it was written beside this one and renamed */
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = read(fd, data, most);
	close(fd);
	unlink(path);
	profile_free(profile);
	return size < 0 || (size_t)size == most ? 0 : (size_t)size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	size_t at, length;

	if (size < 100 || memcmp(data, "SQLite format 3", 16) != 0) {
		at = make_seed(data, most);
		return at ? at : LLVMFuzzerMutate(data, size, most);
	}
	at = seed / 4 % size;
	length = size - at < CHANGED_MOST ? size - at : CHANGED_MOST;
	LLVMFuzzerMutate(data + at, seed % 4 ? (length < 2 ? length : 2) : length, length);
	return size;
}

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

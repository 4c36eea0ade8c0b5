/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any bytes as a file that a process has mapped: is it CPython, and which? */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "python/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct python_build build = { 0 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC), err;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	err = python_build_read(fd, "/usr/lib/libpython3.8.so.1.0", 0x7f0000000000, &build);
	if (!err && (!build.path || strnlen(build.version, sizeof(build.version)) >= 32))
		abort();
	python_build_release(&build);
	close(fd);
	return 0;
}

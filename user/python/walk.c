// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of an interpreter's file for the frame walker. Nothing is read from the
 * process: a library that is just being mapped is known before its first frame, and once
 * for all processes. What _PyRuntime tells of itself from 3.13 on is in the file too.
 */
#include "python/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python/build.h"
#include "stack/cfi_image.h"

/* From 3.13 on the file tells the offsets; a build without the lock has others. */
static int read_told(int fd, struct python_walk *walk)
{
	uint8_t bytes[PYTHON_TOLD_BYTES];
	struct python_told told;
	struct cfi_image image;
	size_t got;
	int err;

	if (walk->layout.major < 3 || walk->layout.minor < 13)
		return 0;
	err = cfi_image_open(fd, &image);
	if (err)
		return err == -ENOMEM ? err : -ENOTSUP;
	got = cfi_image_read(&image, walk->runtime, bytes, sizeof(bytes));
	cfi_image_close(&image);
	if (python_layout_told(&walk->layout, bytes, got, &told) || told.free_threaded)
		return -ENOTSUP;
	return 0;
}

static int read_build(int fd, const struct python_build *build, struct python_walk *walk)
{
	int err;

	memcpy(walk->version, build->version, sizeof(walk->version));
	walk->runtime = build->runtime;
	if (python_layout_of(build->major, build->minor, &walk->layout))
		return -ENOTSUP;
	err = read_told(fd, walk);
	err = err ?: python_evaluator_read(fd, walk);
	/* There must be a way to the threads. */
	if (!err && (!walk->runtime || walk->layout.runtime_interpreters == PYTHON_ABSENT) &&
	    !walk->current)
		err = -ENOTSUP;
	return err;
}

int python_walk_read(int fd, const char *path, struct python_walk *ret_walk)
{
	struct python_walk walk = { 0 };
	struct python_build build = { 0 };
	int err = python_build_read(fd, path, 0, &build);

	if (!err)
		err = read_build(fd, &build, &walk);
	python_build_release(&build);
	if (err) {
		python_walk_release(&walk);
		return err;
	}
	*ret_walk = walk;
	return 0;
}

void python_walk_release(struct python_walk *walk)
{
	free(walk->evaluator);
	walk->evaluator = NULL;
	walk->nr_evaluator = walk->cap_evaluator = 0;
}

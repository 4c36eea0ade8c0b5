/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tests do with an image of CPython's memory: one at a time, of each version. */
#ifndef SEEP_TESTS_PYTHON_CASE_H
#define SEEP_TESTS_PYTHON_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "python/census.h"
#include "python_image.h"

static const uint8_t versions[][2] = {
	{ 2, 7 },  { 3, 6 },  { 3, 7 },	 { 3, 8 },  { 3, 9 },  { 3, 10 },
	{ 3, 11 }, { 3, 12 }, { 3, 13 }, { 3, 14 }, { 3, 15 },
};

enum { VERSIONS = sizeof(versions) / sizeof(*versions) };

static struct python_image image;

static inline void make(size_t version)
{
	image_make(&image, versions[version][0], versions[version][1]);
}

static struct python_process *open_image(void)
{
	struct python_process *process;
	char *reason;

	if (python_new(&image.source, &image.build, &process, &reason)) {
		print_error("%s\n", reason);
		free(reason);
		fail();
	}
	return process;
}

/* Why it is not opened; the caller frees it. */
static inline char *refusal(void)
{
	struct python_process *process;
	char *reason;

	assert_int_equal(python_new(&image.source, &image.build, &process, &reason), -ENOTSUP);
	assert_non_null(reason);
	return reason;
}

static inline void refused(const char *words)
{
	char *reason = refusal();

	if (!strstr(reason, words))
		fail_msg("'%s' is not in: %s", words, reason);
	free(reason);
	image_free(&image);
}

static struct census *take(struct python_process *process)
{
	const struct census_options options = { .pause = false };
	struct census *census;

	assert_int_equal(python_census(process, &options, &census), 0);
	return census;
}

static inline uint64_t count_of(const struct census *census, const char *name)
{
	const struct census_type *type = census_find(census, name);

	return type ? type->count : 0;
}

static inline uint64_t bytes_of(const struct census *census, const char *name)
{
	const struct census_type *type = census_find(census, name);

	return type ? type->bytes : 0;
}

/* Three tuples in the oldest list, two users in the middle, one list in the youngest. */
static inline void fill(void)
{
	for (int i = 0; i < 3; i++)
		image_add(&image, image_generation(&image, 2), IMAGE_TUPLE);
	for (int i = 0; i < 2; i++)
		image_add(&image, image_generation(&image, 1), IMAGE_USER);
	image_add(&image, image_generation(&image, 0), IMAGE_LIST);
}

#endif

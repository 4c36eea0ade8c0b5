// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the frame walker has to know of an interpreter's file: of each that is here, and of the
 * same one stripped, where only call frame information tells of the evaluator's moved parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "python/walk.h"

/* The files with an interpreter in them: programs, or their libraries. */
static void find_files(glob_t *ret_found)
{
	const char *home = getenv("HOME");
	char pattern[4096];

	memset(ret_found, 0, sizeof(*ret_found));
	glob("/usr/bin/python3", 0, NULL, ret_found);
	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/lib/libpython?.*.so.1.0",
		 home ? home : "");
	glob(pattern, ret_found->gl_pathc ? GLOB_APPEND : 0, NULL, ret_found);
	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/bin/python?.?", home ? home : "");
	glob(pattern, ret_found->gl_pathc ? GLOB_APPEND : 0, NULL, ret_found);
}

static int read_file(const char *path, struct python_walk *ret_walk)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	assert_true(fd >= 0);
	err = python_walk_read(fd, path, ret_walk);
	close(fd);
	return err;
}

static bool has_range(const struct python_walk *walk, const struct python_range *range)
{
	for (size_t i = 0; i < walk->nr_evaluator; i++)
		if (walk->evaluator[i].start == range->start)
			return true;
	return false;
}

/* Of parts as small as a trap nothing is called. */
enum { SMALLEST_PART = 16 };

static void compare_stripped(const char *path, const struct python_walk *whole)
{
	char stripped[] = "/tmp/seep-python-walk-XXXXXX", command[8192];
	struct python_walk walk = { 0 };
	int fd = mkstemp(stripped);

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "strip -o %s '%s' 2>/dev/null", stripped, path);
	if (!system(command)) {
		assert_int_equal(read_file(stripped, &walk), 0);
		for (size_t i = 0; i < whole->nr_evaluator; i++)
			if (whole->evaluator[i].end - whole->evaluator[i].start >= SMALLEST_PART)
				assert_true(has_range(&walk, &whole->evaluator[i]));
		for (size_t i = 0; i < walk.nr_evaluator; i++)
			assert_true(has_range(whole, &walk.evaluator[i]));
		assert_int_equal(walk.runtime, whole->runtime);
		assert_int_equal(walk.current, whole->current);
	}
	python_walk_release(&walk);
	unlink(stripped);
}

static void every_interpreter_has_an_evaluator(void **state)
{
	glob_t found;
	size_t nr = 0;

	find_files(&found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		struct python_walk walk = { 0 };
		int err = read_file(path, &walk);

		/* a program whose interpreter is in its library */
		if (err == -ENOENT)
			continue;
		assert_int_equal(err, 0);
		print_message("%s: CPython %s, the evaluator in %zu parts\n", path, walk.version,
			      walk.nr_evaluator);
		assert_true(walk.nr_evaluator > 0);
		assert_true(walk.evaluator[0].end - walk.evaluator[0].start > 4096);
		assert_true(walk.layout.major >= 3 && walk.layout.minor >= 7 ? walk.runtime
									     : walk.current);
		compare_stripped(path, &walk);
		python_walk_release(&walk);
		nr++;
	}
	globfree(&found);
	if (!nr)
		skip();
}

/* What is moved away is found without symbols too. */
static void a_split_evaluator_is_whole(void **state)
{
	static const char build[] =
		"cc -O2 -shared -fPIC -freorder-blocks-and-partition -fasynchronous-unwind-tables "
		"-o %s tests/fixtures/evaluator.c 2>/dev/null";
	char file[] = "/tmp/seep-python-walk-XXXXXX", command[4096];
	struct python_walk walk = { 0 };
	int fd = mkstemp(file), failed;

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), build, file);
	failed = system(command) || read_file(file, &walk);
	if (!failed && walk.nr_evaluator == 2) {
		assert_string_equal(walk.version, "3.11.2");
		compare_stripped(file, &walk);
	}
	unlink(file);
	failed |= walk.nr_evaluator != 2;
	python_walk_release(&walk);
	/* no compiler here, or one that does not split */
	if (failed)
		skip();
}

static void other_files_are_none(void **state)
{
	struct python_walk walk = { 0 };

	assert_int_equal(read_file("/proc/self/exe", &walk), -ENOENT);
	assert_int_equal(read_file("/proc/self/maps", &walk), -ENOENT);
	assert_int_equal(walk.nr_evaluator, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_interpreter_has_an_evaluator),
		cmocka_unit_test(a_split_evaluator_is_whole),
		cmocka_unit_test(other_files_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Code objects and their lines, against what each interpreter that is here says itself
 * (tests/fixtures/lines.py): its tables, every instruction of them, and the objects in its
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "python/code.h"
#include "python/lines.h"

#define SCRIPT "tests/fixtures/lines.py"

enum { TABLE_MOST = 1 << 16, LINE_MOST = 4 * TABLE_MOST };

struct child {
	pid_t pid;
	FILE *out;
	int in;
};

static void start(const char *python, const char *argument, struct child *ret_child)
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	ret_child->pid = fork();
	assert_true(ret_child->pid >= 0);
	if (!ret_child->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		/* sanitizers are not for it */
		unsetenv("LD_PRELOAD");
		execl(python, python, SCRIPT, argument, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	ret_child->in = in[1];
	ret_child->out = fdopen(out[0], "r");
	assert_non_null(ret_child->out);
}

static void stop(struct child *child)
{
	int status;

	close(child->in);
	fclose(child->out);
	waitpid(child->pid, &status, 0);
}

/* The system's, those of pyenv, and what SEEP_PYTHONS names. */
static void find_interpreters(glob_t *ret_found)
{
	const char *home = getenv("HOME"), *named = getenv("SEEP_PYTHONS");
	char pattern[4096];
	char *list = named ? strdup(named) : NULL, *rest = list, *path;

	memset(ret_found, 0, sizeof(*ret_found));
	glob("/usr/bin/python3", 0, NULL, ret_found);
	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/bin/python", home ? home : "");
	glob(pattern, ret_found->gl_pathc ? GLOB_APPEND : 0, NULL, ret_found);
	while (rest && (path = strsep(&rest, ":")))
		glob(path, ret_found->gl_pathc ? GLOB_APPEND : 0, NULL, ret_found);
	free(list);
}

static size_t parse_table(const char *hex, uint8_t *table)
{
	size_t size = 0;
	unsigned byte;

	for (; size < TABLE_MOST && sscanf(hex + 2 * size, "%2x", &byte) == 1; size++)
		table[size] = byte;
	return size;
}

/* How a frame tells a byte offset: see python_lines_find. */
static int64_t instruction(unsigned major, unsigned minor, int64_t byte)
{
	return major == 3 && minor == 10 ? byte / 2 : byte;
}

/* How many ranges were right; all must be. */
static size_t compare_lines(FILE *file)
{
	static uint8_t table[TABLE_MOST];
	char *line = malloc(LINE_MOST), *hex = malloc(LINE_MOST);
	struct python_lines lines = { .bytes = table };
	unsigned major = 0, minor = 0, wanted;
	int64_t begin, end;
	size_t right = 0;

	while (fgets(line, LINE_MOST, file)) {
		if (sscanf(line, "V %u %u", &major, &minor) == 2)
			lines.format = python_lines_format(major, minor);
		else if (sscanf(line, "C %" SCNd32 " %s", &lines.first, hex) == 2)
			lines.size = parse_table(hex, table);
		else if (sscanf(line, "R %" SCNd64 " %" SCNd64 " %u", &begin, &end, &wanted) == 3)
			for (int64_t at = begin; at < end; at += 2, right++)
				assert_int_equal(
					python_lines_find(&lines, instruction(major, minor, at)),
					wanted);
	}
	free(line);
	free(hex);
	return right;
}

static void lines_are_those_that_python_says(void **state)
{
	glob_t found;

	find_interpreters(&found);
	if (!found.gl_pathc)
		skip();
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct child child;
		size_t right;

		start(found.gl_pathv[i], NULL, &child);
		right = compare_lines(child.out);
		print_message("%s: %zu instructions\n", found.gl_pathv[i], right);
		assert_true(right > 1000);
		stop(&child);
	}
	globfree(&found);
}

static void a_frame_before_its_first_instruction_is_on_the_first_line(void **state)
{
	const struct python_lines lines = { .format = PYTHON_LOCATIONS, .first = 17 };

	assert_int_equal(python_lines_find(&lines, -1), 17);
	assert_int_equal(python_lines_find(&lines, 0), 0);
}

static void read_version(FILE *file, struct python_layout *ret_layout)
{
	unsigned major, minor;
	char line[64];

	assert_non_null(fgets(line, sizeof(line), file));
	assert_int_equal(sscanf(line, "V %u %u", &major, &minor), 2);
	assert_int_equal(python_layout_of(major, minor, ret_layout), 0);
}

/* Lines "O ADDRESS NAME FILE FIRST", each compared with what is read from memory. */
static size_t compare_objects(struct child *child, struct python_codes *codes)
{
	char line[8192], name[1024], file[4096];
	struct python_location at = { 0 };
	uint64_t address;
	unsigned first;
	size_t nr = 0;

	while (fgets(line, sizeof(line), child->out) && strcmp(line, "ready\n") != 0) {
		if (sscanf(line, "O %" SCNx64 " %1023s %4095s %u", &address, name, file, &first) !=
		    4)
			continue;
		assert_int_equal(python_codes_find(codes, address, -1, &at), 0);
		assert_string_equal(at.function, name);
		assert_string_equal(at.file, file);
		assert_int_equal(at.line, first);
		assert_false(at.hidden);
		assert_int_equal(python_codes_find(codes, address + 16, -1, &at), -EFAULT);
		nr++;
	}
	return nr;
}

static void objects_are_read(const char *python)
{
	struct strpool *names = strpool_new();
	struct python_location at;
	struct python_layout layout;
	struct python_codes *codes;
	struct remote *remote;
	struct child child;
	size_t nr;

	start(python, "addresses", &child);
	read_version(child.out, &layout);
	assert_int_equal(remote_open(child.pid, &remote), 0);
	codes = python_codes_new(remote, &layout, names);
	assert_non_null(codes);
	nr = compare_objects(&child, codes);
	print_message("%s: %zu objects\n", python, nr);
	assert_true(nr > 100);
	assert_int_equal(python_codes_find(codes, 8, -1, &at), -EFAULT);
	stop(&child);
	assert_int_equal(python_codes_find(codes, 8, -1, &at), -ESRCH);
	python_codes_free(codes);
	remote_free(remote);
	strpool_free(names);
}

static void names_are_those_that_python_says(void **state)
{
	glob_t found;

	find_interpreters(&found);
	if (!found.gl_pathc)
		skip();
	for (size_t i = 0; i < found.gl_pathc; i++)
		objects_are_read(found.gl_pathv[i]);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_those_that_python_says),
		cmocka_unit_test(a_frame_before_its_first_instruction_is_on_the_first_line),
		cmocka_unit_test(names_are_those_that_python_says),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

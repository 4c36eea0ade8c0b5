// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was tried is known again, and nothing that is not just that. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/features_cache.h"

static char folder[] = "/tmp/seep-features-XXXXXX";
static char file[sizeof(folder) + 16];

static struct features some(void)
{
	return (struct features){
		.works = { [ATTACH_MULTI] = true, [ATTACH_PERF_COOKIE] = true },
		.error = { [ATTACH_SESSION] = -EOPNOTSUPP },
		.best = ATTACH_MULTI,
		.call_entries = true,
		.nop5_is_free = true,
		.find_vma = true,
	};
}

static int begin(void **state)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/tried", folder);
	return 0;
}

static int end(void **state)
{
	unlink(file);
	return rmdir(folder);
}

static bool recalls(bool all)
{
	struct features features = { .best = ATTACH_NONE };

	return features_recall(folder, all, &features);
}

static void what_was_remembered_is_recalled(void **state)
{
	struct features before = some(), after = { .btf = true, .tracefs = true };

	assert_false(features_recall(folder, false, &after));
	features_remember(folder, false, &before);
	assert_true(features_recall(folder, false, &after));
	before.btf = before.tracefs = true;
	assert_memory_equal(&before, &after, sizeof(before));
}

static void all_ways_are_another_thing_than_the_best(void **state)
{
	struct features features = some();

	features_remember(folder, false, &features);
	assert_true(recalls(false));
	assert_false(recalls(true));
	features_remember(folder, true, &features);
	assert_true(recalls(false));
	assert_true(recalls(true));
}

static void what_is_forgotten_is_gone(void **state)
{
	struct features features = some();

	features_remember(folder, false, &features);
	features_forget(folder);
	assert_false(recalls(false));
}

static size_t read_text(char *text, size_t size)
{
	FILE *in = fopen(file, "re");
	size_t length;

	assert_non_null(in);
	length = fread(text, 1, size, in);
	fclose(in);
	return length;
}

static void write_text(const char *text, size_t length)
{
	FILE *out = fopen(file, "we");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

/* Boot, program and privilege are in the first line, the rest is read as strictly. */
static void one_byte_of_difference_is_too_much(void **state)
{
	struct features features = some();
	char text[2048], changed[2048];
	size_t length;

	features_remember(folder, true, &features);
	length = read_text(text, sizeof(text));
	assert_in_range(length, 100, sizeof(text) - 1);
	for (size_t i = 0; i < length; i++) {
		memcpy(changed, text, length);
		changed[i] = changed[i] == 'x' ? 'y' : 'x';
		write_text(changed, length);
		assert_false(recalls(false));
		write_text(text, i);
		assert_false(recalls(false));
	}
	write_text(text, length);
	assert_true(recalls(true));
}

/* The first line of a file of the machine that begins so. */
static void read_line(const char *path, const char *prefix, char *line, size_t size)
{
	FILE *in = fopen(path, "re");

	assert_non_null(in);
	do
		assert_non_null(fgets(line, (int)size, in));
	while (strncmp(line, prefix, strlen(prefix)) != 0);
	fclose(in);
	line[strcspn(line, "\n")] = '\0';
	memmove(line, line + strlen(prefix), strlen(line + strlen(prefix)) + 1);
}

static void the_first_line_is_of_boot_program_and_privilege(void **state)
{
	struct features features = some();
	char text[2048], part[256];
	struct stat program;

	features_remember(folder, true, &features);
	text[read_text(text, sizeof(text) - 1)] = '\0';
	*strchr(text, '\n') = '\0';
	read_line("/proc/sys/kernel/random/boot_id", "", part, sizeof(part));
	assert_non_null(strstr(text, part));
	read_line("/proc/self/status", "CapEff:\t", part, sizeof(part));
	assert_non_null(strstr(text, part));
	assert_int_equal(stat("/proc/self/exe", &program), 0);
	snprintf(part, sizeof(part), ":%llx:%llx:%lld.%09ld ", (unsigned long long)program.st_ino,
		 (unsigned long long)program.st_size, (long long)program.st_mtim.tv_sec,
		 program.st_mtim.tv_nsec);
	assert_non_null(strstr(text, part));
	memset(part, 0, sizeof(part));
	assert_true(readlink("/proc/self/ns/user", part, sizeof(part) - 1) > 0);
	assert_non_null(strstr(text, part));
}

static void each_flag_is_itself(void **state)
{
	for (int which = 0; which < 5; which++) {
		struct features before = { .best = ATTACH_NONE,
					   .call_entries = which == 0,
					   .late_allocation = which == 1,
					   .nop5_is_free = which == 2,
					   .returns_kill_filtered = which == 3,
					   .find_vma = which == 4 };
		struct features after = { .best = ATTACH_MULTI };

		features_remember(folder, true, &before);
		assert_true(features_recall(folder, true, &after));
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void values_out_of_range_are_refused(void **state)
{
	struct features features = some();
	char text[2048], changed[2200];
	char *line, *rest;

	features_remember(folder, true, &features);
	text[read_text(text, sizeof(text) - 1)] = '\0';
	line = strchr(text, '\n') + 1;
	assert_int_equal(strncmp(line, "1 1 ", 4), 0);
	rest = strdup(line + 4);
	assert_non_null(rest);
	line[0] = '\0';
	snprintf(changed, sizeof(changed), "%s1 %d %s", text, ATTACH_NONE + 1, rest);
	write_text(changed, strlen(changed));
	assert_false(recalls(false));
	snprintf(changed, sizeof(changed), "%s1 99999999999999999999 %s", text, rest);
	write_text(changed, strlen(changed));
	assert_false(recalls(false));
	snprintf(changed, sizeof(changed), "%s1 1 %s", text, rest);
	write_text(changed, strlen(changed));
	assert_true(recalls(false));
	free(rest);
}

static void a_folder_of_others_is_not_believed(void **state)
{
	struct features features = some();

	features_remember(folder, true, &features);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_false(recalls(false));
	assert_int_equal(chmod(folder, 0700), 0);
	assert_true(recalls(false));
}

static void a_link_in_place_of_the_file_is_not_followed(void **state)
{
	struct features features = some();
	char other[sizeof(file) + 8];

	features_remember(folder, true, &features);
	snprintf(other, sizeof(other), "%s.other", file);
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink(other, file), 0);
	assert_false(recalls(false));
	unlink(other);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_was_remembered_is_recalled),
		TEST(all_ways_are_another_thing_than_the_best),
		TEST(what_is_forgotten_is_gone),
		TEST(one_byte_of_difference_is_too_much),
		TEST(the_first_line_is_of_boot_program_and_privilege),
		TEST(each_flag_is_itself),
		TEST(values_out_of_range_are_refused),
		TEST(a_folder_of_others_is_not_believed),
		TEST(a_link_in_place_of_the_file_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a sweep may be told, by options and by files: each kind of wrong word has its answer. */
#include "base/quantity.h"
#include "sweep/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tree.h"

static void test_quantities(void **state)
{
	uint64_t bytes = 7, count = 7;
	double seconds = 7, percent = 7;

	assert_true(quantity_bytes("1.5K", &bytes));
	assert_int_equal(bytes, 1536);
	assert_true(quantity_bytes("2G", &bytes));
	assert_int_equal(bytes, 2ULL << 30);
	assert_false(quantity_bytes("2GB", &bytes));
	assert_false(quantity_bytes("-1", &bytes));
	assert_false(quantity_bytes("1e30", &bytes));
	assert_int_equal(bytes, 2ULL << 30);
	assert_true(quantity_seconds("2h", &seconds));
	assert_true(seconds == 7200);
	assert_true(quantity_seconds("30d", &seconds));
	assert_true(seconds == 30 * 86400.0);
	assert_false(quantity_seconds("soon", &seconds));
	assert_false(quantity_seconds("nan", &seconds));
	assert_false(quantity_seconds("", &seconds));
	assert_true(quantity_percent("2.5%", &percent));
	assert_true(percent == 2.5);
	assert_false(quantity_percent("2.5%%", &percent));
	assert_true(quantity_count("12", &count));
	assert_int_equal(count, 12);
	assert_false(quantity_count("12x", &count));
	assert_false(quantity_count(" 12", &count));
	assert_false(quantity_count("-1", &count));
	assert_false(quantity_count("99999999999999999999999", &count));
	assert_int_equal(count, 12);
}

static int parse(struct sweep_settings *settings, const char *text, char **ret_message)
{
	*ret_message = NULL;
	return sweep_settings_parse(settings, "x.conf", text, strlen(text), ret_message);
}

static void test_file(void **state)
{
	static const char text[] = "# a comment\n"
				   "[sweep]\n"
				   "triage = 10s   ; another\r\n"
				   "trace=2m\n"
				   "every = 6h\n"
				   "jitter = 2h\n"
				   "budget = off\n"
				   "own-budget = 0.5%\n"
				   "probability = 0.25\n"
				   "top = 5\n"
				   "init = yes\n"
				   "no-objects = no\n"
				   "store = /var/lib/seep/a.db\n"
				   "store-size = 64M\n"
				   "keep = 30d\n"
				   "format = json\n"
				   "exclude = comm:postgres*\n"
				   "exclude = cgroup:/system.slice/*";
	struct sweep_settings settings;
	char *message;

	assert_int_equal(sweep_settings_init(&settings), 0);
	assert_int_equal(parse(&settings, text, &message), 0);
	assert_null(message);
	assert_true(settings.triage == 10 && settings.trace == 120);
	assert_true(settings.every == 6 * 3600 && settings.jitter == 7200);
	assert_true(settings.budget == 0 && settings.own_budget == 0.5);
	assert_true(settings.probability == 0.25);
	assert_int_equal(settings.top, 5);
	assert_true(settings.init && !settings.no_objects && settings.json);
	assert_string_equal(settings.store, "/var/lib/seep/a.db");
	assert_int_equal(settings.store_size, 64 << 20);
	assert_int_equal(settings.exclude.nr, 2);
	assert_string_equal(settings.exclude.items[1].glob, "/system.slice/*");
	assert_int_equal(settings.exclude.items[1].field, SWEEP_CGROUP);
	assert_int_equal(sweep_settings_check(&settings, &message), 0);
	sweep_settings_release(&settings);
}

/* Each: what is wrong, and the words of the answer. */
static const struct {
	const char *text, *answer;
} wrong[] = {
	{ "\ntrase = 1m\n", "x.conf:2: there is no setting 'trase'; there are triage, trace," },
	{ "trace = soon\n", "x.conf:1: trace: 'soon' is not a time from 1s to 1d" },
	{ "trace = 0\n", "x.conf:1: trace: '0' is not" },
	{ "trace =\n", "x.conf:1: trace: '' is not" },
	{ "top = many\n", "x.conf:1: top: 'many' is not a number from 0 to 64" },
	{ "top = 65\n", "x.conf:1: top: '65' is not" },
	{ "top = -1\n", "x.conf:1: top: '-1' is not" },
	{ "budget = 0\n", "x.conf:1: budget: '0' is not a percentage from 0.01 to 100, or off" },
	{ "budget = 101\n", "x.conf:1: budget: '101' is not" },
	{ "probability = 0\n", "x.conf:1: probability: '0' is not" },
	{ "probability = 25%\n", "x.conf:1: probability: '25%' is not" },
	{ "store-size = 1K\n", "x.conf:1: store-size: '1K' is not a number of bytes from 1M" },
	{ "init = maybe\n", "x.conf:1: init: 'maybe' is not yes or no" },
	{ "format = xml\n", "x.conf:1: format: 'xml' is not text or json" },
	{ "store =\n", "x.conf:1: store: '' is not a path" },
	{ "exclude = comm:\n", "x.conf:1: exclude: 'comm:' is not comm:GLOB" },
	{ "top = 1\n\ntop = 2\n", "x.conf:3: top: is given twice" },
	{ "top = 1\nthis is no setting\n", "x.conf:2: this is not NAME = VALUE" },
	{ "[other]\ntop = 1\n", "x.conf:2: there is no section [other]" },
	{ "top = 1\n[sweep\n", "x.conf:2: this is not NAME = VALUE" },
	{ "top = 1\x01\n", "x.conf:1: there is a control character" },
	{ "config = other.conf\n", "x.conf:1: there is no setting 'config'" },
};

static void test_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct sweep_settings settings;
		char *message;

		assert_int_equal(sweep_settings_init(&settings), 0);
		assert_int_equal(parse(&settings, wrong[i].text, &message), -EINVAL);
		assert_non_null(message);
		if (strncmp(message, wrong[i].answer, strlen(wrong[i].answer)) != 0)
			fail_msg("'%s': '%s'", wrong[i].text, message);
		free(message);
		sweep_settings_release(&settings);
	}
}

static void test_long_lines(void **state)
{
	struct sweep_settings settings;
	char text[2000], *message;

	assert_int_equal(sweep_settings_init(&settings), 0);
	memset(text, 'a', sizeof(text));
	memcpy(text, "top = 1\nexclude = ", 18);
	assert_int_equal(sweep_settings_parse(&settings, "x.conf", text, sizeof(text), &message),
			 -EINVAL);
	assert_non_null(strstr(message, "x.conf:2: the line is longer than"));
	free(message);
	assert_int_equal(sweep_settings_parse(&settings, "x.conf", "top = \0 2", 9, &message),
			 -EINVAL);
	assert_non_null(strstr(message, "control character"));
	free(message);
	sweep_settings_release(&settings);
}

/* What an option has said stays, and a wrong value in the file is told all the same. */
static void test_option_wins(void **state)
{
	struct sweep_settings settings;
	char *message = NULL;

	assert_int_equal(sweep_settings_init(&settings), 0);
	assert_int_equal(sweep_settings_set(&settings, SWEEP_BY_OPTION, "top", "7", &message), 0);
	assert_int_equal(sweep_settings_set(&settings, SWEEP_BY_OPTION, "only", "mine", &message),
			 0);
	assert_int_equal(
		parse(&settings, "top = 2\nonly = all\nonly = more\ntrace = 5s\n", &message), 0);
	assert_int_equal(settings.top, 7);
	assert_true(settings.trace == 5);
	assert_int_equal(settings.only.nr, 1);
	assert_string_equal(settings.only.items[0].glob, "mine");
	assert_int_equal(parse(&settings, "top = x\n", &message), -EINVAL);
	free(message);
	/* and the other way round: the option takes the place of the whole list */
	sweep_settings_release(&settings);
	assert_int_equal(sweep_settings_init(&settings), 0);
	assert_int_equal(parse(&settings, "only = all\nonly = more\n", &message), 0);
	assert_int_equal(settings.only.nr, 2);
	assert_int_equal(sweep_settings_set(&settings, SWEEP_BY_OPTION, "only", "mine", &message),
			 0);
	assert_int_equal(sweep_settings_set(&settings, SWEEP_BY_OPTION, "only", "ours", &message),
			 0);
	assert_int_equal(settings.only.nr, 2);
	assert_string_equal(settings.only.items[0].glob, "mine");
	sweep_settings_release(&settings);
}

static int check(const char *const *pairs, const char *file, char **ret_message)
{
	struct sweep_settings settings;
	int err;

	*ret_message = NULL;
	assert_int_equal(sweep_settings_init(&settings), 0);
	for (; *pairs; pairs += 2)
		assert_int_equal(sweep_settings_set(&settings, SWEEP_BY_OPTION, pairs[0], pairs[1],
						    ret_message),
				 0);
	assert_int_equal(parse(&settings, file, ret_message), 0);
	err = sweep_settings_check(&settings, ret_message);
	if (!err && settings.store && settings.no_store)
		err = -EEXIST;
	sweep_settings_release(&settings);
	return err;
}

static void test_together(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const count[] = { "count", "3", NULL };
	static const char *const store[] = { "store", "a.db", NULL };
	char *message;

	assert_int_equal(check(count, "", &message), -EINVAL);
	assert_non_null(strstr(message, "needs every"));
	free(message);
	assert_int_equal(check(count, "every = 10s", &message), 0);
	assert_int_equal(check(none, "every = 1h\njitter = 2h", &message), -EINVAL);
	assert_non_null(strstr(message, "longer than every"));
	free(message);
	assert_int_equal(check(none, "store = a\nno-store = yes", &message), -EINVAL);
	assert_non_null(strstr(message, "exclude each other"));
	free(message);
	assert_int_equal(check(store, "no-store = yes", &message), 0);
}

static void test_read(void **state)
{
	struct sweep_settings settings;
	struct tree tree;
	char path[128], *message = NULL;

	assert_int_equal(tree_new(&tree), 0);
	assert_int_equal(sweep_settings_init(&settings), 0);
	tree_put(&tree, "/a.conf", "top = 4\n");
	snprintf(path, sizeof(path), "%s/a.conf", tree.root);
	assert_int_equal(sweep_settings_read(&settings, path, &message), 0);
	assert_int_equal(settings.top, 4);
	snprintf(path, sizeof(path), "%s/b.conf", tree.root);
	assert_int_equal(sweep_settings_read(&settings, path, &message), -ENOENT);
	assert_non_null(strstr(message, "b.conf: No such file"));
	free(message);
	assert_int_equal(sweep_settings_read(&settings, tree.root, &message), -EISDIR);
	free(message);
	sweep_settings_release(&settings);
	tree_free(&tree);
}

static bool matches(const char *text, const char *comm, const char *exe, const char *cgroup)
{
	struct sweep_patterns patterns = { 0 };
	bool result;

	assert_int_equal(sweep_patterns_add(&patterns, text), 0);
	result = sweep_patterns_match(&patterns, comm, exe, cgroup);
	sweep_patterns_release(&patterns);
	return result;
}

static void test_patterns(void **state)
{
	struct sweep_patterns patterns = { 0 };
	char text[400];

	assert_true(matches("comm:red*", "redis", "/usr/bin/x", "/a"));
	assert_false(matches("comm:red*", "x", "/usr/bin/redis", "/red"));
	assert_true(matches("exe:redis", "x", "/usr/bin/redis", NULL));
	assert_true(matches("exe:/usr/bin/*", "x", "/usr/bin/redis", NULL));
	assert_true(matches("cgroup:/a", NULL, NULL, "/a/b/c"));
	assert_true(matches("cgroup:/*/pod7", NULL, NULL, "/kube/pod7/container"));
	assert_false(matches("cgroup:/a", NULL, NULL, "/ab"));
	assert_true(matches("redis", "redis", NULL, NULL));
	assert_true(matches("redis", NULL, "/usr/bin/redis", NULL));
	assert_false(matches("redis", NULL, NULL, NULL));
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(sweep_patterns_add(&patterns, text), -EINVAL);
	assert_int_equal(sweep_patterns_add(&patterns, "exe:"), -EINVAL);
	sweep_patterns_release(&patterns);
}

/* A pattern with many stars, and text that nearly matches: both may be anybody's. */
static void test_glob_takes_no_time(void **state)
{
	char text[4000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(sweep_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_option_wins),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_glob_takes_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A store's answers: read while sweeps go on, shown as text and JSON, from any damaged file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sweep_profiles.h"
#include "heap/fleet.h"
#include "heap/fleet_find.h"
#include "heap/signature.h"
#include "report/fleet.h"
#include "store/fleet_read.h"
#include "store/sweep_store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sqlite3.h>
#include <unistd.h>

static char directory[48];
static char path[96];

static int make_directory(void **state)
{
	strcpy(directory, "/tmp/seep-fleet-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/seep.db", directory);
	return 0;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *at)
{
	return remove(name);
}

static int remove_directory(void **state)
{
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void add_sweep(struct sweep_store *store, double started, const char *build_id,
		      double leaked)
{
	struct swept_site sites[] = { { "work", 0 }, { "keep_session", leaked } };
	struct swept_program program = { "/usr/sbin/sessiond", build_id, 42, 1000, 0 };
	struct sweep_begin begin = { .host = "h1", .started = started, .probability = 0.5 };
	struct sweep_end end = { .outcome = "findings" };
	struct profile *profile = swept_profile(&program, sites, 2);
	int64_t sweep, capture;

	assert_int_equal(sweep_store_begin(store, &begin, &sweep, NULL), 0);
	assert_int_equal(sweep_store_add_profile(store, sweep, profile, NULL, &capture, NULL), 0);
	assert_int_equal(sweep_store_finish(store, sweep, &end, NULL), 0);
	profile_free(profile);
}

/* Four sweeps of a sound build, four of one that leaks. */
static void make_store(void)
{
	struct sweep_store *store;

	assert_int_equal(sweep_store_open(path, NULL, &store, NULL), 0);
	for (int i = 0; i < 8; i++)
		add_sweep(store, 1700000000 + i * 3600, i < 4 ? "aa11" : "bb22",
			  i < 4 ? 0 : 1000 + i);
	sweep_store_close(store);
}

static void a_store_answers(void **state)
{
	struct fleet_query query = { .since = 0 };
	struct fleet_reader *reader;
	struct fleet_site *sites;
	struct profile *example;
	struct fleet *fleet;
	size_t nr;

	make_store();
	assert_int_equal(fleet_reader_open(path, &reader, NULL), 0);
	assert_int_equal(fleet_reader_read(reader, &query, &fleet, NULL), 0);
	assert_int_equal(fleet->nr_sweeps, 8);
	assert_int_equal(fleet->nr_looks, 8);
	assert_int_equal(fleet->nr_programs, 2);
	assert_int_equal(fleet->nr_sightings, 16);
	assert_int_equal(fleet_rank(fleet, &sites, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(sites[0].accused, 4);
	assert_int_equal(sites[0].seen, 8);
	assert_float_equal(sites[0].growth, 502, 0);
	assert_float_equal(sites[0].last_seen, 1700000000 + 7 * 3600, 0);
	assert_int_equal(fleet_reader_site(reader, fleet->looks[7].capture, 1, &example, NULL), 0);
	assert_true(signature_of(example, &example->sites[0]).names == sites[0].names);
	assert_true(signature_of(example, &example->sites[0]).code == sites[0].signature);
	assert_string_equal(example->sites[0].evidence, "As it was made.");
	profile_free(example);
	assert_int_equal(fleet_reader_site(reader, 99, 1, &example, NULL), -ENOENT);
	free(sites);
	fleet_free(fleet);
	query = (struct fleet_query){ .since = 1700000000 + 5 * 3600, .binary = "sessiond" };
	assert_int_equal(fleet_reader_read(reader, &query, &fleet, NULL), 0);
	assert_int_equal(fleet->nr_looks, 3);
	assert_int_equal(fleet->nr_sweeps, 3);
	fleet_free(fleet);
	query.binary = "session";
	assert_int_equal(fleet_reader_read(reader, &query, &fleet, NULL), 0);
	assert_int_equal(fleet->nr_looks, 0);
	fleet_free(fleet);
	fleet_reader_close(reader);
}

static void reading_and_sweeping_go_together(void **state)
{
	struct fleet_query query = { .since = 0 };
	struct fleet_reader *reader;
	struct sweep_store *store;
	struct fleet *fleet;

	make_store();
	assert_int_equal(sweep_store_open(path, NULL, &store, NULL), 0);
	assert_int_equal(fleet_reader_open(path, &reader, NULL), 0);
	add_sweep(store, 1700100000, "bb22", 5);
	assert_int_equal(fleet_reader_read(reader, &query, &fleet, NULL), 0);
	/* As it was when it was opened. */
	assert_int_equal(fleet->nr_looks, 8);
	fleet_free(fleet);
	fleet_reader_close(reader);
	sweep_store_close(store);
}

static char *shown(int (*show)(FILE *out, const void *answer), const void *answer)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(show(out, answer), 0);
	fclose(out);
	return text;
}

static const struct report_options plain = { .width = 100 };

static int show_top(FILE *out, const void *answer)
{
	return report_fleet_top(answer, &plain, out);
}

static int show_top_json(FILE *out, const void *answer)
{
	return report_fleet_top_json(answer, out);
}

static int show_comparison(FILE *out, const void *answer)
{
	return report_fleet_comparison(answer, &plain, out);
}

static int show_comparison_json(FILE *out, const void *answer)
{
	return report_fleet_comparison_json(answer, out);
}

static int show_list(FILE *out, const void *answer)
{
	return report_fleet_list(answer, &plain, out);
}

static void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		print_message("%s\n", text);
	assert_non_null(strstr(text, line));
}

static void answers_are_shown(void **state)
{
	struct fleet_query query = { .since = 0 };
	bool before[2] = { true, false }, after[2] = { false, true };
	struct fleet_difference *differences;
	struct fleet_comparison comparison;
	struct fleet_build *builds;
	struct fleet_reader *reader;
	struct fleet_site *sites;
	struct profile *example;
	struct fleet *fleet;
	struct fleet_list list;
	struct fleet_top top;
	json_t *json, *row;
	char *text;
	size_t nr;

	make_store();
	assert_int_equal(fleet_reader_open(path, &reader, NULL), 0);
	assert_int_equal(fleet_reader_read(reader, &query, &fleet, NULL), 0);
	assert_int_equal(fleet_reader_site(reader, 8, 1, &example, NULL), 0);
	assert_int_equal(fleet_rank(fleet, &sites, &nr), 0);
	top = (struct fleet_top){ fleet, sites, nr, nr, &example };
	text = shown(show_top, &top);
	assert_line(text, "+1.72 MiB/h    4/8           1  2023-11-15 02:13  2023-11-15 05:13  "
			  "growing  ");
	assert_line(text, "  sessiond: keep_session (app.c:7)\n");
	free(text);
	text = shown(show_top_json, &top);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	row = json_array_get(json_object_get(json, "sites"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "function")), "keep_session");
	assert_int_equal(json_integer_value(json_object_get(row, "times_growing")), 4);
	assert_int_equal(json_array_size(json_object_get(row, "frames")), 3);
	json_decref(json);
	free(text);
	assert_int_equal(fleet_compare(fleet, before, after, &differences, &nr), 0);
	comparison =
		(struct fleet_comparison){ fleet, before, after, differences, nr, nr, &example };
	text = shown(show_comparison, &comparison);
	assert_line(text, "new  sessiond: keep_session (app.c:7)");
	assert_line(text, "growing in 0 of 4 -> 4 of 4 captures, by chance 0.014");
	free(text);
	text = shown(show_comparison_json, &comparison);
	assert_line(text, "\"change\":\"new\"");
	free(text);
	assert_int_equal(fleet_builds(fleet, &builds, &nr), 0);
	list = (struct fleet_list){ fleet, builds, nr };
	text = shown(show_list, &list);
	assert_line(text, "       4      4      1  2023-11-15 02:13  2023-11-15 05:13  bb22");
	assert_line(text, "       4      4      0  2023-11-14 22:13  2023-11-15 01:13  aa11");
	free(text);
	free(builds);
	free(differences);
	free(sites);
	profile_free(example);
	fleet_free(fleet);
	fleet_reader_close(reader);
}

static void assert_unreadable(int expected, const char *words)
{
	struct fleet_query query = { .since = 0 };
	struct fleet_reader *reader = NULL;
	struct fleet *fleet = NULL;
	char *message = NULL;
	int err = fleet_reader_open(path, &reader, &message);

	if (!err)
		err = fleet_reader_read(reader, &query, &fleet, &message);
	fleet_reader_close(reader);
	fleet_free(fleet);
	if (err != expected || !message || !strstr(message, words))
		print_message("%d %s\n", err, message ? message : "");
	assert_int_equal(err, expected);
	assert_non_null(strstr(message, words));
	free(message);
}

static void execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void what_cannot_be_read_is_said(void **state)
{
	static const char noise[4096] = "no page";
	int fd;

	assert_unreadable(-ENOENT, "seep sweep makes one");
	make_store();
	execute("PRAGMA user_version = 7");
	assert_unreadable(-EPROTO, "newer seep");
	execute("PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_unreadable(-EINVAL, "no store of sweeps");
	execute("PRAGMA application_id = 0x73656553; DROP TABLE capture_program");
	assert_unreadable(-EPROTO, "the next sweep adds them");
	fd = open(path, O_WRONLY);
	for (off_t at = 4096; at < 400000; at += 4096)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
	close(fd);
	assert_unreadable(-EIO, "damaged");
}

/* Whatever its numbers are: none is an index, a length or a loop unchecked. */
static void hostile_rows_do_no_harm(void **state)
{
	struct fleet_query query = { .since = 0 };
	struct fleet_difference *differences;
	struct fleet_reader *reader;
	struct fleet_build *builds;
	struct fleet_site *sites;
	struct profile *example = NULL;
	struct fleet *fleet;
	bool all[16] = { true, true, true, true };
	size_t nr;

	make_store();
	execute("UPDATE site_signature SET growth_rate = 9e999, verdict = 'lost', site = -site;"
		"UPDATE capture_program SET processes = -1 WHERE capture = 2;"
		"UPDATE capture_program SET program = 9223372036854775807 WHERE capture = 3;"
		"UPDATE sweep SET started = 9e999, probability = -1 WHERE id = 4;"
		"UPDATE stack_frame SET frame = -5 WHERE capture = 5;"
		"UPDATE frame SET module = 99, line = -1, flags = -1;"
		"UPDATE site SET verdict = 'nonsense', live_bytes = -1;"
		"INSERT INTO program VALUES (9223372036854775806, '', 'x', '')");
	assert_int_equal(fleet_reader_open(path, &reader, NULL), 0);
	assert_int_equal(fleet_reader_read(reader, &query, &fleet, NULL), 0);
	assert_int_equal(fleet_rank(fleet, &sites, &nr), 0);
	assert_true(nr > 0);
	free(sites);
	assert_int_equal(fleet_compare(fleet, all, all, &differences, &nr), 0);
	free(differences);
	assert_int_equal(fleet_builds(fleet, &builds, &nr), 0);
	free(builds);
	assert_int_equal(fleet_reader_site(reader, 5, 1, &example, NULL), 0);
	profile_free(example);
	fleet_free(fleet);
	fleet_reader_close(reader);
}

/* Opens, reads and ranks it, if that can be done. */
static void try_store(void)
{
	struct fleet_query query = { .since = 0 };
	struct fleet_reader *reader = NULL;
	struct fleet_site *sites = NULL;
	struct profile *example = NULL;
	struct fleet *fleet = NULL;
	char *message = NULL;
	size_t nr;
	int err = fleet_reader_open(path, &reader, &message);

	if (!err)
		err = fleet_reader_read(reader, &query, &fleet, &message);
	if (!err) {
		assert_int_equal(fleet_rank(fleet, &sites, &nr), 0);
		err = fleet_reader_site(reader, 8, 1, &example, &message);
	}
	if (err)
		assert_non_null(message);
	free(message);
	free(sites);
	profile_free(example);
	fleet_free(fleet);
	fleet_reader_close(reader);
}

static void damage_anywhere_does_no_harm(void **state)
{
	uint64_t random = 42;
	unsigned char *sound;
	off_t size;
	int fd;

	make_store();
	fd = open(path, O_RDWR);
	size = lseek(fd, 0, SEEK_END);
	sound = malloc(size);
	assert_int_equal(pread(fd, sound, size, 0), size);
	for (int run = 0; run < 300; run++) {
		assert_int_equal(pwrite(fd, sound, size, 0), size);
		for (int i = 0; i < 1 + run % 20; i++) {
			unsigned char byte;

			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			byte = random >> 56;
			/* Page 1 and the beginnings of pages, where structure is, more often. */
			assert_int_equal(
				pwrite(fd, &byte, 1,
				       run % 3 ? (off_t)(random >> 20) % size / 4096 * 4096 +
							 (off_t)(random >> 12) % 64
					       : (off_t)(random >> 20) % size),
				1);
		}
		try_store();
	}
	close(fd);
	free(sound);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_store_answers),	     STORE_TEST(reading_and_sweeping_go_together),
		STORE_TEST(answers_are_shown),	     STORE_TEST(what_cannot_be_read_is_said),
		STORE_TEST(hostile_rows_do_no_harm), STORE_TEST(damage_anywhere_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

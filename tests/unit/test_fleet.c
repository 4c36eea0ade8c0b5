/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Many captures together: the worst sites come first, load and chance make neither a leak nor a
 * regression, and too little data is called so. Read from a real store, and shown.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sweep_profiles.h"
#include "base/ranks.h"
#include "base/strpool.h"
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
#include <math.h>
#include <sqlite3.h>
#include <unistd.h>

static void ranks_are_counted_exactly(void **state)
{
	double low[] = { 1, 2, 3, 4 }, high[] = { 5, 6, 7, 8 }, none[] = { 0, 0, 0, 0 },
	       some[] = { 0, 1, 1, 1 };
	double values[] = { 3, 1, 2 }, many[2][60];

	/* 2 of the 70 ways to choose four of eight; of five zeros four are chosen in 5 ways. */
	assert_float_equal(ranks_chance(low, 4, high, 4), 2 / 70.0, 1e-9);
	assert_float_equal(ranks_chance(high, 4, low, 4), 2 / 70.0, 1e-9);
	assert_float_equal(ranks_chance(none, 4, some, 4), 10 / 70.0, 1e-9);
	assert_float_equal(ranks_chance(none, 4, none, 4), 1, 1e-9);
	assert_float_equal(ranks_chance(none, 0, none, 4), 1, 1e-9);
	for (int i = 0; i < 60; i++) {
		many[0][i] = i % 7;
		many[1][i] = i % 7 + 3;
	}
	assert_true(ranks_chance(many[0], 60, many[1], 60) < 1e-9);
	assert_true(ranks_chance(many[0], 60, many[0], 60) > 0.99);
	/* One of three looks that see it are all of the second three: C(3,3) / C(6,3). */
	assert_float_equal(ranks_absence(3, 3, 3), 1 / 20.0, 1e-9);
	assert_float_equal(ranks_absence(3, 3, 0), 1, 1e-9);
	assert_float_equal(ranks_absence(9, 1, 1), 0.1, 1e-9);
	assert_float_equal(ranks_median(values, 3), 2, 0);
	assert_float_equal(ranks_median(values, 2), 1.5, 0);
	assert_true(isnan(ranks_median(values, 0)));
}

static void weights_count_as_so_many(void **state)
{
	struct ranks_weighted values[] = { { 9, 1 }, { 1, 5 }, { 5, 1 } };
	struct ranks_weighted even[] = { { 4, 1 }, { 2, 1 } };

	assert_float_equal(ranks_weighted_median(values, 3), 1, 0);
	assert_float_equal(ranks_weighted_median(even, 2), 3, 0);
}

/* A normal approximation that is not the exact law's would be no approximation. */
static void both_laws_agree_where_they_meet(void **state)
{
	double a[21], b[21];

	for (int i = 0; i < 21; i++) {
		a[i] = i;
		b[i] = i + 3.5;
	}
	/* 20 of each are counted, 21 approximated: the chance falls by little. */
	assert_true(fabs(ranks_chance(a, 20, b, 20) - ranks_chance(a, 21, b, 21)) < 0.02);
}

static uint32_t add_program(struct fleet *fleet, const char *build_id, const char *version)
{
	struct fleet_program *program =
		vec_push(&fleet->programs, &fleet->nr_programs, &fleet->cap_programs);

	program->id = fleet->nr_programs;
	program->exe = strpool_add(fleet->strings, "/usr/bin/app");
	program->build_id = strpool_add(fleet->strings, build_id);
	program->version = strpool_add(fleet->strings, version);
	return fleet->nr_programs - 1;
}

static uint32_t add_look(struct fleet *fleet, uint32_t program, uint64_t processes, double weight)
{
	struct fleet_look *look = vec_push(&fleet->looks, &fleet->nr_looks, &fleet->cap_looks);

	look->capture = fleet->nr_looks;
	look->program = program;
	look->processes = processes;
	look->host = strpool_add(fleet->strings, "h1");
	look->started = 1000 + 100 * fleet->nr_looks;
	look->weight = weight;
	return fleet->nr_looks - 1;
}

static void add_sighting(struct fleet *fleet, uint32_t look, uint64_t names, uint32_t pid,
			 double growth)
{
	struct fleet_sighting *one =
		vec_push(&fleet->sightings, &fleet->nr_sightings, &fleet->cap_sightings);

	one->look = look;
	one->names = names;
	one->signature = names + 0x1000;
	one->site = fleet->nr_sightings;
	one->pid = pid;
	one->verdict = growth > 0 ? VERDICT_GROWING : VERDICT_STEADY;
	one->growth = growth;
}

static void the_worst_by_its_median_comes_first(void **state)
{
	struct fleet *fleet = fleet_new();
	uint32_t program = add_program(fleet, "aa", "1");
	struct fleet_site *sites;
	size_t nr;

	for (int i = 0; i < 5; i++) {
		uint32_t look = add_look(fleet, program, 1, 1);

		/* One leaks always; one had a single wild capture; one is steady. */
		add_sighting(fleet, look, 0xa, 7, 100 + i);
		add_sighting(fleet, look, 0xb, 7, i == 2 ? 1e9 : 0);
		add_sighting(fleet, look, 0xc, 7, 0);
	}
	assert_int_equal(fleet_rank(fleet, &sites, &nr), 0);
	assert_int_equal(nr, 2);
	assert_int_equal(sites[0].names, 0xa);
	assert_float_equal(sites[0].growth, 102, 0);
	assert_float_equal(sites[0].score, 102, 0);
	assert_int_equal(sites[0].accused, 5);
	assert_int_equal(sites[0].looks, 5);
	assert_int_equal(sites[0].processes, 1);
	assert_float_equal(sites[0].first_seen, 1100, 0);
	assert_float_equal(sites[0].last_seen, 1500, 0);
	assert_int_equal(sites[1].names, 0xb);
	assert_float_equal(sites[1].score, 0, 0);
	assert_int_equal(sites[1].accused, 1);
	free(sites);
	fleet_free(fleet);
}

static void processes_and_weights_multiply(void **state)
{
	struct fleet *fleet = fleet_new();
	uint32_t first = add_program(fleet, "aa", "1"), second = add_program(fleet, "bb", "2");
	struct fleet_site *sites;
	uint32_t look;
	size_t nr;

	/* Three of four processes of one capture: growth is of a process of the program. */
	look = add_look(fleet, first, 4, 1);
	for (uint32_t pid = 1; pid <= 3; pid++)
		add_sighting(fleet, look, 0xa, pid, 400);
	/* Seen once by sweeps of probability 1/4: it stands for four. */
	look = add_look(fleet, second, 1, 4);
	add_sighting(fleet, look, 0xb, 9, 100);
	/* Seen by each of four such sweeps: it stands for itself. */
	for (int i = 0; i < 4; i++)
		add_sighting(fleet, add_look(fleet, second, 1, 4), 0xc, 10, 50);
	assert_int_equal(fleet_rank(fleet, &sites, &nr), 0);
	assert_int_equal(nr, 3);
	assert_float_equal(sites[0].score, 900, 0);
	assert_int_equal(sites[0].processes, 3);
	assert_float_equal(sites[1].score, 400, 0);
	assert_float_equal(sites[1].weighted_processes, 4, 0);
	assert_int_equal(sites[1].looks, 5);
	assert_float_equal(sites[2].score, 50, 0);
	assert_int_equal(sites[2].hosts, 1);
	free(sites);
	fleet_free(fleet);
}

/* Captures of two builds: what 0xa grows by in each. */
static struct fleet_difference compare(const double *before, size_t nr_before, const double *after,
				       size_t nr_after)
{
	struct fleet *fleet = fleet_new();
	uint32_t old = add_program(fleet, "aa", "1"), new = add_program(fleet, "bb", "2");
	bool is_old[2] = { true, false }, is_new[2] = { false, true };
	struct fleet_difference *differences, one;
	size_t nr;

	for (size_t i = 0; i < nr_before + nr_after; i++) {
		uint32_t look = add_look(fleet, i < nr_before ? old : new, 1, 1);
		double growth = i < nr_before ? before[i] : after[i - nr_before];

		/* Below zero: the capture has not seen it. */
		if (growth >= 0)
			add_sighting(fleet, look, 0xa, 7, growth);
	}
	assert_int_equal(fleet_compare(fleet, is_old, is_new, &differences, &nr), 0);
	assert_int_equal(nr, 1);
	one = differences[0];
	free(differences);
	fleet_free(fleet);
	return one;
}
#define COMPARE(a, b) compare(a, sizeof(a) / sizeof(*(a)), b, sizeof(b) / sizeof(*(b)))

static void builds_are_compared_by_chance(void **state)
{
	const double nothing[] = { 0, -1, 0, 0, -1 }, leak[] = { 90, 100, 110, 95, 105 };
	const double worse[] = { 200, 210, 190, 220, 205 }, rare[] = { 0, 0, 100, 0, 0 };
	const double like[] = { 101, 94, 108, 92, 104 }, two[] = { 100, 100 };
	const double three[] = { 100, 101, 99 }, faster[] = { 300, 301, 302 };

	assert_int_equal(COMPARE(nothing, leak).change, FLEET_NEW);
	assert_int_equal(COMPARE(leak, nothing).change, FLEET_GONE);
	assert_int_equal(COMPARE(leak, worse).change, FLEET_REGRESSED);
	assert_int_equal(COMPARE(worse, leak).change, FLEET_IMPROVED);
	assert_int_equal(COMPARE(leak, like).change, FLEET_SAME);
	/* Seen once in five: it may have been there before. */
	assert_int_equal(COMPARE(nothing, rare).change, FLEET_TOO_LITTLE_DATA);
	assert_float_equal(COMPARE(nothing, rare).chance, 0.5, 1e-9);
	assert_int_equal(COMPARE(nothing, two).change, FLEET_TOO_LITTLE_DATA);
	/* No outcome of three and three could be rarer than one in ten. */
	assert_int_equal(COMPARE(three, faster).change, FLEET_TOO_LITTLE_DATA);
	assert_int_equal(COMPARE(nothing, leak).before.seen, 3);
	assert_float_equal(COMPARE(nothing, leak).after.growth, 100, 0);
	assert_float_equal(COMPARE(leak, nothing).before.mean, 100, 1e-9);
}

/* At 5%, of a thousand pairs of builds that do not differ about fifty may be accused. */
static void chance_alone_rarely_accuses(void **state)
{
	uint64_t random = 12345;
	size_t accused = 0;

	for (int run = 0; run < 300; run++) {
		double sides[2][8];

		for (int i = 0; i < 16; i++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			sides[i / 8][i % 8] = (random >> 40) % 1000 + 1;
		}
		accused += COMPARE(sides[0], sides[1]).change != FLEET_SAME;
	}
	assert_true(accused > 3 && accused < 27);
}

static void names_are_as_short_as_can_be(void **state)
{
	struct fleet *fleet = fleet_new();
	uint32_t first = add_program(fleet, "aabb", "1.0"),
		 second = add_program(fleet, "aacc", "2.0");
	bool programs[2];
	uint64_t names = 0;

	add_sighting(fleet, add_look(fleet, first, 1, 1), 0xab00000000000000, 7, 1);
	add_sighting(fleet, add_look(fleet, second, 1, 1), 0xac00000000000000, 7, 1);
	assert_int_equal(fleet_find_site(fleet, "ab", &names), 0);
	assert_true(names == 0xab00000000000000);
	assert_int_equal(fleet_find_site(fleet, "ac00000000001000", &names), 0);
	assert_true(names == 0xac00000000000000);
	assert_int_equal(fleet_find_site(fleet, "a", &names), -EEXIST);
	assert_int_equal(fleet_find_site(fleet, "b", &names), -ENOENT);
	assert_int_equal(fleet_find_site(fleet, "", &names), -EINVAL);
	assert_int_equal(fleet_find_site(fleet, "xy", &names), -EINVAL);
	assert_int_equal(fleet_find_site(fleet, "ab000000000000000", &names), -EINVAL);
	assert_int_equal(fleet_find_build(fleet, "aac", programs), 0);
	assert_false(programs[0]);
	assert_true(programs[1]);
	assert_int_equal(fleet_find_build(fleet, "1.0", programs), 0);
	assert_true(programs[0]);
	assert_int_equal(fleet_find_build(fleet, "aa", programs), -EEXIST);
	assert_int_equal(fleet_find_build(fleet, "", programs), -ENOENT);
	assert_int_equal(fleet_find_build(fleet, "2", programs), -ENOENT);
	fleet_free(fleet);
}

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
		cmocka_unit_test(ranks_are_counted_exactly),
		cmocka_unit_test(weights_count_as_so_many),
		cmocka_unit_test(both_laws_agree_where_they_meet),
		cmocka_unit_test(the_worst_by_its_median_comes_first),
		cmocka_unit_test(processes_and_weights_multiply),
		cmocka_unit_test(builds_are_compared_by_chance),
		cmocka_unit_test(chance_alone_rarely_accuses),
		cmocka_unit_test(names_are_as_short_as_can_be),
		STORE_TEST(a_store_answers),
		STORE_TEST(reading_and_sweeping_go_together),
		STORE_TEST(answers_are_shown),
		STORE_TEST(what_cannot_be_read_is_said),
		STORE_TEST(hostile_rows_do_no_harm),
		STORE_TEST(damage_anywhere_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

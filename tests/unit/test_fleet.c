/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Many captures together: the worst sites come first, load and chance make neither a leak nor a
 * regression, and too little data is called so.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/ranks.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "heap/fleet.h"
#include "heap/fleet_find.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

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

static void look_at_time(struct fleet *fleet, uint32_t program, double started)
{
	uint32_t look = add_look(fleet, program, 1, 1);

	fleet->looks[look].started = started;
}

/* By when builds were seen first, whatever was seen again later. */
static void the_newest_build_is_meant(void **state)
{
	struct fleet *fleet = fleet_new();
	uint32_t old = add_program(fleet, "aa", ""), middle = add_program(fleet, "bb", ""),
		 nameless = add_program(fleet, "", ""), newest = add_program(fleet, "cc", ""),
		 again = add_program(fleet, "cc", ""), unseen = add_program(fleet, "dd", "");
	bool other[6] = { false }, found[6] = { false };

	look_at_time(fleet, newest, 400);
	look_at_time(fleet, old, 100);
	look_at_time(fleet, middle, 200);
	look_at_time(fleet, nameless, 300);
	look_at_time(fleet, old, 900);
	look_at_time(fleet, again, 500);
	assert_int_equal(fleet_newest_build(fleet, other, false, found), 0);
	/* the same build in two places */
	assert_true(found[newest] && found[again]);
	assert_false(found[old] || found[middle] || found[nameless] || found[unseen]);
	other[newest] = other[again] = true;
	assert_int_equal(fleet_newest_build(fleet, other, true, found), 0);
	assert_true(found[nameless]);
	assert_false(found[newest] || found[middle]);
	other[newest] = other[again] = false;
	other[middle] = true;
	assert_int_equal(fleet_newest_build(fleet, other, true, found), 0);
	assert_true(found[old]);
	assert_int_equal(fleet_newest_build(fleet, other, false, found), 0);
	assert_true(found[newest]);
	other[middle] = false;
	other[old] = true;
	assert_int_equal(fleet_newest_build(fleet, other, true, found), -ENOENT);
	fleet_free(fleet);
}

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
		cmocka_unit_test(the_newest_build_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

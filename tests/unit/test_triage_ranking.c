/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is suspected of growing, on looks at a made-up host. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "triage/ranking.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

enum { LOOKS = 31, PROCESSES = 8 };
enum { BIRTH = 100 }; /* seconds after boot */

typedef double (*course_fn)(double time); /* MiB after so many seconds */

/* A host of a few processes, each with a course of memory, looked at every two seconds. */
struct scene {
	struct host_process processes[PROCESSES];
	course_fn courses[PROCESSES];
	struct host_cgroup cgroups[3];
	struct host_look look;
	struct ranking *ranking;
	double now;
};

static void scene_open(struct scene *s, double window)
{
	const struct ranking_options options = { .window = window };

	memset(s, 0, sizeof(*s));
	s->look.processes = s->processes;
	s->look.cgroups = s->cgroups;
	s->look.memory = (struct limits_host){ 8 * GIB, 4 * GIB, 0, 0, { 0 } };
	assert_int_equal(ranking_new(&options, &s->ranking), 0);
}

static struct host_process *scene_add(struct scene *s, const char *comm, course_fn course)
{
	size_t index = s->look.nr_processes++;
	struct host_process *process = &s->processes[index];

	process->pid = 100 + (pid_t)index;
	process->start_ticks = BIRTH * (uint64_t)sysconf(_SC_CLK_TCK);
	process->cgroup = HOST_NO_CGROUP;
	strcpy(process->comm, comm);
	s->courses[index] = course;
	return process;
}

static struct host_cgroup *scene_cgroup(struct scene *s, const char *path, uint32_t parent,
					uint64_t limit)
{
	size_t index = s->look.nr_cgroups++;
	struct host_cgroup *cgroup = &s->cgroups[index];

	*cgroup = (struct host_cgroup){ .id = 7 + index,
					.path = path,
					.parent = parent,
					.current = 100 * MIB,
					.anonymous = 100 * MIB,
					.limit = limit,
					.room = limit };
	cgroup->limit_cgroup = limit == MEMORY_UNLIMITED ? HOST_NO_CGROUP : (uint32_t)index;
	return cgroup;
}

static void scene_look(struct scene *s, double time)
{
	s->look.time = 5000 + time;
	s->look.uptime = 100000 + time;
	for (size_t i = 0; i < s->look.nr_processes; i++)
		s->processes[i].anonymous = (uint64_t)(s->courses[i](time) * (double)MIB);
	assert_int_equal(ranking_add(s->ranking, &s->look), 0);
	s->now = time;
}

static void scene_run(struct scene *s)
{
	for (int i = 0; i < LOOKS; i++)
		scene_look(s, 2 * i);
}

static size_t suspects(const struct scene *s, enum suspect_kind kind, struct suspect **ret)
{
	size_t nr = 999;

	assert_int_equal(ranking_suspects(s->ranking, kind, 10, NULL, NULL, ret, &nr), 0);
	return nr;
}

static double steady(double time)
{
	return 300;
}

static double saw(double time)
{
	return 200 + 4 * fmod(time, 10);
}

static double slow_leak(double time)
{
	return 50 + 0.2 * time;
}

static double fast_leak(double time)
{
	return 50 + 3 * time;
}

static double filling(double time)
{
	return 50 + 200 * (1 - exp(-time / 8));
}

static double one_load(double time)
{
	return time < 20 ? 50 : 90;
}

static double falling(double time)
{
	return 300 - time;
}

static void only_growers_are_suspects_and_the_worst_comes_first(void **state)
{
	struct suspect *found;
	struct scene s;
	size_t nr;

	scene_open(&s, 60);
	scene_add(&s, "steady", steady);
	scene_add(&s, "saw", saw);
	scene_add(&s, "slow", slow_leak);
	scene_add(&s, "fast", fast_leak);
	scene_add(&s, "falling", falling);
	scene_run(&s);
	nr = suspects(&s, SUSPECT_PROCESS, &found);
	assert_int_equal(nr, 2);
	assert_string_equal(found[0].process->comm, "fast");
	assert_string_equal(found[1].process->comm, "slow");
	assert_int_equal(found[0].growth.shape, SERIES_RISING);
	/* 3 MiB/s: the slope is exact, and the room of 4 GiB lasts 1365 s */
	assert_true(fabs(found[0].growth.rate / (3.0 * MIB) - 1) < 0.01);
	assert_true(fabs(found[0].growth.time_to_limit / 1365.3 - 1) < 0.05);
	assert_int_equal(found[0].growth.limit, 8 * GIB);
	free(found);
	ranking_free(s.ranking);
}

static void what_slows_down_or_rose_once_counts_less(void **state)
{
	struct suspect *found;
	struct scene s;
	size_t nr;

	scene_open(&s, 60);
	scene_add(&s, "filling", filling);
	scene_add(&s, "load", one_load);
	scene_add(&s, "fast", fast_leak);
	scene_run(&s);
	nr = suspects(&s, SUSPECT_PROCESS, &found);
	assert_int_equal(nr, 3);
	assert_string_equal(found[0].process->comm, "fast");
	for (size_t i = 1; i < nr; i++) {
		assert_int_not_equal(found[i].growth.shape, SERIES_RISING);
		assert_true(isinf(found[i].growth.time_to_limit));
		assert_true(found[i].score < found[0].score / 2);
	}
	free(found);
	ranking_free(s.ranking);
}

static void a_limit_makes_the_same_growth_worse(void **state)
{
	struct suspect *found;
	struct scene s;
	size_t nr;

	scene_open(&s, 60);
	scene_cgroup(&s, "/", HOST_NO_CGROUP, MEMORY_UNLIMITED);
	scene_cgroup(&s, "/small", 0, 256 * MIB);
	scene_add(&s, "free", fast_leak)->cgroup = 0;
	scene_add(&s, "bound", slow_leak)->cgroup = 1;
	scene_add(&s, "unbound", slow_leak)->cgroup = 0;
	s.cgroups[1].room = 10 * MIB;
	scene_run(&s);
	nr = suspects(&s, SUSPECT_PROCESS, &found);
	assert_int_equal(nr, 3);
	assert_string_equal(found[0].process->comm, "bound");
	assert_ptr_equal(found[0].cgroup, &s.cgroups[1]);
	assert_int_equal(found[0].growth.limit, 256 * MIB);
	assert_true(fabs(found[0].growth.time_to_limit / 50 - 1) < 0.05);
	/* 0.2 MiB/s are 720 MiB an hour, of 256 */
	assert_non_null(strstr(found[0].reason, "of the limit of /small"));
	assert_non_null(strstr(found[0].reason, ", 281% an hour"));
	assert_non_null(strstr(found[1].reason, "of the machine's memory"));
	free(found);
	ranking_free(s.ranking);
}

static void a_pid_used_again_is_another_process(void **state)
{
	struct growth growth;
	struct scene s;

	scene_open(&s, 60);
	scene_add(&s, "leak", fast_leak);
	scene_run(&s);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_int_equal(growth.shape, SERIES_RISING);
	s.processes[0].start_ticks += 5;
	assert_false(ranking_process(s.ranking, &s.processes[0], &growth));
	scene_look(&s, 62);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_int_equal(growth.looks, 1);
	assert_int_equal(growth.shape, SERIES_TOO_SHORT);
	ranking_free(s.ranking);
}

static void the_young_count_less(void **state)
{
	struct suspect *found;
	struct scene s;

	scene_open(&s, 60);
	scene_add(&s, "young", slow_leak);
	scene_add(&s, "old", slow_leak);
	s.processes[0].start_ticks = 99990 * (uint64_t)sysconf(_SC_CLK_TCK);
	scene_run(&s);
	assert_int_equal(suspects(&s, SUSPECT_PROCESS, &found), 2);
	assert_string_equal(found[0].process->comm, "old");
	assert_true(found[1].score < found[0].score * 0.6);
	assert_true(found[1].score > 0);
	assert_true(fabs(found[1].growth.age - 70) < 0.1);
	free(found);
	ranking_free(s.ranking);
}

static bool not_fast(void *context, const struct host_process *process,
		     const struct host_cgroup *cgroup)
{
	++*(int *)context;
	return strcmp(process->comm, "fast") != 0;
}

static void the_caller_leaves_out_whom_it_likes(void **state)
{
	struct suspect *found;
	struct scene s;
	int calls = 0;
	size_t nr;

	scene_open(&s, 60);
	scene_add(&s, "slow", slow_leak);
	scene_add(&s, "fast", fast_leak);
	scene_add(&s, "kernel", fast_leak)->kernel_thread = true;
	scene_run(&s);
	assert_int_equal(
		ranking_suspects(s.ranking, SUSPECT_PROCESS, 10, not_fast, &calls, &found, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(calls, 3);
	assert_string_equal(found[0].process->comm, "slow");
	free(found);
	assert_int_equal(ranking_suspects(s.ranking, SUSPECT_PROCESS, 1, NULL, NULL, &found, &nr),
			 0);
	assert_int_equal(nr, 1);
	assert_string_equal(found[0].process->comm, "fast");
	free(found);
	ranking_free(s.ranking);
}

static void a_cgroup_is_told_where_it_grows(void **state)
{
	struct suspect *found;
	struct scene s;

	scene_open(&s, 60);
	scene_cgroup(&s, "/", HOST_NO_CGROUP, MEMORY_UNLIMITED);
	scene_cgroup(&s, "/a", 0, GIB);
	scene_cgroup(&s, "/b", 0, GIB);
	for (int i = 0; i < LOOKS; i++) {
		s.cgroups[1].current = (100 + 2 * (uint64_t)i) * MIB;
		s.cgroups[0].current = (500 + 2 * (uint64_t)i) * MIB;
		/* Files' pages that come are no growth. */
		s.cgroups[2].current = (100 + 2 * (uint64_t)i) * MIB;
		s.cgroups[2].reclaimable = (50 + 2 * (uint64_t)i) * MIB;
		scene_look(&s, 2 * i);
	}
	assert_int_equal(suspects(&s, SUSPECT_CGROUP, &found), 1);
	assert_string_equal(found[0].cgroup->path, "/a");
	assert_null(found[0].process);
	assert_true(fabs(found[0].growth.rate / (double)MIB - 1) < 0.01);
	free(found);
	ranking_free(s.ranking);
}

static void what_is_older_than_the_window_is_forgotten(void **state)
{
	struct suspect *found;
	struct growth growth;
	struct scene s;

	scene_open(&s, 60);
	scene_add(&s, "once", one_load);
	for (int i = 0; i < 400; i++)
		scene_look(&s, 0.5 * i);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_int_equal(growth.shape, SERIES_FLAT);
	assert_true(growth.seconds > 55 && growth.seconds <= 60);
	assert_int_equal(suspects(&s, SUSPECT_PROCESS, &found), 0);
	assert_null(found);
	ranking_free(s.ranking);
}

/* Whatever the phase in which a saw is looked at. */
static void a_saw_is_no_suspect_at_any_time(void **state)
{
	struct suspect *found;
	struct scene s;

	scene_open(&s, 60);
	scene_add(&s, "saw", saw);
	for (int i = 0; i < 800; i++) {
		scene_look(&s, 0.25 * i);
		/* Before it has come back for the first time it is one that grows. */
		if (s.now < 15)
			continue;
		assert_int_equal(suspects(&s, SUSPECT_PROCESS, &found), 0);
	}
	ranking_free(s.ranking);
}

/* Looks that come later than they were meant to still are enough for a judgement. */
static void the_last_looks_count_beyond_the_window(void **state)
{
	struct growth growth;
	struct scene s;

	scene_open(&s, 10);
	scene_add(&s, "leak", slow_leak);
	scene_run(&s);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_int_equal(growth.looks, SERIES_LEAST + 4);
	assert_int_equal(growth.shape, SERIES_RISING);
	ranking_free(s.ranking);
}

static void many_looks_are_merged_by_their_lowest(void **state)
{
	struct growth growth;
	struct scene s;

	scene_open(&s, 60);
	scene_add(&s, "saw", saw);
	scene_add(&s, "leak", slow_leak);
	for (int i = 0; i < 5000; i++)
		scene_look(&s, 0.1 * i);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_int_equal(growth.shape, SERIES_FLAT);
	assert_true(growth.looks <= RANKING_POINTS && growth.looks >= RANKING_POINTS / 2);
	assert_true(ranking_process(s.ranking, &s.processes[1], &growth));
	assert_int_equal(growth.shape, SERIES_RISING);
	assert_true(fabs(growth.rate / (0.2 * MIB) - 1) < 0.02);
	ranking_free(s.ranking);
}

static void a_clock_that_goes_back_changes_nothing(void **state)
{
	struct growth growth;
	struct scene s;

	scene_open(&s, 60);
	scene_add(&s, "leak", fast_leak);
	scene_run(&s);
	s.look.time = 10;
	assert_int_equal(ranking_add(s.ranking, &s.look), -EINVAL);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_int_equal(growth.looks, LOOKS);
	ranking_free(s.ranking);
}

static void no_more_are_followed_than_allowed(void **state)
{
	const struct ranking_options options = { .window = 60, .max_processes = 2 };
	struct growth growth;
	struct scene s;

	scene_open(&s, 60);
	ranking_free(s.ranking);
	assert_int_equal(ranking_new(&options, &s.ranking), 0);
	for (int i = 0; i < 3; i++)
		scene_add(&s, "leak", fast_leak);
	scene_run(&s);
	assert_true(ranking_process(s.ranking, &s.processes[1], &growth));
	assert_false(ranking_process(s.ranking, &s.processes[2], &growth));
	/* The first ends: its place is free once that was seen. */
	s.processes[0] = s.processes[1];
	s.processes[1] = s.processes[2];
	s.look.nr_processes = 2;
	scene_look(&s, 70);
	scene_look(&s, 72);
	assert_true(ranking_process(s.ranking, &s.processes[1], &growth));
	assert_int_equal(growth.looks, 1);
	assert_true(ranking_process(s.ranking, &s.processes[0], &growth));
	assert_true(growth.looks > 20);
	ranking_free(s.ranking);
}

static void nothing_seen_is_no_suspect(void **state)
{
	struct suspect *found = (struct suspect *)1;
	struct scene s;

	scene_open(&s, 60);
	assert_int_equal(suspects(&s, SUSPECT_PROCESS, &found), 0);
	assert_null(found);
	assert_int_equal(suspects(&s, SUSPECT_CGROUP, &found), 0);
	ranking_free(s.ranking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_growers_are_suspects_and_the_worst_comes_first),
		cmocka_unit_test(what_slows_down_or_rose_once_counts_less),
		cmocka_unit_test(a_limit_makes_the_same_growth_worse),
		cmocka_unit_test(a_pid_used_again_is_another_process),
		cmocka_unit_test(the_young_count_less),
		cmocka_unit_test(the_caller_leaves_out_whom_it_likes),
		cmocka_unit_test(a_cgroup_is_told_where_it_grows),
		cmocka_unit_test(what_is_older_than_the_window_is_forgotten),
		cmocka_unit_test(a_saw_is_no_suspect_at_any_time),
		cmocka_unit_test(the_last_looks_count_beyond_the_window),
		cmocka_unit_test(many_looks_are_merged_by_their_lowest),
		cmocka_unit_test(a_clock_that_goes_back_changes_nothing),
		cmocka_unit_test(no_more_are_followed_than_allowed),
		cmocka_unit_test(nothing_seen_is_no_suspect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

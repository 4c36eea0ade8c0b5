/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel's record of a victim comes to: whose limit it was, and by which path. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "triage/oom_victim.h"

#define MIB (UINT64_C(1) << 20)
#define UNLIMITED (UINT64_C(1) << 51)

static struct seep_oom_level level(const char *name, uint64_t usage_mib, uint64_t max_mib)
{
	struct seep_oom_level l = { usage_mib * MIB / 4096, max_mib * MIB / 4096, SEEP_OOM_UNKNOWN,
				    SEEP_OOM_UNKNOWN, "" };

	if (!max_mib)
		l.max = UNLIMITED;
	strcpy(l.name, name);
	return l;
}

static void the_level_that_is_full_is_named(void **state)
{
	struct seep_oom_level levels[3] = { level("inner", 99, 0), level("outer", 100, 100),
					    level("", 900, 0) };
	enum limit_kind kind;
	uint64_t limit = 0;

	assert_int_equal(oom_limit_reached(levels, 3, 2, 4096, &limit, &kind), 1);
	assert_int_equal(limit, 100 * MIB);
	/* A charge that did not fit leaves a little room. */
	levels[1].usage -= 100;
	assert_int_equal(oom_limit_reached(levels, 3, 2, 4096, &limit, &kind), 1);
	levels[1].usage -= 400;
	assert_int_equal(oom_limit_reached(levels, 3, 2, 4096, &limit, &kind), -1);
	/* Of two that are near, the nearer. */
	levels[0] = level("inner", 10, 10);
	levels[1] = level("outer", 100, 100);
	levels[1].usage -= 10;
	assert_int_equal(oom_limit_reached(levels, 3, 2, 4096, &limit, &kind), 0);
	assert_int_equal(limit, 10 * MIB);
	levels[0].usage -= 20;
	assert_int_equal(oom_limit_reached(levels, 3, 2, 4096, &limit, &kind), 1);
}

static void an_empty_cgroup_with_a_tiny_limit_has_not_reached_it(void **state)
{
	struct seep_oom_level levels[1] = { level("tiny", 0, 1) };
	enum limit_kind kind;
	uint64_t limit = 7;

	levels[0].max = 64;
	assert_int_equal(oom_limit_reached(levels, 1, 2, 4096, &limit, &kind), -1);
	assert_int_equal(limit, 7);
}

static void memory_and_swap_count_in_version_1_alone(void **state)
{
	struct seep_oom_level levels[1] = { level("a", 50, 100) };
	enum limit_kind kind;
	uint64_t limit = 0;

	levels[0].both_usage = levels[0].both_max = 200 * MIB / 4096;
	assert_int_equal(oom_limit_reached(levels, 1, 2, 4096, &limit, &kind), -1);
	assert_int_equal(oom_limit_reached(levels, 1, 1, 4096, &limit, &kind), 0);
	assert_int_equal(limit, 200 * MIB);
	assert_int_equal(kind, LIMIT_CGROUP_MEMSW);
}

static struct seep_oom record_of(uint64_t usage_mib)
{
	struct seep_oom record = { .time = 1500000000, .pid = 4000000, .uid = 33, .nr_levels = 3 };

	record.anonymous = 10;
	record.file = 2;
	record.shared = 0;
	record.swap = SEEP_OOM_UNKNOWN;
	strcpy(record.comm, "worker");
	record.levels[0] = level("inner", usage_mib, 0);
	record.levels[1] = level("outer", usage_mib, 100);
	record.levels[2] = level("", 900, 0);
	return record;
}

static void a_record_becomes_words(void **state)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct seep_oom record = record_of(100);
	struct oom_victim victim;
	char *cgroup, *limit;

	oom_victim_read(&record, &victim, &cgroup, &limit);
	assert_int_equal(victim.pid, 4000000);
	assert_int_equal(victim.uid, 33);
	assert_true(victim.time == 1.5);
	assert_string_equal(victim.comm, "worker");
	assert_int_equal(victim.anonymous, 10 * page);
	assert_int_equal(victim.shared, 0);
	assert_int_equal(victim.swap, CGROUP_UNKNOWN);
	assert_string_equal(victim.cgroup, "/outer/inner");
	assert_string_equal(victim.limit_cgroup, "/outer");
	assert_int_equal(victim.limit, 100 * MIB / 4096 * page);
	assert_non_null(strstr(victim.limit_name, "of cgroup"));
	assert_false(victim.whole_host);
	free(cgroup);
	free(limit);
}

static void without_a_full_cgroup_it_was_the_machine(void **state)
{
	struct seep_oom record = record_of(50);
	struct oom_victim victim;
	char *cgroup, *limit;

	oom_victim_read(&record, &victim, &cgroup, &limit);
	assert_true(victim.whole_host);
	assert_null(victim.limit_cgroup);
	assert_string_equal(victim.limit_name, "memory of the machine");
	assert_true(cgroup_known(victim.limit) && victim.limit > 64 * MIB);
	free(cgroup);
	/* With levels left out nobody knows. */
	record.flags = SEEP_OOM_CUT;
	record.nr_levels = 4000;
	oom_victim_read(&record, &victim, &cgroup, &limit);
	assert_false(victim.whole_host);
	assert_null(cgroup);
	assert_null(limit);
	assert_null(victim.limit_name);
	assert_int_equal(victim.limit, CGROUP_UNKNOWN);
	record.flags = 0;
	record.nr_levels = 1;
	record.levels[0] = level("", 10, 0);
	oom_victim_read(&record, &victim, &cgroup, &limit);
	assert_string_equal(victim.cgroup, "/");
	free(cgroup);
}

/* Older kernels tell a number: what is there to be read is this very process. */
static void a_number_alone_is_looked_up(void **state)
{
	struct seep_oom record = { .flags = SEEP_OOM_PID_ALONE, .pid = (__u32)getpid() };
	struct oom_victim victim;
	char *cgroup, *limit;

	oom_victim_read(&record, &victim, &cgroup, &limit);
	assert_int_equal(victim.pid, getpid());
	assert_int_equal(victim.uid, getuid());
	assert_string_equal(victim.comm, "test_triage_oom");
	assert_true(cgroup_known(victim.anonymous) && victim.anonymous > 0);
	assert_false(victim.whole_host);
	free(cgroup);
	free(limit);
	record.pid = 1 << 30;
	oom_victim_read(&record, &victim, &cgroup, &limit);
	assert_int_equal(victim.pid, 1 << 30);
	assert_int_equal(victim.uid, (uid_t)-1);
	assert_string_equal(victim.comm, "");
	assert_int_equal(victim.anonymous, CGROUP_UNKNOWN);
	assert_null(victim.cgroup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_level_that_is_full_is_named),
		cmocka_unit_test(an_empty_cgroup_with_a_tiny_limit_has_not_reached_it),
		cmocka_unit_test(memory_and_swap_count_in_version_1_alone),
		cmocka_unit_test(a_record_becomes_words),
		cmocka_unit_test(without_a_full_cgroup_it_was_the_machine),
		cmocka_unit_test(a_number_alone_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

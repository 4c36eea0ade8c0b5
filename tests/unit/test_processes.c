/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address spaces and the processes behind them, in any order of their records. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/processes.h"

/* No process has it: above the kernel's largest pid. */
enum { GONE = 1 << 30 };

static struct seep_space record(uint8_t kind, uint8_t reason, uint32_t space, uint32_t tgid)
{
	return (struct seep_space){ .kind = kind,
				    .reason = reason,
				    .space = space,
				    .tgid = tgid,
				    .comm = "sixteen letters." };
}

static void begins(struct processes *p, uint8_t reason, uint32_t space, uint32_t tgid,
		   uint32_t parent)
{
	struct seep_space begin = record(SEEP_SPACE_BEGIN, reason, space, tgid);

	begin.parent = parent;
	assert_int_equal(processes_note(p, &begin), 0);
}

static void ends(struct processes *p, uint8_t reason, uint32_t space, uint32_t tgid)
{
	struct seep_space end = record(SEEP_SPACE_END, reason, space, tgid);

	assert_int_equal(processes_note(p, &end), 0);
}

static pid_t start_sleeper(void)
{
	pid_t child = fork();

	if (!child)
		for (;;)
			pause();
	assert_true(child > 0);
	return child;
}

static void end_sleeper(pid_t child)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_was_met_is_known_when_it_has_ended(void **state)
{
	struct processes *p = processes_new();
	pid_t child = start_sleeper();
	const struct traced_process *process;

	assert_int_equal(processes_meet(p, child), 0);
	assert_int_equal(processes_meet(p, child), 0);
	assert_false(processes_seen(p, child));
	end_sleeper(child);
	begins(p, SEEP_SPACE_SEEN, 1, child, 0);
	process = processes_find(p, 1);
	assert_non_null(process->exe);
	assert_true(process->started > 1e9 && process->rss_start > 0);
	/* and it was known but once, however often it was met */
	begins(p, SEEP_SPACE_SEEN, 2, child, 0);
	assert_null(processes_find(p, 2)->exe);
	processes_free(p);
}

static void who_is_there_already_is_not_met(void **state)
{
	struct processes *p = processes_new();
	pid_t child = start_sleeper();

	begins(p, SEEP_SPACE_SEEN, 1, child, 0);
	assert_int_equal(processes_meet(p, child), 0);
	end_sleeper(child);
	begins(p, SEEP_SPACE_SEEN, 2, child, 0);
	assert_null(processes_find(p, 2)->exe);
	processes_free(p);
}

static void what_was_met_is_not_the_program_that_took_its_place(void **state)
{
	struct processes *p = processes_new();
	pid_t child = start_sleeper();

	assert_int_equal(processes_meet(p, child), 0);
	end_sleeper(child);
	begins(p, SEEP_SPACE_EXEC, 1, child, 0);
	assert_null(processes_find(p, 1)->exe);
	/* it was met once */
	begins(p, SEEP_SPACE_SEEN, 2, child, 0);
	assert_null(processes_find(p, 2)->exe);
	processes_free(p);
}

static void a_process_is_read_at_first_sight(void **state)
{
	struct processes *p = processes_new();
	const struct traced_process *process;
	char exe[4096] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	begins(p, SEEP_SPACE_SEEN, 1, getpid(), 0);
	process = processes_find(p, 1);
	assert_string_equal(process->exe, exe);
	/* the record's name has no NUL: it fills its room */
	assert_string_equal(process->comm, "sixteen letters.");
	assert_true(process->started > 1e9 && process->rss_start > 0);
	assert_int_equal(process->exit_status, -1);
	assert_int_equal(processes_space_of(p, getpid()), 1);
	assert_int_equal(processes_living(p), 1);
	assert_true(processes_seen(p, getpid()));
	assert_false(processes_seen(p, GONE));
	assert_null(processes_find(p, 2));
	processes_free(p);
}

static void a_second_beginning_is_none(void **state)
{
	struct processes *p = processes_new();

	(void)state;
	begins(p, SEEP_SPACE_SEEN, 1, getpid(), 0);
	begins(p, SEEP_SPACE_SEEN, 1, GONE, 0);
	assert_int_equal(processes_living(p), 1);
	assert_int_equal(processes_find(p, 1)->pid, getpid());
	assert_int_equal(processes_space_of(p, GONE), 0);
	processes_free(p);
}

static void the_end_keeps_what_was_known(void **state)
{
	struct processes *p = processes_new();
	struct profile *profile = profile_new();
	struct profile_process row = { 0 };
	uint64_t rss;

	(void)state;
	begins(p, SEEP_SPACE_SEEN, 1, getpid(), 0);
	rss = processes_rss(p, 1);
	assert_true(rss > 0);
	ends(p, SEEP_SPACE_EXIT, 1, getpid());
	assert_int_equal(processes_living(p), 0);
	assert_int_equal(processes_space_of(p, getpid()), 0);
	assert_true(processes_seen(p, getpid()));
	/* of memory that is given up nothing more is read */
	free(malloc(1 << 20));
	assert_int_equal(processes_rss(p, 1), rss);
	processes_describe(p, 1, profile, &row);
	assert_true(row.exited);
	assert_string_equal(row.exe, processes_find(p, 1)->exe);
	assert_int_equal(row.rss_bytes, rss);
	profile_free(profile);
	processes_free(p);
}

/* exec: the new space may be announced before the old one's end is. */
static void an_old_end_does_not_end_the_new(void **state)
{
	struct processes *p = processes_new();

	(void)state;
	begins(p, SEEP_SPACE_SEEN, 1, getpid(), 0);
	begins(p, SEEP_SPACE_EXEC, 2, getpid(), 1);
	assert_int_equal(processes_living(p), 1);
	ends(p, SEEP_SPACE_EXEC, 1, getpid());
	assert_true(processes_find(p, 1)->ended);
	assert_false(processes_find(p, 2)->ended);
	assert_int_equal(processes_space_of(p, getpid()), 2);
	assert_int_equal(processes_living(p), 1);
	ends(p, SEEP_SPACE_EXIT, 2, getpid());
	assert_int_equal(processes_living(p), 0);
	processes_free(p);
}

/* The beginning may have been lost, and so may an end. */
static void an_end_of_the_unknown(void **state)
{
	struct processes *p = processes_new();
	struct profile *profile = profile_new();
	struct profile_process row = { .rss_bytes = 7 };

	(void)state;
	begins(p, SEEP_SPACE_SEEN, 1, getpid(), 0);
	ends(p, SEEP_SPACE_EXIT, 99, getpid());
	ends(p, SEEP_SPACE_EXIT, 99, GONE);
	assert_null(processes_find(p, 99));
	assert_int_equal(processes_space_of(p, getpid()), 1);
	assert_int_equal(processes_rss(p, 99), 0);
	processes_describe(p, 99, profile, &row);
	assert_int_equal(row.rss_bytes, 7);
	assert_null(row.exe);
	/* a pid that came back, while the end of its first process was lost */
	begins(p, SEEP_SPACE_SEEN, 2, getpid(), 0);
	assert_int_equal(processes_space_of(p, getpid()), 2);
	profile_free(profile);
	processes_free(p);
}

static void a_child_that_is_gone_is_its_parents_program(void **state)
{
	struct processes *p = processes_new();

	(void)state;
	begins(p, SEEP_SPACE_SEEN, 1, getpid(), 0);
	begins(p, SEEP_SPACE_FORK, 2, GONE, 1);
	assert_string_equal(processes_find(p, 2)->exe, processes_find(p, 1)->exe);
	/* but not what it calls by exec, and nobody's of a parent that is not known */
	begins(p, SEEP_SPACE_EXEC, 3, GONE, 2);
	assert_null(processes_find(p, 3)->exe);
	begins(p, SEEP_SPACE_FORK, 4, GONE, 77);
	assert_null(processes_find(p, 4)->exe);
	assert_int_equal(processes_find(p, 4)->rss_start, 0);
	assert_int_equal(processes_rss(p, 4), 0);
	processes_free(p);
}

static void an_exit_status_is_the_last_programs(void **state)
{
	struct processes *p = processes_new();

	(void)state;
	begins(p, SEEP_SPACE_SEEN, 1, GONE, 0);
	begins(p, SEEP_SPACE_EXEC, 2, GONE, 1);
	processes_set_exit_status(p, GONE, 3);
	processes_set_exit_status(p, GONE + 1, 4);
	assert_int_equal(processes_find(p, 1)->exit_status, -1);
	assert_int_equal(processes_find(p, 2)->exit_status, 3);
	processes_free(p);
}

static void add_up(void *context, const struct traced_process *process)
{
	*(uint32_t *)context += process->space;
}

static void only_the_living_are_visited(void **state)
{
	struct processes *p = processes_new();
	uint32_t sum = 0;

	(void)state;
	for (uint32_t space = 1; space <= 4; space++)
		begins(p, SEEP_SPACE_SEEN, space, GONE + space, 0);
	ends(p, SEEP_SPACE_EXIT, 2, GONE + 2);
	processes_each(p, add_up, &sum);
	assert_int_equal(sum, 1 + 3 + 4);
	processes_free(p);
	processes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_met_is_known_when_it_has_ended),
		cmocka_unit_test(who_is_there_already_is_not_met),
		cmocka_unit_test(what_was_met_is_not_the_program_that_took_its_place),
		cmocka_unit_test(a_process_is_read_at_first_sight),
		cmocka_unit_test(a_second_beginning_is_none),
		cmocka_unit_test(the_end_keeps_what_was_known),
		cmocka_unit_test(an_old_end_does_not_end_the_new),
		cmocka_unit_test(an_end_of_the_unknown),
		cmocka_unit_test(a_child_that_is_gone_is_its_parents_program),
		cmocka_unit_test(an_exit_status_is_the_last_programs),
		cmocka_unit_test(only_the_living_are_visited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

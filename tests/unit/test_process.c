/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/process.h"

/* A child that has done `prepare` and waits to be killed. */
static pid_t start_child(void (*prepare)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (prepare)
			prepare();
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void take_odd_name(void)
{
	prctl(PR_SET_NAME, "a) R 1 (b\n");
}

static void limit_memory(void)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)1 << 50, .rlim_max = RLIM_INFINITY };

	setrlimit(RLIMIT_DATA, &limit);
}

static void fork_again(void)
{
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static pid_t start_program(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(1);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 1000; i++) {
		char *path = process_exe(pid, &(bool){ false });
		bool done = path && strstr(path, "test_process") == NULL;

		free(path);
		if (done)
			break;
		usleep(10000);
	}
	return pid;
}

/* Forks of forks too; not what runs another program, nor what is its parent. */
static void tells_forks(void **state)
{
	pid_t child = start_child(fork_again), other = start_program(), *pids;
	size_t nr, forks = 0;

	assert_true(process_is_fork_of(child, getpid()));
	assert_false(process_is_fork_of(getpid(), child));
	assert_false(process_is_fork_of(getpid(), getpid()));
	assert_false(process_is_fork_of(other, getpid()));
	assert_false(process_is_fork_of(getppid(), getpid()));
	assert_false(process_is_fork_of(child, INT32_MAX));
	assert_int_equal(process_list(&pids, &nr), 0);
	for (size_t i = 0; i < nr; i++)
		forks += process_is_fork_of(pids[i], getpid());
	assert_int_equal(forks, 2);
	free(pids);
	end_child(child);
	end_child(other);
}

static void describes_this_process(void **state)
{
	struct process_info info;
	uint8_t class;
	uint16_t machine;

	assert_int_equal(process_read(getpid(), &info), 0);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.parent, getppid());
	assert_int_equal(info.uid, getuid());
	assert_true(info.start_ticks > 0 && info.rss_bytes > info.anonymous_bytes);
	assert_true(info.anonymous_bytes > 0);
	assert_false(info.kernel_thread);
	assert_true(info.ns_pid > 0);
	assert_true(process_rss(getpid()) > 100000);
	assert_int_equal(process_machine(getpid(), &machine, &class), 0);
	assert_int_equal(class, ELFCLASS64);
	assert_true(machine == EM_X86_64 || machine == EM_AARCH64);
}

static void reads_a_name_made_to_confuse(void **state)
{
	pid_t child = start_child(take_odd_name);
	struct process_info info;

	assert_int_equal(process_read(child, &info), 0);
	assert_string_equal(info.comm, "a) R 1 (b\n");
	assert_int_equal(info.parent, getpid());
	end_child(child);
}

static void knows_when_it_started(void **state)
{
	double before = time(NULL), started;
	pid_t child = start_child(NULL);
	struct process_info info;

	assert_int_equal(process_read(child, &info), 0);
	started = process_started(&info);
	assert_true(started > before - 2 && started < time(NULL) + 2);
	end_child(child);
}

static void a_zombie_is_gone(void **state)
{
	pid_t child = fork();
	struct process_info info;
	siginfo_t ended;

	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, child, &ended, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_read(child, &info), -ESRCH);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(process_read(child, &info), -ESRCH);
	assert_true(process_rss(child) == 0);
	assert_null(process_cgroup(child, NULL));
}

static void take_a_running_name(void)
{
	prctl(PR_SET_NAME, "a) T b");
}

static void knows_who_is_stopped(void **state)
{
	pid_t child = start_child(take_a_running_name);
	int status;

	assert_false(process_is_stopped(child));
	assert_int_equal(kill(child, SIGSTOP), 0);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(process_is_stopped(child));
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(waitpid(child, &status, WCONTINUED), child);
	assert_false(process_is_stopped(child));
	assert_false(process_has_ended(child));
	end_child(child);
	assert_false(process_is_stopped(child));
	assert_true(process_has_ended(child));
}

static void sees_memory_limits(void **state)
{
	pid_t plain = start_child(NULL), limited = start_child(limit_memory);

	assert_false(process_memory_limited(plain));
	assert_true(process_memory_limited(limited));
	end_child(plain);
	end_child(limited);
}

static void finds_the_executable(void **state)
{
	char own[4096];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	bool deleted = true;
	char *exe = process_exe(getpid(), &deleted);

	assert_true(length > 0);
	own[length] = '\0';
	assert_string_equal(exe, own);
	assert_false(deleted);
	free(exe);
	assert_null(process_exe(INT32_MAX, &deleted));
}

static void lists_processes(void **state)
{
	pid_t child = start_child(NULL), *pids;
	bool found = false, kernel = false;
	size_t nr;

	assert_int_equal(process_list(&pids, &nr), 0);
	for (size_t i = 0; i < nr; i++) {
		struct process_info info;

		found = found || pids[i] == child;
		kernel = kernel || (process_read(pids[i], &info) == 0 && info.kernel_thread);
	}
	assert_true(found);
	assert_false(kernel);
	free(pids);
	end_child(child);
}

static void filters_by_name(void **state)
{
	pid_t child = start_child(take_odd_name);

	assert_true(process_matches(child, &(struct process_filter){ .comm = "a) R*" }));
	/* the base name of the executable */
	assert_true(process_matches(child, &(struct process_filter){ .comm = "test_proces?" }));
	assert_false(process_matches(child, &(struct process_filter){ .comm = "test_proces" }));
	assert_true(process_matches(child, &(struct process_filter){ 0 }));
	assert_false(process_matches(
		child, &(struct process_filter){ .comm = "a) R*", .container = "0123456789ab" }));
	end_child(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_forks),
		cmocka_unit_test(describes_this_process),
		cmocka_unit_test(reads_a_name_made_to_confuse),
		cmocka_unit_test(knows_when_it_started),
		cmocka_unit_test(a_zombie_is_gone),
		cmocka_unit_test(knows_who_is_stopped),
		cmocka_unit_test(sees_memory_limits),
		cmocka_unit_test(finds_the_executable),
		cmocka_unit_test(lists_processes),
		cmocka_unit_test(filters_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

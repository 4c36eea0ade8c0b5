// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Roots of other processes, which are read after these have ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stack/root_file.h"
#include "stack/roots.h"

struct rooted {
	char folder[32];
	char path[48];
	pid_t pid;
};

/* A user namespace is what lets anyone change the root. */
static void be_rooted(const char *folder, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWUSER) || chroot(folder) || chdir("/"))
		_exit(1);
	if (write(ready, "x", 1) == 1)
		pause();
	_exit(1);
}

/* A process whose root is a folder with the file /inside; skips where there can be none. */
static void start_rooted(struct rooted *rooted)
{
	int ready[2], fd;
	char byte;

	strcpy(rooted->folder, "/tmp/test-roots-XXXXXX");
	assert_non_null(mkdtemp(rooted->folder));
	snprintf(rooted->path, sizeof(rooted->path), "%s/inside", rooted->folder);
	fd = open(rooted->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "inside", 6), 6);
	close(fd);
	assert_int_equal(pipe(ready), 0);
	rooted->pid = fork();
	if (!rooted->pid)
		be_rooted(rooted->folder, ready[1]);
	close(ready[1]);
	fd = (int)read(ready[0], &byte, 1);
	close(ready[0]);
	if (fd != 1)
		skip();
}

static void end_rooted(struct rooted *rooted)
{
	kill(rooted->pid, SIGKILL);
	waitpid(rooted->pid, NULL, 0);
}

static void remove_rooted(struct rooted *rooted)
{
	unlink(rooted->path);
	rmdir(rooted->folder);
}

static void test_a_root_outlives_its_process(void **state)
{
	struct roots *roots = roots_new(8);
	struct rooted rooted;
	char text[8] = "";
	int root, fd;

	start_rooted(&rooted);
	root = roots_of(roots, rooted.pid);
	assert_true(root >= 0);
	assert_int_equal(roots_of(roots, rooted.pid), root);
	end_rooted(&rooted);
	assert_int_equal(roots_of(roots, rooted.pid), -1);
	fd = root_file_open_at(root, "/inside");
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "inside");
	close(fd);
	assert_true(root_file_open_at(root, "/proc/self/maps") < 0);
	roots_free(roots);
	remove_rooted(&rooted);
}

static void test_our_own_root_is_none(void **state)
{
	struct roots *roots = roots_new(8);
	int fd;

	assert_int_equal(roots_of(roots, getpid()), -1);
	fd = root_file_open_at(-1, "/etc/passwd");
	assert_true(fd >= 0);
	close(fd);
	roots_free(roots);
}

static void test_no_more_than_wanted_are_held(void **state)
{
	struct roots *roots = roots_new(1);
	struct rooted one, two;
	int root;

	start_rooted(&one);
	start_rooted(&two);
	root = roots_of(roots, one.pid);
	assert_true(root >= 0);
	assert_int_equal(roots_of(roots, two.pid), -1);
	assert_int_equal(roots_of(roots, one.pid), root);
	end_rooted(&one);
	end_rooted(&two);
	roots_free(roots);
	remove_rooted(&one);
	remove_rooted(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_root_outlives_its_process),
		cmocka_unit_test(test_our_own_root_is_none),
		cmocka_unit_test(test_no_more_than_wanted_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

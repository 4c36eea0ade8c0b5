/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real JVMs with planted behaviours, all at once. Skipped where there is no java and javac. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "jvm/jvm.h"
#include "proc/process.h"
#include "tree.h"

enum { LOOKS = 50, KINDS = 4 };

static const struct {
	const char *name, *heap, *collector;
	enum jvm_verdict expected;
} behaviours[KINDS] = {
	{ "steady", "-Xmx64m", "-XX:+UseSerialGC", JVM_STEADY },
	{ "leak", "-Xmx96m", "-XX:+UseG1GC", JVM_OLD_GROWS },
	{ "small", "-Xmx40m", "-XX:+UseSerialGC", JVM_HEAP_TOO_SMALL },
	{ "native", "-Xmx64m", "-XX:+UseParallelGC", JVM_NATIVE_GROWS },
};

static pid_t start(const char *folder, int kind)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	execlp("java", "java", behaviours[kind].heap, behaviours[kind].collector, "-Xms32m",
	       "-XX:MaxDirectMemorySize=1g", "-XX:TieredStopAtLevel=1", "-cp", folder, "Heap",
	       behaviours[kind].name, "60", (char *)NULL);
	_exit(127);
}

static void look(pid_t pid, struct jvm_point *points, size_t *nr)
{
	struct timespec now;
	struct jvm_heap heap;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (jvm_read(pid, &heap) == 0)
		jvm_point_set(&heap, (double)now.tv_sec + (double)now.tv_nsec / 1e9,
			      (double)process_rss(pid), &points[(*nr)++]);
}

static void planted_behaviours(void **state)
{
	static struct jvm_point points[KINDS][LOOKS];
	size_t nr[KINDS] = { 0 };
	struct jvm_judgement judged[KINDS];
	char command[256];
	pid_t pids[KINDS];
	struct tree t;

	if (system("java -version >/dev/null 2>&1 && javac -version >/dev/null 2>&1") != 0)
		skip();
	assert_int_equal(tree_new(&t), 0);
	snprintf(command, sizeof(command), "javac -d %s tests/fixtures/Heap.java", t.root);
	assert_int_equal(system(command), 0);
	for (int kind = 0; kind < KINDS; kind++)
		pids[kind] = start(t.root, kind);
	usleep(1500000);
	for (int i = 0; i < LOOKS; i++) {
		for (int kind = 0; kind < KINDS; kind++)
			look(pids[kind], points[kind], &nr[kind]);
		usleep(140000);
	}
	for (int kind = 0; kind < KINDS; kind++) {
		kill(pids[kind], SIGKILL);
		waitpid(pids[kind], NULL, 0);
		jvm_judge(points[kind], nr[kind], &judged[kind]);
		print_message("          %-7s %s: %s\n", behaviours[kind].name,
			      jvm_verdict_name(judged[kind].verdict), judged[kind].evidence);
	}
	tree_free(&t);
	for (int kind = 0; kind < KINDS; kind++)
		assert_int_equal(judged[kind].verdict, behaviours[kind].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(planted_behaviours) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

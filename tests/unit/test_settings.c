/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory options of runtimes: which count, which of two wins, which make no sense. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/settings.h"
#include "tree.h"

#define MIB (1024.0 * 1024)
#define PARSE(kind, cmdline, environ, s)                                                           \
	settings_parse(SETTINGS_##kind, cmdline, sizeof(cmdline), environ, sizeof(environ) - 1, s)

static void options_of_java(void **state)
{
	struct settings s;

	PARSE(JVM, "java\0-Xmx512m\0-Xms64M\0-XX:MaxMetaspaceSize=1g\0-cp\0a\0Main\0-Xmx1g",
	      "HOME=/\0", &s);
	assert_true(s.heap_max.set);
	assert_true(s.heap_max.value == 512 * MIB);
	assert_string_equal(s.heap_max.source, "command line");
	assert_true(s.heap_initial.value == 64 * MIB);
	assert_true(s.metaspace_max.value == 1024 * MIB);
	assert_true(settings_heap_max(&s, 1e12) == 512 * MIB);
	PARSE(JVM, "java\0-cp\0-Xmx1g\0-jar\0-Xmx2g\0-Xmx3g", "", &s);
	assert_false(s.heap_max.set);
	PARSE(JVM, "java\0-XX:MaxRAMPercentage=62.5\0Main", "", &s);
	assert_true(settings_heap_max(&s, 1000) == 625);
	PARSE(JVM, "java\0-XX:MaxRAM=400\0Main", "", &s);
	assert_true(settings_heap_max(&s, 1000) == 100);
	assert_true(settings_heap_max(&s, 0) == 100);
	PARSE(JVM, "java\0@options\0Main", "", &s);
	assert_true(s.more_elsewhere);
}

static void the_last_one_wins(void **state)
{
	struct settings s;

	PARSE(JVM, "java\0-Xmx2m\0Main", "JAVA_TOOL_OPTIONS=-Xmx1m\0", &s);
	assert_true(s.heap_max.value == 2 * MIB);
	PARSE(JVM, "java\0Main", "JAVA_TOOL_OPTIONS= -Dx='a b' -Xmx1m \0JDK_JAVA_OPTIONS=-Xmx3m\0",
	      &s);
	assert_true(s.heap_max.value == 3 * MIB);
	assert_string_equal(s.heap_max.source, "JDK_JAVA_OPTIONS");
	PARSE(JVM, "java\0-Xmx2m\0Main", "_JAVA_OPTIONS=-Xmx4m\0", &s);
	assert_true(s.heap_max.value == 4 * MIB);
	/* quoted: one option with a blank, none that sets the heap */
	PARSE(JVM, "java\0Main", "JAVA_TOOL_OPTIONS=\"-Dx=1 -Xmx1m\"\0", &s);
	assert_false(s.heap_max.set);
}

static void options_of_node_and_go(void **state)
{
	struct settings s;

	PARSE(NODE, "node\0--max_old_space_size=300\0a.js\0--max-old-space-size=5",
	      "NODE_OPTIONS=--max-old-space-size=100 --max-heap-size=400\0", &s);
	assert_true(s.old_space.value == 300 * MIB);
	assert_true(s.heap_max.value == 400 * MIB);
	assert_string_equal(s.heap_max.source, "NODE_OPTIONS");
	assert_true(settings_heap_max(&s, 1000) == 0);
	PARSE(GO, "x", "A=1\0GOMEMLIMIT=750MiB\0", &s);
	assert_true(s.heap_max.value == 750 * MIB);
	PARSE(GO, "x", "GOMEMLIMIT=off\0", &s);
	assert_false(s.heap_max.set);
	assert_int_equal(s.rejected, 0);
	/* another runtime's variable does not count */
	PARSE(NONE, "x\0-Xmx1g", "GOMEMLIMIT=1\0", &s);
	assert_false(s.heap_max.set);
}

static void what_makes_no_sense(void **state)
{
	static const char *const wrong[] = { "-Xmx",
					     "-Xmx-1",
					     "-Xmx1x",
					     "-Xmx1mm",
					     "-Xmx0x10",
					     "-Xmx.5",
					     "-Xmxnan",
					     "-Xmx99999999999999t",
					     "-XX:MaxRAMPercentage=101" };
	struct settings s;
	char cmdline[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		int length = snprintf(cmdline, sizeof(cmdline), "java%c%s", 0, wrong[i]);

		settings_parse(SETTINGS_JVM, cmdline, (size_t)length, "", 0, &s);
		assert_int_equal(s.rejected, 1);
		assert_false(s.heap_max.set || s.ram_percent.set);
		assert_non_null(strstr(s.problem, wrong[i]));
	}
	/* cut off at the end of what was read: not a value */
	PARSE(GO, "x", "GOMEMLIMIT=75", &s);
	assert_false(s.heap_max.set);
	settings_parse(SETTINGS_JVM, "", 0, "", 0, &s);
	settings_parse(SETTINGS_JVM, "java", 4, "=", 1, &s);
}

static void of_a_process(void **state)
{
	struct settings s;
	struct tree t;

	assert_int_equal(tree_new(&t), 0);
	assert_int_equal(settings_read(t.root, 9, &s), -ESRCH);
	tree_put(&t, "/proc/9/maps", "7f00-7f01 r-xp 0 0:1 5 /usr/lib/jvm/lib/server/libjvm.so\n");
	tree_put(&t, "/proc/9/environ", "");
	tree_put(&t, "/proc/9/cmdline", "java");
	assert_int_equal(settings_read(t.root, 9, &s), 0);
	assert_int_equal(s.kind, SETTINGS_JVM);
	tree_free(&t);
	assert_int_equal(settings_read("", getpid(), &s), 0);
	assert_int_equal(s.kind, SETTINGS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_java),	  cmocka_unit_test(the_last_one_wins),
		cmocka_unit_test(options_of_node_and_go), cmocka_unit_test(what_makes_no_sense),
		cmocka_unit_test(of_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is concluded from the options of Java and node, and from their files. */
#include "stack_program.h"

#include "stack/jit_process.h"

static struct jit_process with(enum jit_runtime runtime, const char *words, size_t length,
			       bool command_line)
{
	struct jit_process process = { .runtime = runtime };

	jit_process_options(&process, words, length, command_line);
	return process;
}

/* A command line, its words divided by NULs as in /proc. */
#define LINE(runtime, text) with(runtime, text, sizeof(text), true)
#define VARIABLE(runtime, text) with(runtime, text, strlen(text), false)

static void test_java(void **state)
{
	(void)state;
	assert_true(LINE(JIT_HOTSPOT, "java\0-XX:+PreserveFramePointer\0Main").frame_pointers);
	assert_false(LINE(JIT_HOTSPOT, "java\0-Xmx1g\0Main").frame_pointers);
	/* the last one wins */
	assert_false(LINE(JIT_HOTSPOT, "java\0-XX:+PreserveFramePointer\0"
				       "-XX:-PreserveFramePointer\0Main")
			     .frame_pointers);
	/* an option's value is no operand; what follows the program is the program's */
	assert_true(LINE(JIT_HOTSPOT, "java\0-cp\0a.jar:b.jar\0-XX:+PreserveFramePointer\0Main")
			    .frame_pointers);
	assert_false(LINE(JIT_HOTSPOT, "java\0Main\0-XX:+PreserveFramePointer").frame_pointers);
	assert_false(
		LINE(JIT_HOTSPOT, "java\0-jar\0a.jar\0-XX:+PreserveFramePointer").frame_pointers);
	assert_false(LINE(JIT_HOTSPOT, "-XX:+PreserveFramePointer\0Main").frame_pointers);
	assert_true(LINE(JIT_HOTSPOT, "java\0-XX:+DumpPerfMapAtExit\0Main").map_asked);
	assert_true(VARIABLE(JIT_HOTSPOT, "-Xmx1g  '-XX:+PreserveFramePointer'").frame_pointers);
	assert_false(VARIABLE(JIT_HOTSPOT, "-XX:+PreserveFramePointers").frame_pointers);
	assert_false(VARIABLE(JIT_HOTSPOT, "").frame_pointers);
}

static void test_node(void **state)
{
	(void)state;
	assert_true(LINE(JIT_NODE, "node\0--perf-basic-prof\0a.js").map_asked);
	assert_true(LINE(JIT_NODE, "node\0--perf_prof\0a.js").map_asked);
	assert_true(LINE(JIT_NODE, "node\0-r\0./x.js\0--perf-prof\0a.js").map_asked);
	assert_false(LINE(JIT_NODE, "node\0a.js\0--perf-basic-prof").map_asked);
	assert_false(LINE(JIT_HOTSPOT, "java\0--perf-prof\0Main").map_asked);
	assert_true(VARIABLE(JIT_NODE, "--interpreted-frames-native-stack").interpreted_frames);
}

/* Any bytes, cut anywhere. */
static void test_damaged(void **state)
{
	static const char line[] = "java\0-cp\0\0-\0-XX:+PreserveFramePointer\0--\0\xff";
	char *long_word = malloc(100000);
	size_t i;

	(void)state;
	memset(long_word, '-', 100000);
	with(JIT_HOTSPOT, long_word, 100000, true);
	with(JIT_NODE, long_word, 100000, false);
	free(long_word);
	for (i = 0; i <= sizeof(line); i++) {
		char *copy = malloc(i ? i : 1);

		memcpy(copy, line, i < sizeof(line) ? i : sizeof(line));
		with(JIT_HOTSPOT, copy, i < sizeof(line) ? i : sizeof(line), i % 2);
		free(copy);
	}
}

static void map_file(int to_test, void *data)
{
	int fd = open(data, O_RDONLY | O_CLOEXEC);
	uint64_t word = 1;

	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ||
	    write(to_test, &word, sizeof(word)) < 0)
		_exit(1);
}

/* Java is known by the library that it maps, and its release by the file at its home. */
static void test_release(void **state)
{
	struct jit_process found;
	struct still_process process;
	uint64_t word;
	char map[64];

	(void)state;
	run_command(
		"mkdir -p jdk/lib/server && head -c 4096 /dev/zero >jdk/lib/server/libjvm.so && "
		"echo 'JAVA_VERSION=\"21.0.2\"' >jdk/release");
	process = start_still(map_file, (void *)in_folder("jdk/lib/server/libjvm.so"));
	read_words(&process, &word, 1);
	assert_int_equal(jit_process_read(process.pid, &found), 0);
	assert_int_equal(found.runtime, JIT_HOTSPOT);
	assert_int_equal(found.release, 21);
	assert_false(found.frame_pointers);
	assert_false(found.has_map);
	run_command("echo 'JAVA_VERSION=\"1.8.0_402\"' >jdk/release");
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)process.pid);
	close(open(map, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(jit_process_read(process.pid, &found), 0);
	unlink(map);
	assert_int_equal(found.release, 8);
	assert_true(found.has_map);
	end_still(&process);
	assert_int_equal(jit_process_read(process.pid, &found), -ESRCH);
	assert_int_equal(jit_process_read(getpid(), &found), 0);
	assert_int_equal(found.runtime, JIT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_java),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_release),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

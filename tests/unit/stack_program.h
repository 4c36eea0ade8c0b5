/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds small programs at test time, and starts processes that hold still. */
#ifndef SEEP_TESTS_STACK_PROGRAM_H
#define SEEP_TESTS_STACK_PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder for this test program, removed at its end. */
static char work_folder[] = "/tmp/seep-test-XXXXXX";

static inline int make_work_folder(void **state)
{
	(void)state;
	unsetenv("DEBUGINFOD_URLS");
	return mkdtemp(work_folder) ? 0 : -1;
}

static inline int remove_work_folder(void **state)
{
	char command[sizeof(work_folder) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", work_folder);
	return system(command);
}

/* Runs a shell command in the folder; true when it succeeds. */
static inline bool try_command(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline bool try_command(const char *format, ...)
{
	char *command, *whole;
	va_list args;
	int status;

	va_start(args, format);
	assert_true(vasprintf(&command, format, args) >= 0);
	va_end(args);
	assert_true(asprintf(&whole, "cd %s && { %s ; } 2>errors", work_folder, command) >= 0);
	status = system(whole);
	free(command);
	free(whole);
	return status == 0;
}

#define run_command(...)                                                                           \
	do {                                                                                       \
		if (!try_command(__VA_ARGS__)) {                                                   \
			try_command("cat errors >&2");                                             \
			fail_msg("this failed: " __VA_ARGS__);                                     \
		}                                                                                  \
	} while (0)

static inline bool have_command(const char *name)
{
	return try_command("command -v %s >/dev/null", name);
}

/* The path of a file in the folder; the four latest stay valid. */
static inline const char *in_folder(const char *name)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", work_folder, name);
	return path;
}

static inline void write_file(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(in_folder(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static inline void write_source(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

/* All that the command prints; the caller frees it. */
static inline char *output_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline char *output_of(const char *format, ...)
{
	char *command, *whole, *text = NULL;
	size_t size = 0;
	ssize_t length;
	va_list args;
	FILE *pipe;

	va_start(args, format);
	assert_true(vasprintf(&command, format, args) >= 0);
	va_end(args);
	assert_true(asprintf(&whole, "cd %s && { %s ; }", work_folder, command) >= 0);
	pipe = popen(whole, "r");
	assert_non_null(pipe);
	length = getdelim(&text, &size, '\0', pipe);
	if (length < 0)
		text[0] = '\0';
	assert_int_equal(pclose(pipe), 0);
	free(command);
	free(whole);
	return text;
}

/* The value of a symbol as nm says. */
static inline uint64_t symbol_value(const char *file, const char *symbol)
{
	char *text = output_of("nm %s | sed -n 's/^\\([0-9a-f]*\\) . %s$/\\1/p'", file, symbol);
	uint64_t value = strtoull(text, NULL, 16);

	assert_true(value);
	free(text);
	return value;
}

/* A process that waits until it is ended. */
struct still_process {
	pid_t pid;
	int from; /* what it writes */
	int to; /* what it reads */
};

/*
 * Forks a process that calls `prepare`, which writes what the test must know to the
 * descriptor it is given, and then holds still until its descriptor 0 is closed.
 */
static inline struct still_process start_still(void (*prepare)(int to_test, void *data), void *data)
{
	struct still_process process;
	int from[2], to[2];

	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	process.pid = fork();
	assert_true(process.pid >= 0);
	if (!process.pid) {
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		close(to[1]);
		close(from[0]);
		prepare(from[1], data);
		close(from[1]);
		while (read(0, &byte, 1) > 0)
			;
		_exit(0);
	}
	close(from[1]);
	close(to[0]);
	process.from = from[0];
	process.to = to[1];
	return process;
}

static inline void read_words(const struct still_process *process, uint64_t *words, size_t nr)
{
	size_t size = nr * sizeof(*words), done = 0;

	while (done < size) {
		ssize_t n = read(process->from, (char *)words + done, size - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
}

/* Lets the process end, and waits for it. */
static inline void end_still(struct still_process *process)
{
	close(process->to);
	close(process->from);
	assert_int_equal(waitpid(process->pid, NULL, 0), process->pid);
}

static inline void exec_prepare(int to_test, void *data)
{
	const char *path = data;

	dup2(to_test, 1);
	execl(path, path, (char *)NULL);
	_exit(127);
}

/*
 * Starts a program that writes 64-bit words to descriptor 1 and then reads descriptor 0:
 * PROGRAM_WAITS is its main for C and C++, which writes the addresses of the functions.
 */
static inline struct still_process start_program(const char *path)
{
	return start_still(exec_prepare, (void *)path);
}

#define PROGRAM_WAITS(functions)                                                                   \
	"#include <unistd.h>\n"                                                                    \
	"int main(void)\n{\n"                                                                      \
	"\tvoid *addresses[] = { " functions " };\n\tchar byte;\n"                                 \
	"\tif (write(1, addresses, sizeof(addresses)) < 0) return 1;\n"                            \
	"\twhile (read(0, &byte, 1) > 0) ;\n\treturn 0;\n}\n"

#endif

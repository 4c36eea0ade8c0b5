// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how HotSpot and node are asked for stacks that can be walked and named. HotSpot's
 * compiled code uses the frame pointer as any other register unless it is told not to, and
 * no table describes its frames; V8's keeps it. Both write the names of their code only
 * when asked.
 *
 * Options come from where the runtimes take them: the command line up to the first operand, and
 * the environment (as it was when the program started). What is in @files and other files is
 * not seen, so "not asked" is only probable.
 */
#include "stack/jit_process.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/maps.h"
#include "proc/proc_file.h"
#include "proc/process.h"
#include "stack/root_file.h"

enum {
	MAX_TEXT = 1 << 21, /* bytes of a command line, an environment */
	MAX_RELEASE = 1 << 14, /* of Java's file "release" */
};

struct option {
	enum jit_runtime runtime;
	const char *word;
	size_t field; /* a bool of struct jit_process */
	bool value;
};

#define SETS(field) offsetof(struct jit_process, field)

static const struct option options[] = {
	{ JIT_HOTSPOT, "-XX:+PreserveFramePointer", SETS(frame_pointers), true },
	{ JIT_HOTSPOT, "-XX:-PreserveFramePointer", SETS(frame_pointers), false },
	{ JIT_HOTSPOT, "-XX:+DumpPerfMapAtExit", SETS(map_asked), true },
	{ JIT_HOTSPOT, "-XX:-DumpPerfMapAtExit", SETS(map_asked), false },
	{ JIT_NODE, "--perf-basic-prof", SETS(map_asked), true },
	{ JIT_NODE, "--perf-basic-prof-only-functions", SETS(map_asked), true },
	{ JIT_NODE, "--perf-prof", SETS(map_asked), true },
	{ JIT_NODE, "--interpreted-frames-native-stack", SETS(interpreted_frames), true },
};

/* Options of the java launcher whose value is the next word. */
static const char *const java_with_value[] = {
	"-cp",
	"-classpath",
	"--class-path",
	"-p",
	"--module-path",
	"--add-modules",
	"--add-exports",
	"--add-opens",
	"--add-reads",
	"--source",
	"--patch-module",
	"--upgrade-module-path",
	"--limit-modules",
	"--enable-native-access",
};

static bool has_value(const struct jit_process *process, const char *word)
{
	size_t i;

	if (process->runtime == JIT_NODE)
		return !strcmp(word, "-r") || !strcmp(word, "--require") ||
		       !strcmp(word, "--import") || !strcmp(word, "-C");
	for (i = 0; i < sizeof(java_with_value) / sizeof(*java_with_value); i++) {
		if (!strcmp(word, java_with_value[i]))
			return true;
	}
	return false;
}

/* V8 takes "_" for "-" in its options. */
static bool is_word(const char *option, const char *word)
{
	for (; *option; option++, word++) {
		if (*option != *word && !(*option == '-' && *word == '_'))
			return false;
	}
	return !*word;
}

static void apply(struct jit_process *process, const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		const struct option *option = &options[i];

		if (option->runtime == process->runtime && is_word(option->word, word))
			*(bool *)((char *)process + option->field) = option->value;
	}
}

static bool is_separator(char c, bool command_line)
{
	return !c || (!command_line && (isspace((unsigned char)c) || c == '"' || c == '\''));
}

void jit_process_options(struct jit_process *process, const char *words, size_t length,
			 bool command_line)
{
	bool first = command_line, skip = false;
	size_t i = 0;

	while (i < length) {
		char word[128];
		size_t start = i, size;

		while (i < length && !is_separator(words[i], command_line))
			i++;
		size = i++ - start;
		if (!size && !command_line)
			continue;
		/* Longer than any that is known; its start tells what follows. */
		snprintf(word, sizeof(word), "%.*s", (int)(size < 127 ? size : 127), words + start);
		if (!first && !skip) {
			if (command_line && (*word != '-' || !strcmp(word, "-jar") ||
					     !strcmp(word, "-m") || !strcmp(word, "--")))
				return;
			apply(process, word);
		}
		skip = !first && !skip && command_line && has_value(process, word);
		first = false;
	}
}

/* The value of a variable in the environment's text. */
static const char *variable(const char *text, size_t length, const char *name)
{
	const char *end = text + length;
	size_t size = strlen(name);

	while (text < end) {
		if (!strncmp(text, name, size) && text[size] == '=')
			return text + size + 1;
		text += strlen(text) + 1;
	}
	return NULL;
}

static void apply_variable(struct jit_process *process, const char *text, size_t length,
			   const char *name)
{
	const char *value = variable(text, length, name);

	if (value)
		jit_process_options(process, value, strlen(value), false);
}

/* In the order in which the runtimes take them: the last one wins. */
static int read_options(pid_t pid, struct jit_process *process)
{
	__cleanup(free_text)
	char *line = NULL;
	__cleanup(free_text)
	char *environment = NULL;
	size_t line_length = 0, length = 0;
	int err = proc_file_read(pid, "cmdline", MAX_TEXT, &line, &line_length);

	if (!err)
		err = proc_file_read(pid, "environ", MAX_TEXT, &environment, &length);
	if (err)
		return err;
	if (process->runtime == JIT_HOTSPOT) {
		apply_variable(process, environment, length, "JAVA_TOOL_OPTIONS");
		apply_variable(process, environment, length, "JDK_JAVA_OPTIONS");
	} else {
		apply_variable(process, environment, length, "NODE_OPTIONS");
	}
	jit_process_options(process, line, line_length, true);
	if (process->runtime == JIT_HOTSPOT)
		apply_variable(process, environment, length, "_JAVA_OPTIONS");
	return 0;
}

/* JAVA_VERSION="17.0.15" or "1.8.0_402" in HOME/release; libjvm.so is in HOME/lib/server. */
static unsigned int java_release(pid_t pid, const char *libjvm)
{
	static const char key[] = "JAVA_VERSION=\"";
	__cleanup(free_text)
	char *path = NULL;
	char text[MAX_RELEASE + 1], *found;
	unsigned int major = 0, minor = 0;
	ssize_t length;
	int fd;

	if (asprintf(&path, "%.*s/../../release", (int)(strrchr(libjvm, '/') - libjvm), libjvm) <
	    0) {
		path = NULL;
		return 0;
	}
	fd = root_file_open(pid, path);
	if (fd < 0)
		return 0;
	length = read(fd, text, MAX_RELEASE);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	found = strstr(text, key);
	if (!found || sscanf(found + strlen(key), "%u.%u", &major, &minor) < 1)
		return 0;
	return major == 1 ? minor : major;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void look_at_maps(pid_t pid, pid_t ns_pid, const struct maps *maps,
			 struct jit_process *process)
{
	char dump[sizeof("jit-.dump") + 12];
	size_t i;

	snprintf(dump, sizeof(dump), "jit-%d.dump", (int)ns_pid);
	for (i = 0; i < maps->nr; i++) {
		const struct mapping *mapping = &maps->items[i];
		const char *name = base_name(mapping->path);

		if (!mapping->executable || !mapping->inode)
			continue;
		if (!strcmp(name, "libjvm.so") && process->runtime == JIT_NONE) {
			process->runtime = JIT_HOTSPOT;
			process->release = java_release(pid, mapping->path);
		} else if (!strcmp(name, "node") || !strcmp(name, "nodejs") ||
			   !strncmp(name, "libnode.so", 10)) {
			process->runtime = JIT_NODE;
		}
		process->has_dump |= !strcmp(name, dump);
	}
	process->frame_pointers = process->runtime == JIT_NODE;
}

static bool has_perf_map(pid_t pid, pid_t ns_pid)
{
	char path[sizeof("/tmp/perf-.map") + 12];
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)ns_pid);
	fd = root_file_open(pid, path);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int jit_process_read(pid_t pid, struct jit_process *ret_process)
{
	struct jit_process process = { 0 };
	struct process_info info;
	struct maps maps = { 0 };
	int err = process_read(pid, &info);

	if (!err)
		err = maps_read(pid, &maps);
	if (err)
		return err;
	look_at_maps(pid, info.ns_pid, &maps, &process);
	maps_free(&maps);
	if (process.runtime != JIT_NONE)
		err = read_options(pid, &process);
	if (err)
		return err;
	process.has_map = has_perf_map(pid, info.ns_pid);
	*ret_process = process;
	return 0;
}

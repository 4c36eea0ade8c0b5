// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the file of features and the question whether it is of this boot, program and
 * privilege. A file that is anything else, or damaged, is as good as none. It must not know
 * how features are found.
 */
#include "attach/features_cache.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/private_folder.h"

#define FILE_NAME "tried"

enum {
	KEY_SIZE = 512,
	TEXT_SIZE = KEY_SIZE + 256,
	FLAGS = 5,
};

/* The first line of a small file that begins with `prefix`, without it. */
static bool line_of(const char *path, const char *prefix, size_t size, char *ret_line)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		size_t length = strlen(prefix);

		found = !strncmp(line, prefix, length);
		line[strcspn(line, "\n")] = '\0';
		if (found)
			snprintf(ret_line, size, "%s", line + length);
	}
	if (file)
		fclose(file);
	return found;
}

/* All that the trials depend on, in one line. */
static bool make_key(char ret_key[KEY_SIZE])
{
	char boot[64], capabilities[32], seccomp[8] = "", user_namespace[32] = "";
	struct stat program;

	if (!line_of("/proc/sys/kernel/random/boot_id", "", sizeof(boot), boot) ||
	    !line_of("/proc/self/status", "CapEff:\t", sizeof(capabilities), capabilities) ||
	    stat("/proc/self/exe", &program) < 0)
		return false;
	line_of("/proc/self/status", "Seccomp:\t", sizeof(seccomp), seccomp);
	if (readlink("/proc/self/ns/user", user_namespace, sizeof(user_namespace) - 1) < 0)
		return false;
	snprintf(ret_key, KEY_SIZE, "seep %s %llx:%llx:%llx:%lld.%09ld boot %s can %s/%s in %s",
		 SEEP_VERSION, (unsigned long long)program.st_dev,
		 (unsigned long long)program.st_ino, (unsigned long long)program.st_size,
		 (long long)program.st_mtim.tv_sec, program.st_mtim.tv_nsec, boot, capabilities,
		 seccomp, user_namespace);
	return true;
}

static void flags_of(struct features *f, bool *ret_flags[FLAGS])
{
	ret_flags[0] = &f->call_entries;
	ret_flags[1] = &f->late_allocation;
	ret_flags[2] = &f->nop5_is_free;
	ret_flags[3] = &f->returns_kill_filtered;
	ret_flags[4] = &f->find_vma;
}

static size_t print_features(char *text, size_t size, bool all, const struct features *features)
{
	struct features copy = *features;
	bool *flags[FLAGS];
	size_t used = snprintf(text, size, "%d %d", all, features->best);

	flags_of(&copy, flags);
	for (int mode = 0; mode < ATTACH_MODES; mode++)
		used += snprintf(text + used, size - used, " %d %d", features->works[mode],
				 features->error[mode]);
	for (int i = 0; i < FLAGS; i++)
		used += snprintf(text + used, size - used, " %d", *flags[i]);
	return used + snprintf(text + used, size - used, " end\n");
}

/* One number between the two, and what follows it. */
static bool take(const char **text, int least, int most, int *ret_value)
{
	int used = 0;

	if (sscanf(*text, "%d%n", ret_value, &used) != 1 || *ret_value < least || *ret_value > most)
		return false;
	*text += used;
	return true;
}

static bool parse_features(const char *text, bool *ret_all, struct features *ret_features)
{
	struct features features = *ret_features;
	bool *flags[FLAGS];
	int value, all;

	flags_of(&features, flags);
	if (!take(&text, 0, 1, &all) || !take(&text, 0, ATTACH_NONE, &value))
		return false;
	features.best = value;
	for (int mode = 0; mode < ATTACH_MODES; mode++) {
		if (!take(&text, 0, 1, &value) || !take(&text, -4095, 0, &features.error[mode]))
			return false;
		features.works[mode] = value;
	}
	for (int i = 0; i < FLAGS; i++) {
		if (!take(&text, 0, 1, &value))
			return false;
		*flags[i] = value;
	}
	if (strcmp(text, " end\n") != 0)
		return false;
	*ret_all = all;
	*ret_features = features;
	return true;
}

static ssize_t read_file(int folder, char *text, size_t size)
{
	__cleanup(close_fd)
	int fd = openat(folder, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -1 : read(fd, text, size);
}

bool features_recall(const char *directory, bool all, struct features *ret_features)
{
	__cleanup(close_fd)
	int folder = private_folder_open(directory, "features");
	char key[KEY_SIZE], text[TEXT_SIZE + 1];
	struct features features = *ret_features;
	ssize_t length = folder < 0 ? -1 : read_file(folder, text, TEXT_SIZE);
	bool all_tried = false;

	if (length <= 0 || !make_key(key))
		return false;
	text[length] = '\0';
	length = strlen(key);
	if (strncmp(text, key, length) != 0 || text[length] != '\n' ||
	    !parse_features(text + length + 1, &all_tried, &features) || (all && !all_tried))
		return false;
	*ret_features = features;
	return true;
}

void features_remember(const char *directory, bool all, const struct features *features)
{
	__cleanup(close_fd)
	int folder = private_folder_open(directory, "features"), fd = -1;
	char text[TEXT_SIZE], part[64];
	size_t length;

	if (folder < 0 || !make_key(text))
		return;
	length = strlen(text);
	text[length++] = '\n';
	length += print_features(text + length, sizeof(text) - length, all, features);
	snprintf(part, sizeof(part), "%s.%d", FILE_NAME, getpid());
	unlinkat(folder, part, 0);
	fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, length) != (ssize_t)length ||
	    renameat(folder, part, folder, FILE_NAME) < 0)
		unlinkat(folder, part, 0);
}

void features_forget(const char *directory)
{
	__cleanup(close_fd)
	int folder = private_folder_open(directory, "features");

	if (folder >= 0)
		unlinkat(folder, FILE_NAME, 0);
}

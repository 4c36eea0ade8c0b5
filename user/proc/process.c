/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What /proc/PID/{stat,status,statm,limits,exe} say, as numbers. Formats: proc(5) and
 * fs/proc/array.c. The name of a process is foreign and may hold blanks, parentheses and
 * newlines, hence stat is read from its last ')'. Knows nothing of maps, cgroups, ELF
 * symbols.
 */
#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "proc/proc_file.h"
#include "proc/process.h"

enum {
	TEXT_LIMIT = 1 << 16,
	LINK_LIMIT = 1 << 16,
	FORKS_MOST = 64, /* from one process down to another */
};

/* PF_KTHREAD of include/linux/sched.h, in the ninth field of stat. */
#define KERNEL_THREAD_FLAG 0x00200000UL

/* The value after "Name:\t" at the start of a line of status; NULL none. */
static const char *status_value(const char *status, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

static uint64_t status_number(const char *status, const char *name)
{
	const char *value = status_value(status, name);

	return value ? strtoull(value, NULL, 10) : 0;
}

static bool status_has_word(const char *status, const char *name, const char *word)
{
	const char *value = status_value(status, name), *found;

	if (!value)
		return false;
	found = strstr(value, word);
	return found && found < value + strcspn(value, "\n");
}

/* NSpid lists the pid in each namespace, innermost last. */
static pid_t innermost_pid(const char *status, pid_t pid)
{
	const char *value = status_value(status, "NSpid");
	char *end;

	while (value && isdigit((unsigned char)*value)) {
		pid = strtol(value, &end, 10);
		value = end + strspn(end, " \t");
	}
	return pid;
}

/* Fields 3 and on of stat follow the name's closing parenthesis; field 1 is the pid. */
static const char *stat_field(const char *stat, int number)
{
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < number; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at;
}

static uint64_t stat_number(const char *stat, int number)
{
	const char *field = stat_field(stat, number);

	return field ? strtoull(field, NULL, 10) : 0;
}

static void stat_name(const char *stat, char *name, size_t size)
{
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	size_t length = open && close > open ? (size_t)(close - open - 1) : 0;

	if (length >= size)
		length = size - 1;
	if (length)
		memcpy(name, open + 1, length);
	name[length] = '\0';
}

int process_read(pid_t pid, struct process_info *ret_info)
{
	__cleanup(free_text)
	char *stat = NULL;
	__cleanup(free_text)
	char *status = NULL;
	struct process_info info = { .pid = pid };
	const char *state;
	size_t length;
	int err = proc_file_read(pid, "stat", TEXT_LIMIT, &stat, &length);

	if (!err)
		err = proc_file_read(pid, "status", TEXT_LIMIT, &status, &length);
	if (err)
		return err;
	state = stat_field(stat, 3);
	/* The first thread may be a zombie while others of the process live on. */
	if (!state || ((*state == 'Z' || *state == 'X') && status_number(status, "Threads") <= 1))
		return -ESRCH;
	info.parent = stat_number(stat, 4);
	info.kernel_thread = stat_number(stat, 9) & KERNEL_THREAD_FLAG;
	info.start_ticks = stat_number(stat, 22);
	info.code_start = stat_number(stat, 26);
	info.stack_start = stat_number(stat, 28);
	info.ns_pid = innermost_pid(status, pid);
	info.rss_bytes = status_number(status, "VmRSS") * 1024;
	info.anonymous_bytes = status_number(status, "RssAnon") * 1024;
	info.uid = status_number(status, "Uid");
	info.seccomp_filter = status_number(status, "Seccomp") == 2;
	info.shadow_stack = status_has_word(status, "x86_Thread_features", "shstk");
	stat_name(stat, info.comm, sizeof(info.comm));
	*ret_info = info;
	return 0;
}

static bool same_image(const struct process_info *a, const struct process_info *b)
{
	return a->stack_start && a->stack_start == b->stack_start && a->code_start == b->code_start;
}

bool process_is_fork_of(pid_t pid, pid_t ancestor)
{
	struct process_info of, info = { .parent = pid };

	if (pid == ancestor || process_read(ancestor, &of))
		return false;
	for (int i = 0; i < FORKS_MOST && info.parent != ancestor; i++)
		if (process_read(info.parent, &info) || !same_image(&info, &of))
			return false;
	return info.parent == ancestor;
}

bool process_runs_own_program(pid_t pid)
{
	char link[sizeof("/proc//exe") + 12];
	struct stat theirs, own;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	return !stat(link, &theirs) && !stat("/proc/self/exe", &own) &&
	       theirs.st_dev == own.st_dev && theirs.st_ino == own.st_ino;
}

char *process_exe(pid_t pid, bool *ret_deleted)
{
	static const char suffix[] = " (deleted)";
	char link[sizeof("/proc//exe") + 12];
	size_t cut = sizeof(suffix) - 1;
	char *path = NULL;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	for (size_t size = 256; size <= LINK_LIMIT; size *= 2) {
		char *grown = realloc(path, size);
		ssize_t length;

		if (!grown)
			break;
		path = grown;
		length = readlink(link, path, size);
		if (length < 0)
			break;
		if ((size_t)length == size)
			continue;
		path[length] = '\0';
		*ret_deleted = (size_t)length > cut && strcmp(path + length - cut, suffix) == 0;
		if (*ret_deleted)
			path[length - cut] = '\0';
		return path;
	}
	free(path);
	return NULL;
}

int process_machine(pid_t pid, uint16_t *ret_machine, uint8_t *ret_class)
{
	char path[sizeof("/proc//exe") + 12];
	unsigned char head[EI_NIDENT + 4];
	__cleanup(close_fd)
	int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	got = pread(fd, head, sizeof(head), 0);
	if (got < 0)
		return -errno;
	if (got != sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	/* e_machine has the same place in both classes. */
	if (head[EI_DATA] == ELFDATA2MSB)
		*ret_machine = head[18] << 8 | head[19];
	else
		*ret_machine = head[19] << 8 | head[18];
	*ret_class = head[EI_CLASS];
	return 0;
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	return clock_gettime(clock, &now) == 0 ? now.tv_sec + now.tv_nsec / 1e9 : 0;
}

double process_started(const struct process_info *info)
{
	long hz = sysconf(_SC_CLK_TCK);

	if (hz <= 0)
		return 0;
	return seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + (double)info->start_ticks / hz;
}

uint64_t process_rss(pid_t pid)
{
	__cleanup(free_text)
	char *text = NULL;
	uint64_t pages;
	size_t length;

	if (proc_file_read(pid, "statm", TEXT_LIMIT, &text, &length) != 0 ||
	    sscanf(text, "%*u %" SCNu64, &pages) != 1)
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

static bool soft_limit_set(const char *limits, const char *name)
{
	const char *line = strstr(limits, name);

	if (!line)
		return false;
	line += strlen(name);
	line += strspn(line, " ");
	return isdigit((unsigned char)*line);
}

/* A letter of proc(5); 0: there is none, as nothing is there. */
static char state_of(pid_t pid)
{
	const char *end;
	size_t length;
	char *text, state;

	if (proc_file_read(pid, "stat", TEXT_LIMIT, &text, &length))
		return '\0';
	/* The name before it may hold anything; proc(5) */
	end = strrchr(text, ')');
	state = end && end[1] == ' ' ? end[2] : '\0';
	free(text);
	return state;
}

bool process_is_stopped(pid_t pid)
{
	return state_of(pid) == 'T';
}

bool process_has_ended(pid_t pid)
{
	char state = state_of(pid);

	return !state || state == 'Z' || state == 'X';
}

bool process_memory_limited(pid_t pid)
{
	__cleanup(free_text)
	char *text = NULL;
	size_t length;

	if (proc_file_read(pid, "limits", TEXT_LIMIT, &text, &length) != 0)
		return false;
	return soft_limit_set(text, "Max address space") || soft_limit_set(text, "Max data size");
}

static bool is_kernel_thread(pid_t pid)
{
	__cleanup(free_text)
	char *stat = NULL;
	size_t length;

	return proc_file_read(pid, "stat", TEXT_LIMIT, &stat, &length) == 0 &&
	       stat_number(stat, 9) & KERNEL_THREAD_FLAG;
}

int process_list(pid_t **ret_pids, size_t *ret_nr)
{
	pid_t *pids = NULL;
	size_t nr = 0, cap = 0;
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int err = 0;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		pid_t *item;

		if (!isdigit((unsigned char)entry->d_name[0]) || *end || is_kernel_thread(pid))
			continue;
		item = vec_push(&pids, &nr, &cap);
		if (!item) {
			err = -ENOMEM;
			break;
		}
		*item = pid;
	}
	closedir(proc);
	if (err) {
		free(pids);
		return err;
	}
	*ret_pids = pids;
	*ret_nr = nr;
	return 0;
}

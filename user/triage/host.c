// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a look at the host, and what is kept from one to the next so that it stays cheap. Of a
 * process's files stat costs 13 us, status 20 and cgroup 10, most of that in the kernel; so stat
 * alone is read each time. Anonymous memory comes by page faults and goes by giving pages
 * back: while stat's count of faults and its resident pages are what they were, status would say
 * what it said. The cgroup is read once, but again for the young: those who start services move
 * them after they were forked.
 *
 * Both listings are by pid, so the last look and this one are joined by walking side by
 * side. Knows nothing of growth.
 */
#include "triage/host.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "triage/cgroups.h"
#include "triage/process_text.h"

enum {
	MAX_PROCESSES = 32768,
	MAX_CGROUPS = 4096,
	/* The list of groups in status is the user's: up to 64k numbers before the figures */
	TEXT_BOUND = 1 << 20,
	TEXT_FIRST = 1 << 14,
	NOWHERE_EVERY = 16, /* looks until a process without a cgroup is asked again */
};

static const double YOUNG_SECONDS = 10;

/* What is known of a process beyond what a look says of it. */
struct memo {
	uint64_t faults, resident; /* at which status was read */
	uint32_t cgroup; /* as cgroups.h numbers them */
	double cgroup_until; /* uptime from which on the cgroup stays */
};

struct listing {
	struct host_process *processes;
	struct memo *memos; /* as many */
	size_t nr, cap;
};

struct host {
	char *root;
	size_t max_processes;
	uint64_t page;
	long ticks; /* a second */
	struct cgroups *cgroups;
	struct listing now, before;
	unsigned int looks;
	pid_t *pids;
	size_t nr_pids, cap_pids;
	char *text; /* of the file read last */
	size_t cap_text;
	int proc; /* the folder; only during a look */
	struct host_look look;
};

int host_open(const struct host_options *options, struct host **ret_host)
{
	static const struct host_options defaults;
	const struct host_options *o = options ? options : &defaults;
	struct host *host = calloc(1, sizeof(*host));

	if (!host)
		return -ENOMEM;
	host->proc = -1;
	host->root = strdup(o->root ? o->root : "");
	host->max_processes = o->max_processes ? o->max_processes : MAX_PROCESSES;
	host->page = sysconf(_SC_PAGESIZE);
	host->ticks = sysconf(_SC_CLK_TCK);
	host->cap_text = TEXT_FIRST;
	host->text = malloc(host->cap_text + 1);
	if (host->root)
		host->cgroups =
			cgroups_new(host->root, o->max_cgroups ? o->max_cgroups : MAX_CGROUPS);
	if (!host->root || !host->text || !host->cgroups) {
		host_close(host);
		return -ENOMEM;
	}
	*ret_host = host;
	return 0;
}

static void listing_free(struct listing *listing)
{
	free(listing->processes);
	free(listing->memos);
}

void host_close(struct host *host)
{
	if (!host)
		return;
	cgroups_free(host->cgroups);
	listing_free(&host->now);
	listing_free(&host->before);
	free(host->pids);
	free(host->text);
	free(host->root);
	free(host);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	return clock_gettime(clock, &now) == 0 ? now.tv_sec + now.tv_nsec / 1e9 : 0;
}

/* The whole text of a process's file, into host->text. */
static int read_file(struct host *host, pid_t pid, const char *name)
{
	char path[64];
	size_t length = 0;
	__cleanup(close_fd)
	int fd = -1;

	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	fd = openat(host->proc, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t got = read(fd, host->text + length, host->cap_text - length);

		if (got < 0 && errno != EINTR)
			return -errno;
		length += got > 0 ? got : 0;
		/* proc gives a file whole, or as much as there is room for */
		if (got >= 0 && length < host->cap_text)
			break;
		if (length == host->cap_text) {
			char *grown = host->cap_text < TEXT_BOUND
					      ? realloc(host->text, host->cap_text * 2 + 1)
					      : NULL;

			if (!grown)
				return host->cap_text < TEXT_BOUND ? -ENOMEM : -EBADMSG;
			host->text = grown;
			host->cap_text *= 2;
		}
	}
	host->text[length] = '\0';
	return 0;
}

static int by_pid(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

	return (a > b) - (a < b);
}

static int read_pids(struct host *host, DIR *folder)
{
	struct dirent *entry;

	host->nr_pids = 0;
	while ((entry = readdir(folder))) {
		char *end;
		long pid;
		pid_t *item;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = strtol(entry->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT_MAX)
			continue;
		if (host->nr_pids == host->max_processes) {
			host->look.left_out++;
			continue;
		}
		item = vec_push(&host->pids, &host->nr_pids, &host->cap_pids);
		if (!item)
			return -ENOMEM;
		*item = pid;
	}
	qsort(host->pids, host->nr_pids, sizeof(*host->pids), by_pid);
	return 0;
}

/* Room for one process more, its fields zeroed. */
static int listing_add(struct listing *listing)
{
	if (listing->nr == listing->cap) {
		size_t want = listing->cap ? listing->cap * 2 : 256;
		struct host_process *processes =
			reallocarray(listing->processes, want, sizeof(*processes));
		struct memo *memos;

		if (!processes)
			return -ENOMEM;
		listing->processes = processes;
		memos = reallocarray(listing->memos, want, sizeof(*memos));
		if (!memos)
			return -ENOMEM;
		listing->memos = memos;
		listing->cap = want;
	}
	memset(&listing->processes[listing->nr], 0, sizeof(*listing->processes));
	memset(&listing->memos[listing->nr], 0, sizeof(*listing->memos));
	listing->nr++;
	return 0;
}

static void read_cgroup(struct host *host, struct host_process *process, struct memo *memo)
{
	/* Without the file it is nowhere: a kernel without cgroups, or a process that ends now. */
	if (read_file(host, process->pid, "cgroup") != 0)
		host->text[0] = '\0';
	memo->cgroup = cgroups_find(host->cgroups, host->text, &host->look.left_out);
}

/* What only status says, when it can have changed. */
static int read_memory(struct host *host, struct host_process *process, struct memo *memo,
		       const struct host_process *last)
{
	int err;

	if (last && memo->faults == process->faults && memo->resident == process->resident) {
		process->uid = last->uid;
		process->anonymous = last->anonymous;
		process->shared = last->shared;
		process->swap = last->swap;
		return 0;
	}
	err = read_file(host, process->pid, "status");
	err = err ?: process_text_status(host->text, process);
	memo->faults = process->faults;
	memo->resident = process->resident;
	return err;
}

static int read_one(struct host *host, pid_t pid, const struct host_process *last,
		    const struct memo *last_memo, struct host_process *process, struct memo *memo)
{
	int err = read_file(host, pid, "stat");
	double started;
	bool ask;

	process->pid = pid;
	memo->cgroup = HOST_NO_CGROUP;
	err = err ?: process_text_stat(host->text, host->page, process);
	if (err || process->kernel_thread)
		return err;
	if (last && last->start_ticks != process->start_ticks)
		last = NULL;
	if (last)
		*memo = *last_memo;
	err = read_memory(host, process, memo, last);
	if (err)
		return err;
	started = (double)process->start_ticks / (double)host->ticks;
	if (!last)
		memo->cgroup_until = started + YOUNG_SECONDS;
	ask = !last || strcmp(last->comm, process->comm) != 0 ||
	      host->look.uptime < memo->cgroup_until;
	if (memo->cgroup == HOST_NO_CGROUP)
		ask |= (host->looks + (unsigned int)pid) % NOWHERE_EVERY == 0;
	if (ask)
		read_cgroup(host, process, memo);
	return 0;
}

static void count_problem(struct host_look *look, int err)
{
	if (err == -ENOENT || err == -ESRCH)
		look->vanished++;
	else
		look->unreadable++;
}

static int read_processes(struct host *host)
{
	struct listing *now = &host->now, *before = &host->before;
	size_t at = 0;

	now->nr = 0;
	for (size_t i = 0; i < host->nr_pids; i++) {
		struct host_process *last = NULL;
		int err = listing_add(now);

		while (at < before->nr && before->processes[at].pid < host->pids[i])
			at++;
		if (at < before->nr && before->processes[at].pid == host->pids[i])
			last = &before->processes[at];
		if (err)
			return err;
		err = read_one(host, host->pids[i], last, last ? &before->memos[at] : NULL,
			       &now->processes[now->nr - 1], &now->memos[now->nr - 1]);
		if (err == -ENOMEM)
			return err;
		if (err) {
			count_problem(&host->look, err);
			now->nr--;
		} else if (now->memos[now->nr - 1].cgroup != HOST_NO_CGROUP) {
			cgroups_count(host->cgroups, now->memos[now->nr - 1].cgroup);
		}
	}
	return 0;
}

/* Processes know cgroups by numbers that may have changed. */
static int sweep_cgroups(struct host *host)
{
	uint32_t *moved;
	int err = cgroups_sweep(host->cgroups, &moved);

	if (err)
		return err;
	for (size_t i = 0; moved && i < host->before.nr; i++)
		if (host->before.memos[i].cgroup != HOST_NO_CGROUP)
			host->before.memos[i].cgroup = moved[host->before.memos[i].cgroup];
	free(moved);
	return 0;
}

static int take_look(struct host *host)
{
	struct host_look *look = &host->look;
	int err = sweep_cgroups(host);

	if (err)
		return err;
	limits_read_host(host->root, &look->memory);
	cgroups_begin(host->cgroups);
	err = read_processes(host);
	err = err ?: cgroups_look(host->cgroups, &look->memory, &look->cgroups, &look->nr_cgroups);
	if (err)
		return err;
	for (size_t i = 0; i < host->now.nr; i++)
		host->now.processes[i].cgroup =
			cgroups_place(host->cgroups, host->now.memos[i].cgroup);
	look->processes = host->now.processes;
	look->nr_processes = host->now.nr;
	return 0;
}

int host_look(struct host *host, const struct host_look **ret_look)
{
	double began = seconds(CLOCK_THREAD_CPUTIME_ID);
	__cleanup(free_text)
	char *path = NULL;
	struct listing swap;
	DIR *folder;
	int err;

	if (asprintf(&path, "%s/proc", host->root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	folder = opendir(path);
	if (!folder)
		return -errno;
	swap = host->before;
	host->before = host->now;
	host->now = swap;
	host->look = (struct host_look){ .time = seconds(CLOCK_MONOTONIC),
					 .uptime = seconds(CLOCK_BOOTTIME) };
	host->looks++;
	host->proc = dirfd(folder);
	err = read_pids(host, folder);
	err = err ?: take_look(host);
	closedir(folder);
	host->proc = -1;
	if (err) {
		host->now.nr = 0;
		return err;
	}
	host->look.cpu_seconds = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
	*ret_look = &host->look;
	return 0;
}

const struct host_process *host_find(const struct host_look *look, pid_t pid)
{
	size_t low = 0, high = look->nr_processes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (look->processes[middle].pid == pid)
			return &look->processes[middle];
		if (look->processes[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

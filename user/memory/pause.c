// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the holding of a process: PTRACE_SEIZE and PTRACE_INTERRUPT of every thread. Unlike
 * SIGSTOP nobody else can see it (no SIGCHLD, no job control), and the kernel undoes it when we
 * end, even by SIGKILL (exit_ptrace in kernel/ptrace.c). A system call that slept is
 * restarted or ends with EINTR, as after any signal that is handled.
 *
 * Threads may be born while others are being stopped, so the list of threads is read until
 * nothing new is in it. What a thread reports instead of our interrupt, a signal that came
 * at the same moment, is given to it when it goes on.
 */
#include "memory/pause.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/vec.h"
#include "proc/proc_file.h"
#include "proc/process.h"

enum {
	STOP_LIMIT_MS = 2000, /* for one thread to stop */
	ROUNDS = 64, /* of looking for new threads */
	STATUS_LIMIT = 64 << 10,
};

struct held_thread {
	pid_t tid;
	bool stopped;
	int signal; /* that it must be given when it goes on; 0 none */
};

struct pause {
	struct held_thread *threads;
	size_t nr, cap;
	double began;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static bool is_held(const struct pause *pause, pid_t tid)
{
	for (size_t i = pause->nr; i--;)
		if (pause->threads[i].tid == tid)
			return true;
	return false;
}

static bool is_traced(pid_t tid)
{
	size_t length;
	const char *line;
	char *text;
	bool traced;

	if (proc_file_read(tid, "status", STATUS_LIMIT, &text, &length))
		return false;
	line = strstr(text, "\nTracerPid:");
	traced = line && strtol(line + strlen("\nTracerPid:"), NULL, 10) > 0;
	free(text);
	return traced;
}

/* 0, also for a thread that has just ended. */
static int seize(struct pause *pause, pid_t tid)
{
	struct held_thread *thread;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL)) {
		int err = errno;

		/* EPERM is also what one that is traced already gives, or that has ended. */
		if (err == ESRCH || process_has_ended(tid))
			return 0;
		return err != EPERM ? -err : is_traced(tid) ? -EBUSY : -EACCES;
	}
	thread = vec_push(&pause->threads, &pause->nr, &pause->cap);
	if (!thread) {
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		return -ENOMEM;
	}
	thread->tid = tid;
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return 0;
}

/* Seizes the threads that are not held yet; how many, or -errno. */
static int seize_new(pid_t pid, struct pause *pause)
{
	char path[sizeof("/proc//task") + 12];
	struct dirent *entry;
	size_t before = pause->nr;
	int err = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(tasks))) {
		pid_t tid = strtol(entry->d_name, NULL, 10);

		if (tid > 0 && !is_held(pause, tid))
			err = seize(pause, tid);
	}
	closedir(tasks);
	return err ? err : (int)(pause->nr - before);
}

static void note_stop(struct held_thread *thread, int status)
{
	thread->stopped = true;
	/* Our interrupt, or a group stop, is an event; a signal is not. */
	if (WIFSTOPPED(status) && status >> 16 == 0)
		thread->signal = WSTOPSIG(status);
	/* Ended: nothing is left to let go. */
	if (!WIFSTOPPED(status))
		thread->tid = 0;
}

static int wait_for_stop(struct held_thread *thread)
{
	const struct timespec pause = { .tv_nsec = 20000 };
	double end = now() + STOP_LIMIT_MS / 1e3;
	int status;

	while (thread->tid && !thread->stopped) {
		pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);

		if (got == thread->tid)
			note_stop(thread, status);
		else if (got < 0 && errno != EINTR)
			thread->tid = 0;
		else if (now() > end)
			return -ETIMEDOUT;
		else
			nanosleep(&pause, NULL);
	}
	return 0;
}

static int stop_all(pid_t pid, struct pause *pause)
{
	for (int round = 0; round < ROUNDS; round++) {
		int new = seize_new(pid, pause);

		if (new < 0)
			return new;
		if (!new)
			return pause->nr ? 0 : -ESRCH;
		for (size_t i = 0; i < pause->nr; i++) {
			int err = wait_for_stop(&pause->threads[i]);

			if (err)
				return err;
		}
	}
	/* Threads are born faster than they can be stopped. */
	return -ETIMEDOUT;
}

int pause_begin(pid_t pid, struct pause **ret_pause)
{
	struct pause *pause = calloc(1, sizeof(*pause));
	int err;

	if (!pause)
		return -ENOMEM;
	pause->began = now();
	err = stop_all(pid, pause);
	if (err) {
		pause_end(pause);
		return err;
	}
	*ret_pause = pause;
	return 0;
}

double pause_end(struct pause *pause)
{
	double seconds;

	if (!pause)
		return 0;
	for (size_t i = 0; i < pause->nr; i++) {
		struct held_thread *thread = &pause->threads[i];

		/* One that has not stopped yet cannot be let go before it does. */
		if (thread->tid && !thread->stopped)
			wait_for_stop(thread);
		if (thread->tid)
			ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(long)thread->signal);
	}
	seconds = now() - pause->began;
	free(pause->threads);
	free(pause);
	return seconds;
}

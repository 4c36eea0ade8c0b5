// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the process that asks debug servers. A server that is slow or dead must cost a trace
 * neither events nor its report; the library blocks, also while it resolves a name, and its
 * progress function is not called by every version of it and of its library for HTTP.
 * So it runs in a child, one for each file, that is ended when the time is up. The child
 * inherits nothing but the pipe on which it tells where in the cache the file is.
 *
 * Times are of the clock, not of the CPU as in debug_budget.h: it is others who take them.
 */
#include "stack/debug_servers.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/vec.h"
#include "stack/elf_image.h"

enum {
	MAX_REQUESTS = 4096,
	/* how a child ends without a file */
	EXIT_NOT_FOUND = 1,
	EXIT_NO_LIBRARY = 2,
};
static const uint64_t MS = 1000000, SECOND = 1000000000;

struct request {
	char *build_id;
	bool done;
	bool missed; /* -EAGAIN was said */
	int fd; /* or -errno, once done */
};

struct debug_servers {
	struct request *requests;
	size_t nr, cap;
	size_t next; /* the first that is not done */
	uint64_t file_ns, left_ns;
	bool may_wait;
	pid_t child; /* asks for `next`; 0 none */
	int from_child;
	uint64_t started, deadline;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct debug_servers *debug_servers_new(uint32_t file_ms, uint32_t total_ms)
{
	struct debug_servers *servers = calloc(1, sizeof(*servers));

	if (!servers)
		return NULL;
	servers->file_ns = (file_ms ? file_ms : DEBUG_SERVERS_FILE_MS) * MS;
	servers->left_ns = (total_ms ? total_ms : DEBUG_SERVERS_TOTAL_MS) * MS;
	servers->may_wait = true;
	return servers;
}

/* What a child says: when it was done, and where the file is; an empty path: nowhere. */
struct message {
	uint64_t ended;
	char path[PATH_MAX];
};

/* The library is loaded only here: few want it, and it brings many others. */
static int ask(const char *build_id, char path[PATH_MAX])
{
	__typeof__(debuginfod_begin) *begin;
	__typeof__(debuginfod_find_debuginfo) *find;
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	debuginfod_client *client;
	char *found = NULL;

	if (!library)
		return EXIT_NO_LIBRARY;
	begin = (__typeof__(begin))dlsym(library, "debuginfod_begin");
	find = (__typeof__(find))dlsym(library, "debuginfod_find_debuginfo");
	if (!begin || !find)
		return EXIT_NO_LIBRARY;
	client = begin();
	/* Length 0: the build id is given in hex. */
	if (!client || find(client, (const unsigned char *)build_id, 0, &found) < 0 || !found ||
	    strlen(found) >= PATH_MAX)
		return EXIT_NOT_FOUND;
	strcpy(path, found);
	return 0;
}

/* Links of probes are among the descriptors: they must end with the parent. */
static void __attribute__((noreturn)) run_child(const char *build_id, int to_parent)
{
	struct message message = { 0 };
	sigset_t none;
	int fd = dup2(to_parent, STDERR_FILENO + 1), status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd < 0 || close_range((unsigned int)fd + 1, UINT_MAX, 0))
		_exit(EXIT_NOT_FOUND);
	status = ask(build_id, message.path);
	message.ended = now_ns();
	if (write(fd, &message, sizeof(message)) != sizeof(message))
		status = EXIT_NOT_FOUND;
	_exit(status);
}

static int start(struct debug_servers *servers)
{
	const struct request *request = &servers->requests[servers->next];
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child)
		run_child(request->build_id, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	servers->child = child;
	servers->from_child = ends[0];
	servers->started = now_ns();
	servers->deadline =
		servers->started +
		(servers->file_ns < servers->left_ns ? servers->file_ns : servers->left_ns);
	return 0;
}

static void finish(struct debug_servers *servers, int fd)
{
	struct request *request = &servers->requests[servers->next++];

	request->done = true;
	request->fd = fd;
	log_debug("debuginfod: %s: %s", request->build_id, fd >= 0 ? "found" : strerror(-fd));
}

/* What the child said, which may be a while ago, or that it was too slow. */
static int end_child(struct debug_servers *servers, bool too_slow)
{
	struct message message;
	int status = 0, fd;

	if (too_slow ||
	    read(servers->from_child, &message, sizeof(message)) != (ssize_t)sizeof(message))
		message = (struct message){ .ended = servers->deadline };
	if (too_slow)
		kill(servers->child, SIGKILL);
	while (waitpid(servers->child, &status, 0) < 0 && errno == EINTR)
		;
	close(servers->from_child);
	servers->child = 0;
	servers->left_ns -= least(message.ended - servers->started, servers->left_ns);
	if (too_slow)
		return -ETIMEDOUT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_LIBRARY)
		return -ENOTSUP;
	message.path[PATH_MAX - 1] = '\0';
	fd = *message.path ? open(message.path, O_RDONLY | O_CLOEXEC) : -1;
	return fd < 0 ? -ENOENT : fd;
}

/* Starts on the next request, if there is one. */
static void start_next(struct debug_servers *servers)
{
	while (!servers->child && servers->next < servers->nr) {
		int err = servers->left_ns ? start(servers) : -ETIMEDOUT;

		if (err)
			finish(servers, err);
	}
}

/* Goes on with the requests. `wait`: till the first of them is done; else looks only. */
static void go_on(struct debug_servers *servers, bool wait)
{
	struct pollfd pollfd;
	uint64_t now = now_ns();
	int left_ms;

	start_next(servers);
	if (!servers->child)
		return;
	left_ms = now < servers->deadline ? (int)((servers->deadline - now) / MS) + 1 : 0;
	pollfd = (struct pollfd){ .fd = servers->from_child, .events = POLLIN };
	if (poll(&pollfd, 1, wait ? left_ms : 0) > 0)
		finish(servers, end_child(servers, false));
	else if (now_ns() >= servers->deadline)
		finish(servers, end_child(servers, true));
	start_next(servers);
}

static int find_request(struct debug_servers *servers, const char *build_id, size_t *ret_i)
{
	struct request *request;
	size_t i;

	for (i = 0; i < servers->nr; i++) {
		if (!strcmp(servers->requests[i].build_id, build_id)) {
			*ret_i = i;
			return 0;
		}
	}
	if (servers->nr >= MAX_REQUESTS)
		return -ENOBUFS;
	request = vec_push(&servers->requests, &servers->nr, &servers->cap);
	if (!request)
		return -ENOMEM;
	request->build_id = strdup(build_id);
	if (!request->build_id) {
		servers->nr--;
		return -ENOMEM;
	}
	*ret_i = servers->nr - 1;
	return 0;
}

int debug_servers_fetch(struct debug_servers *servers, const char *build_id)
{
	struct request *request;
	size_t i;
	int fd, err = find_request(servers, build_id, &i);

	if (err)
		return err;
	do
		go_on(servers, servers->may_wait);
	while (servers->may_wait && !servers->requests[i].done);
	request = &servers->requests[i];
	if (!request->done) {
		request->missed = true;
		return -EAGAIN;
	}
	if (request->fd < 0)
		return request->fd;
	if (!image_has_build_id(request->fd, build_id))
		return -ENOENT;
	fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

void debug_servers_wait(struct debug_servers *servers, bool wait)
{
	servers->may_wait = wait;
}

bool debug_servers_again(struct debug_servers *servers)
{
	bool again = false;
	size_t i;

	go_on(servers, false);
	for (i = 0; i < servers->nr; i++) {
		struct request *request = &servers->requests[i];

		if (request->missed && (request->done || servers->may_wait)) {
			again |= !request->done || request->fd >= 0;
			request->missed = false;
		}
	}
	return again;
}

void debug_servers_free(struct debug_servers *servers)
{
	size_t i;

	if (!servers)
		return;
	if (servers->child)
		end_child(servers, true);
	for (i = 0; i < servers->nr; i++) {
		if (servers->requests[i].done && servers->requests[i].fd >= 0)
			close(servers->requests[i].fd);
		free(servers->requests[i].build_id);
	}
	free(servers->requests);
	free(servers);
}

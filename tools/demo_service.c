// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The service of the demonstration: worker threads answer made-up requests, one a
 * millisecond each. Requests and responses are freed, the access log keeps its last lines,
 * and the cache of sessions is never expired: that is the leak to be found, session_open().
 * It runs until the end of its standard input.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Kept apart by the compiler, so that the report shows the program as it is written. */
#define SERVICE __attribute__((noinline)) static

enum { WORKERS = 3, BUCKETS = 4096, LOG_LINES = 512, NEW_VISITOR = 4 };

struct session {
	struct session *next;
	uint64_t visitor;
	uint64_t requests;
	char basket[480];
};

struct request {
	uint64_t visitor;
	char *path;
};

static struct {
	pthread_mutex_t lock;
	struct session *buckets[BUCKETS];
	size_t nr;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	pthread_mutex_t lock;
	char *lines[LOG_LINES];
	size_t next;
} access_log = { .lock = PTHREAD_MUTEX_INITIALIZER };

SERVICE char *copy_text(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	if (!copy)
		abort();
	return memcpy(copy, text, size);
}

SERVICE struct session *session_open(uint64_t visitor)
{
	struct session *session = malloc(sizeof(*session));

	if (!session)
		abort();
	memset(session, 0, sizeof(*session));
	session->visitor = visitor;
	session->next = cache.buckets[visitor % BUCKETS];
	cache.buckets[visitor % BUCKETS] = session;
	cache.nr++;
	return session;
}

SERVICE uint64_t session_touch(uint64_t visitor)
{
	struct session *session;
	uint64_t requests;

	pthread_mutex_lock(&cache.lock);
	session = cache.buckets[visitor % BUCKETS];
	while (session && session->visitor != visitor)
		session = session->next;
	if (!session)
		session = session_open(visitor);
	requests = ++session->requests;
	snprintf(session->basket, sizeof(session->basket), "%lu pages", (unsigned long)requests);
	pthread_mutex_unlock(&cache.lock);
	return requests;
}

SERVICE struct request *request_parse(uint64_t visitor)
{
	struct request *request = malloc(sizeof(*request));
	char path[64];

	snprintf(path, sizeof(path), "/articles/%lu", (unsigned long)visitor % 97);
	if (!request)
		abort();
	request->visitor = visitor;
	request->path = copy_text(path);
	return request;
}

SERVICE void request_free(struct request *request)
{
	free(request->path);
	free(request);
}

SERVICE char *response_render(const struct request *request, uint64_t visits)
{
	size_t size = 2048 + request->visitor % 2048;
	char *page = malloc(size);

	if (!page)
		abort();
	snprintf(page, size, "<h1>%s</h1> visit %lu", request->path, (unsigned long)visits);
	return page;
}

SERVICE void log_access(const struct request *request)
{
	char *line = copy_text(request->path), *old;

	pthread_mutex_lock(&access_log.lock);
	old = access_log.lines[access_log.next];
	access_log.lines[access_log.next] = line;
	access_log.next = (access_log.next + 1) % LOG_LINES;
	pthread_mutex_unlock(&access_log.lock);
	free(old);
}

SERVICE void handle_request(uint64_t visitor)
{
	struct request *request = request_parse(visitor);
	char *page = response_render(request, session_touch(visitor));

	log_access(request);
	free(page);
	request_free(request);
}

static void *worker(void *number)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t mine = (uint64_t)(uintptr_t)number << 48;

	for (uint64_t i = 0;; i++) {
		handle_request(mine + i / NEW_VISITOR);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;
	char byte;

	for (uintptr_t i = 1; i <= WORKERS; i++)
		if (pthread_create(&thread, NULL, worker, (void *)i))
			return 1;
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

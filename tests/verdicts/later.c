// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The behaviours that were written when no rule changed any more. */
#include "behaviour.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* When tracing has surely begun. */
enum { SECOND = STEPS_A_SECOND, PEAK = 14 * SECOND };

/* One in a hundred calls is never freed, of many sizes. */
static void one_percent_leak(int step)
{
	for (int i = 0; i < 40; i++) {
		void *one = block(32 + (size_t)(chance() * 4000));

		if (chance() > 0.01)
			free(one);
	}
}

/* On errors only, which come in clusters. */
static void error_path_leak(int step)
{
	churn(10, 200);
	if (step / SECOND % 3 == 1 && chance() < 0.3)
		block(5000);
}

/* Registered each time, never taken out: a small node, and what hangs off it. */
static void listener_leak(int step)
{
	static struct node {
		struct node *next;
		void *data;
	} * head;
	struct node *one;

	if (step % 3)
		return;
	one = malloc(sizeof(*one));
	one->next = head;
	one->data = block(600);
	head = one;
}

static void *die(void *data)
{
	block(4096);
	return data;
}

/* Each thread leaves something behind. */
static void thread_leak(int step)
{
	pthread_t thread;

	if (step % 10 || pthread_create(&thread, NULL, die, NULL))
		return;
	pthread_join(thread, NULL);
}

/* Mappings that are never unmapped. */
static void mapping_leak(int step)
{
	churn(5, 100);
	if (step % 8 == 0) {
		char *bytes = mmap(NULL, 1 << 17, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(bytes, 1, 1 << 17);
	}
}

/* A cache without a bound, whose keys never come again. */
static void unbounded_cache(int step)
{
	enum { BUCKETS = 4096 };
	static struct entry {
		struct entry *next;
		char value[300];
	} * buckets[BUCKETS];
	struct entry *one = block(sizeof(*one));
	unsigned at = (unsigned)(chance() * BUCKETS);

	one->next = buckets[at];
	buckets[at] = one;
	churn(5, 300);
}

/* Full after a third of the time, with replacement at random from then on. */
static void cache_at_random(int step)
{
	enum { ENTRIES = 600 };
	static void *entries[ENTRIES];
	int at = step < ENTRIES ? step : (int)(chance() * ENTRIES);

	free(entries[at]);
	entries[at] = block(8000);
}

/* All of its modules are loaded in the first seconds. */
static void start_up(int step)
{
	if (step < 4 * SECOND)
		for (int i = 0; i < 5; i++)
			block(3000);
	churn(20, 100);
}

/* Requests come in waves; each is freed when done. */
static void daily_load(int step)
{
	enum { LIVES = SECOND / 2, MOST = 60 };
	static void *requests[LIVES][MOST];
	double load = 0.5 + 0.5 * sin(step / (5.0 * SECOND) * 6.283);
	void **now = requests[step % LIVES];

	for (int i = 0; i < MOST; i++) {
		free(now[i]);
		now[i] = i < MOST * load ? block(900) : NULL;
	}
}

/* One buffer that is made anew, at changing sizes. */
static void changing_buffer(int step)
{
	static char *buffer;
	size_t size = 1000 + (size_t)(chance() * 500000);

	buffer = realloc(buffer, size);
	if (!buffer)
		abort();
	memset(buffer, 1, size);
}

/* Collects its own garbage every two seconds. */
static void collector(int step)
{
	static void *garbage[4000];
	static int nr;

	for (int i = 0; i < 10; i++)
		garbage[nr++] = block(400);
	if (step % (2 * SECOND) != 2 * SECOND - 1)
		return;
	while (nr)
		free(garbage[--nr]);
}

/* Everything is read in at once, in two parts shortly after one another, and stays. */
static void import(int step)
{
	churn(5, 100);
	if (step == PEAK || step == PEAK + 20)
		for (int i = 0; i < 300; i++)
			block(100000);
}

/* A work list that grows as long as all runs, and is emptied from its front. */
static void falling_behind(int step)
{
	enum { ROOM = 1 << 15 };
	static void *queue[ROOM];
	static int in, out;

	queue[in++ % ROOM] = block(12000);
	queue[in++ % ROOM] = block(12000);
	if (step % 10 < 9)
		free(queue[out++ % ROOM]);
}

/* Threads' arenas that keep a peak. */
static void *peak(void *data)
{
	enum { BLOCKS = 8000 };
	static __thread void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = block(900);
	for (int i = 0; i < BLOCKS - 1; i++)
		free(blocks[i]);
	pause();
	return data;
}

static void thread_arenas(int step)
{
	pthread_t thread;

	churn(5, 100);
	if (step == PEAK)
		for (int i = 0; i < 4; i++)
			pthread_create(&thread, NULL, peak, NULL);
}

/* Blocks of a few seconds that end at different times. */
static void mixed_lives(int step)
{
	enum { SLOTS = 1500 };
	static void *slots[SLOTS];

	for (int i = 0; i < 3; i++) {
		int at = (int)(chance() * SLOTS);

		free(slots[at]);
		slots[at] = block(500);
	}
}

/* Little, and long ago. */
static void asleep(int step)
{
	if (step == 0)
		block(100000);
}

static void *wait_for_ever(void *data)
{
	pause();
	return data;
}

/* Workers that are started and never come to an end. */
static void threads_kept(int step)
{
	pthread_t thread;

	churn(5, 100);
	if (step % 25 == 0)
		pthread_create(&thread, NULL, wait_for_ever, NULL);
}

static void *end_at_once(void *data)
{
	free(data);
	return NULL;
}

/* They end, but nobody asks how: their stacks stay. */
static void never_joined(int step)
{
	pthread_t thread;

	if (step % 10 == 0)
		pthread_create(&thread, NULL, end_at_once, block(500));
}

static void *serve(void *data)
{
	void *parts[40];

	for (int i = 0; i < 40; i++)
		parts[i] = block(20 + (size_t)i * 40);
	for (int i = 0; i < 40; i++)
		free(parts[i]);
	free(data);
	return NULL;
}

/* A thread a request: each ends with a cache full of what it has freed. */
static void thread_a_request(int step)
{
	pthread_t threads[4];

	if (step % 4)
		return;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, serve, block(700));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/*
 * Beside long sessions, of which many from before the trace end all the time and others take their
 * place, a few blocks that nothing ends.
 */
static void leak_beside_sessions(int step)
{
	enum { SESSIONS = 20 * SECOND };
	static void *sessions[SESSIONS];
	int at;

	for (int i = 0; step == 0 && i < SESSIONS; i++)
		sessions[i] = block(800);
	at = (int)(chance() * SESSIONS);
	free(sessions[at]);
	sessions[at] = block(800);
	block(300);
}

const struct behaviour later_behaviours[] = {
	{ "one-percent-leak", one_percent_leak },
	{ "error-path-leak", error_path_leak },
	{ "listener-leak", listener_leak },
	{ "thread-leak", thread_leak },
	{ "threads-kept", threads_kept },
	{ "never-joined", never_joined },
	{ "thread-a-request", thread_a_request },
	{ "leak-beside-sessions", leak_beside_sessions },
	{ "mapping-leak", mapping_leak },
	{ "unbounded-cache", unbounded_cache },
	{ "cache-at-random", cache_at_random },
	{ "start-up", start_up },
	{ "daily-load", daily_load },
	{ "changing-buffer", changing_buffer },
	{ "collector", collector },
	{ "import", import },
	{ "falling-behind", falling_behind },
	{ "thread-arenas", thread_arenas },
	{ "mixed-lives", mixed_lives },
	{ "asleep", asleep },
	{ NULL, NULL },
};

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The behaviours that were there while the rules were made. */
#include "behaviour.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* When tracing has surely begun. */
enum { SECOND = STEPS_A_SECOND, PEAK = 14 * SECOND };

static void slow_leak(int step)
{
	churn(10, 300);
	if (step % 5 == 0)
		block(1000);
}

static void stair_leak(int step)
{
	churn(5, 500);
	if (step % (2 * SECOND) == SECOND)
		for (int i = 0; i < 60; i++)
			block(2000);
}

static void saw_tooth_leak(int step)
{
	static void *batch[200];
	static int nr;

	batch[nr++] = block(4000);
	if (nr < 150)
		return;
	for (int i = 0; i < nr; i++)
		if (i % 15)
			free(batch[i]);
	nr = 0;
}

static void leak_under_load(int step)
{
	double load = 0.6 + 0.4 * sin(step / (6.0 * SECOND) * 6.283);

	for (int i = 0; i < 20 * load; i++) {
		void *one = block(800);

		if (chance() > 0.03)
			free(one);
	}
}

static void container_growth(int step)
{
	static char **items;
	static int nr, room;

	if (nr == room) {
		room = room ? 2 * room : 16;
		items = realloc(items, (size_t)room * sizeof(*items));
	}
	items[nr++] = block(700);
}

static void warm_up(int step)
{
	churn(10, 300);
	for (int i = 0; i < 300 * exp(-step / (2.5 * SECOND)); i++)
		block(200);
}

static void bounded_cache(int step)
{
	enum { ENTRIES = 2000 };
	static void *entries[ENTRIES];

	for (int i = 0; i < 4; i++) {
		int at = (step * 4 + i) % ENTRIES;

		free(entries[at]);
		entries[at] = block(2000);
	}
}

static void one_shot_load(int step)
{
	churn(5, 100);
	if (step == PEAK)
		for (int i = 0; i < 10000; i++)
			block(5000);
}

static void load_and_free(int step)
{
	static void *loaded[3000];
	int phase = step % (3 * SECOND);

	if (phase == SECOND)
		for (int i = 0; i < 3000; i++)
			loaded[i] = block(3000);
	if (phase == 2 * SECOND)
		for (int i = 0; i < 3000; i++)
			free(loaded[i]);
}

/* Frees all but the last, so that nothing can be given back. */
static void retention(int step)
{
	enum { BLOCKS = 30000 };
	static void *blocks[BLOCKS];

	churn(5, 100);
	if (step != PEAK)
		return;
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = block(1000);
	for (int i = 0; i < BLOCKS - 1; i++)
		free(blocks[i]);
}

static void idle(int step)
{
	if (step % (5 * SECOND) == 0)
		churn(1, 10);
}

static void steady_churn(int step)
{
	churn(50, 1000);
}

/* A queue whose consumer is too slow: first in, first out. */
static void slow_consumer(int step)
{
	enum { ROOM = 1 << 16 };
	static void *queue[ROOM];
	static int in, out;

	for (int i = 0; i < 5; i++)
		queue[in++ % ROOM] = block(4000);
	for (int i = 0; i < 3; i++)
		free(queue[out++ % ROOM]);
}

static void sessions(int step)
{
	enum { LIVES = 4 * SECOND };
	static void *session[LIVES];

	free(session[step % LIVES]);
	session[step % LIVES] = block(3000);
}

static void fork_heavy(int step)
{
	churn(3, 100);
	if (step % 20)
		return;
	if (fork() == 0) {
		for (int i = 0; i < 100; i++)
			block(1000);
		_exit(0);
	}
	wait(NULL);
}

/* Lives in a cgroup of 24 MiB, by the runner. */
static void tight_cgroup(int step)
{
	static char page[1 << 16];
	static int fd = -1;

	if (step == 0) {
		char name[] = "/var/tmp/seep-verdict-XXXXXX";

		for (int i = 0; i < 226; i++)
			block(100000);
		fd = mkstemp(name);
		unlink(name);
	}
	churn(2, 100);
	/* Files' pages fill what is left of the cgroup again and again. */
	if (fd < 0 || pwrite(fd, page, sizeof(page), (off_t)(step % 400) * (off_t)sizeof(page)) < 0)
		abort();
}

const struct behaviour first_behaviours[] = {
	{ "slow-leak", slow_leak },
	{ "stair-leak", stair_leak },
	{ "saw-tooth-leak", saw_tooth_leak },
	{ "leak-under-load", leak_under_load },
	{ "container-growth", container_growth },
	{ "warm-up", warm_up },
	{ "bounded-cache", bounded_cache },
	{ "one-shot-load", one_shot_load },
	{ "load-and-free", load_and_free },
	{ "retention", retention },
	{ "idle", idle },
	{ "steady-churn", steady_churn },
	{ "slow-consumer", slow_consumer },
	{ "sessions", sessions },
	{ "fork-heavy", fork_heavy },
	{ "tight-cgroup", tight_cgroup },
	{ NULL, NULL },
};

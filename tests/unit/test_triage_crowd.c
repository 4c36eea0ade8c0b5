/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A host of hundreds of processes, made up as files: who grows is found, and nobody else accused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tree.h"
#include "triage/ranking.h"

enum { PROCESSES = 500, FIRST = 1000, LOOKS = 13 };
enum { MIB = 1024 }; /* kB */

/* What a process does, by its number: most rest, some work, three leak. */
static unsigned int memory_of(int number, int look)
{
	static unsigned int noise = 1;

	switch (number) {
	case 17:
		return 30 * MIB + 900 * look;
	case 300:
		return 100 * MIB + 5 * MIB * look;
	case 499:
		return 8 * MIB + 300 * look;
	default:
		break;
	}
	noise = noise * 1103515245 + 12345;
	if (number % 10 == 1) /* busy: up and down */
		return 50 * MIB + (noise >> 16) % (4 * MIB);
	if (number % 50 == 2) /* a collector's saw */
		return 40 * MIB + 3 * MIB * (unsigned int)(look % 4);
	return 10 * MIB + (unsigned int)number;
}

static void put(const struct tree *t, int number, int look)
{
	unsigned int memory = memory_of(number, look), before = look ? memory_of(number, 0) : 0;
	int pid = FIRST + number;
	char path[64], text[400];

	/* Who rests is not written again: nothing of it has changed. */
	if (look && memory == before && memory_of(number, look - 1) == memory)
		return;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	snprintf(text, sizeof(text),
		 "%d (worker) S 1 1 1 0 -1 4194304 %d 0 0 0 5 5 0 0 20 0 1 0 %d 100000000 %u 0\n",
		 pid, 100 * look, 100 + number, memory / 4);
	tree_put(t, path, text);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(text, sizeof(text), "Name:\tworker\nUid:\t0\t0\t0\t0\nRssAnon:\t%u kB\n", memory);
	tree_put(t, path, text);
	if (look)
		return;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	snprintf(text, sizeof(text), "0::/service/%d\n", number % 40);
	tree_put(t, path, text);
}

static void put_host(const struct tree *t)
{
	tree_put(t, "/proc/self/mountinfo", "30 23 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n");
	tree_put(t, "/proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n");
	for (int i = 0; i < 40; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/cgroup/service/%d/memory.current", i);
		tree_put(t, path, "1073741824\n");
		snprintf(path, sizeof(path), "/cgroup/service/%d/memory.max", i);
		tree_put(t, path, i == 17 ? "1610612736\n" : "max\n");
	}
}

static void three_in_five_hundred(void **state)
{
	const struct ranking_options ranking_options = { .window = 1000 };
	struct host_look look;
	struct host_options options = { 0 };
	struct ranking *ranking;
	struct suspect *suspects;
	struct host *host;
	struct tree t;
	size_t nr;

	assert_int_equal(tree_new(&t), 0);
	put_host(&t);
	options.root = t.root;
	assert_int_equal(host_open(&options, &host), 0);
	assert_int_equal(ranking_new(&ranking_options, &ranking), 0);
	for (int i = 0; i < LOOKS; i++) {
		const struct host_look *seen;

		for (int number = 0; number < PROCESSES; number++)
			put(&t, number, i);
		assert_int_equal(host_look(host, &seen), 0);
		assert_int_equal(seen->nr_processes, PROCESSES);
		assert_int_equal(seen->nr_cgroups, 42);
		assert_int_equal(seen->vanished + seen->unreadable + seen->left_out, 0);
		look = *seen;
		look.time = 10 * i;
		assert_int_equal(ranking_add(ranking, &look), 0);
	}
	assert_int_equal(
		ranking_suspects(ranking, SUSPECT_PROCESS, 100, NULL, NULL, &suspects, &nr), 0);
	assert_int_equal(nr, 3);
	/* 90 kB a second of 0.5 GB that are left are worse than 0.5 MB a second of the machine's */
	assert_int_equal(suspects[0].process->pid, FIRST + 17);
	assert_string_equal(suspects[0].cgroup->path, "/service/17");
	assert_int_equal(suspects[1].process->pid, FIRST + 300);
	assert_int_equal(suspects[2].process->pid, FIRST + 499);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(suspects[i].growth.shape, SERIES_RISING);
	assert_true(fabs(suspects[1].growth.rate / (512 * 1024) - 1) < 0.01);
	free(suspects);
	ranking_free(ranking);
	host_close(host);
	tree_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_in_five_hundred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

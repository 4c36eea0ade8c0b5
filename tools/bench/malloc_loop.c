// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is measured: pairs of malloc(64) and free at a given depth of calls, in bursts. It
 * prints its pid, then one line per burst: nanoseconds of this thread's CPU time a pair.
 * Usage: malloc_loop DEPTH PAIRS BURSTS; it waits for a line on stdin before each burst.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

__attribute__((noinline)) static void pairs(long n)
{
	for (long i = 0; i < n; i++) {
		void *volatile block = malloc(64);

		free(block);
	}
}

__attribute__((noinline)) static void descend(int depth, long n)
{
	/* As much as a function of some size keeps on the stack. */
	volatile char locals[64];

	locals[0] = depth;
	if (depth > 1)
		descend(depth - 1, n);
	else
		pairs(n);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 8;
	long n = argc > 2 ? atol(argv[2]) : 100000;
	int bursts = argc > 3 ? atoi(argv[3]) : 5;
	char line[16];

	printf("%d\n", getpid());
	fflush(stdout);
	for (int i = 0; i < bursts && fgets(line, sizeof(line), stdin); i++) {
		double begin = cpu_ns();

		descend(depth, n);
		printf("%.1f\n", (cpu_ns() - begin) / n);
		fflush(stdout);
	}
	return 0;
}

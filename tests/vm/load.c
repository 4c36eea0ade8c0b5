// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A program whose allocations are known to the last byte, for the kernels' test.
 *
 *   load run TRUTH     allocate, write the truth, exit
 *   load wait TRUTH    first wait until malloc carries a probe; afterwards until SIGUSR1
 *
 * The truth has one line a function: name, live blocks, live bytes, then allocations and
 * frees, or "-" where a tracer may count either way (a realloc is one block that moves).
 * Each function allocates from several threads; none prints or opens anything before the
 * tracing is over, so that nothing else allocates from these functions.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	THREADS = 4,
	KEPT = 300,
	KEPT_BYTES = 72,
	CHURNED = 2000,
	REGROWN = 50,
	REGROWN_BYTES = 1600,
	PROBE_WINDOW = 32, /* bytes of malloc in which a probe is looked for */
	PROBE_WAIT_MS = 60000,
};

struct block {
	struct block *next;
};

static struct block *kept_of[THREADS];

#define NOINLINE __attribute__((noinline, noclone))

NOINLINE static void keep_blocks(int thread)
{
	int i;

	for (i = 0; i < KEPT; i++) {
		struct block *block = malloc(KEPT_BYTES);

		if (!block)
			abort();
		block->next = kept_of[thread];
		kept_of[thread] = block;
	}
}

NOINLINE static void churn_blocks(int thread)
{
	int i;

	for (i = 0; i < CHURNED; i++) {
		char *volatile block = malloc(16 + (i * 37 + thread) % 500);

		if (!block)
			abort();
		block[0] = 1;
		free(block);
	}
}

NOINLINE static void regrow_blocks(int thread)
{
	int i;

	for (i = 0; i < REGROWN; i++) {
		struct block *block = malloc(REGROWN_BYTES / 8);
		int size;

		for (size = REGROWN_BYTES / 4; size <= REGROWN_BYTES; size *= 2) {
			block = realloc(block, size);
			if (!block)
				abort();
		}
		block->next = kept_of[thread];
		kept_of[thread] = block;
	}
}

static void *work(void *argument)
{
	int thread = (int)(long)argument;

	keep_blocks(thread);
	churn_blocks(thread);
	regrow_blocks(thread);
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			abort();
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static int write_truth(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -1;
	fprintf(file, "keep_blocks %d %d %d %d\n", THREADS * KEPT, THREADS * KEPT * KEPT_BYTES,
		THREADS * KEPT, 0);
	fprintf(file, "churn_blocks 0 0 %d %d\n", THREADS * CHURNED, THREADS * CHURNED);
	fprintf(file, "regrow_blocks %d %d - -\n", THREADS * REGROWN,
		THREADS * REGROWN * REGROWN_BYTES);
	return fclose(file);
}

/* A uprobe is a breakpoint in this process's own copy of the code: watch for the change. */
static int wait_for_probe(void)
{
	const unsigned char *code = dlsym(RTLD_DEFAULT, "malloc");
	unsigned char before[PROBE_WINDOW];
	int waited;

	memcpy(before, code, sizeof(before));
	for (waited = 0; waited < PROBE_WAIT_MS; waited += 20) {
		if (memcmp(before, code, sizeof(before))) {
			sleep(2); /* the probes of the same function that follow it */
			return 0;
		}
		usleep(20 * 1000);
	}
	return -1;
}

int main(int argc, char **argv)
{
	sigset_t signals;
	int signal, waits = argc == 3 && !strcmp(argv[1], "wait");

	if (argc != 3)
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (waits && wait_for_probe())
		return 3;
	run_threads();
	if (write_truth(argv[2]))
		return 1;
	if (waits)
		sigwait(&signals, &signal);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Allocates from everywhere: at random depths of chains of all kinds of frames, in callbacks
 * of the C library, in handlers of signals on both stacks, and, if wanted, in a timer's handler
 * that interrupts prologues and epilogues. Its arguments: how many rounds, a seed, and in one
 * of how many rounds it is to be interrupted.
 */
#include <search.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "../fixtures/links.h"

static unsigned long seed;
static volatile sig_atomic_t interrupts;

static unsigned pick(unsigned most)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % most;
}

NOINLINE static int allocate(void)
{
	size_t size = 16 + pick(4000);
	void *block = NULL;
	char *text = NULL;

	switch (pick(7)) {
	case 0:
		block = calloc(4, size);
		break;
	case 1:
		block = realloc(malloc(size), size * 3);
		break;
	case 2:
		if (posix_memalign(&block, 64, size))
			block = NULL;
		break;
	case 3:
		block = strdup("a text that is copied");
		break;
	case 4:
		if (asprintf(&text, "%zu %s %f", size, "formatted", 1.5 * (double)size) > 0)
			block = text;
		break;
	case 5:
		block = aligned_alloc(128, 1024);
		break;
	default:
		block = malloc(size);
	}
	KEEP(block);
	free(block);
	return 1;
}

static int compare_numbers(const void *a, const void *b)
{
	if (!pick(40))
		allocate();
	return *(const int *)a - *(const int *)b;
}

static int sort_numbers(void)
{
	int numbers[200];

	for (int i = 0; i < 200; i++)
		numbers[i] = (int)pick(1000);
	qsort(numbers, 200, sizeof(numbers[0]), compare_numbers);
	return numbers[0];
}

static void visit(const void *node, VISIT order, int depth)
{
	KEEP(node);
	if (order == leaf || !depth)
		allocate();
}

static void release(void *node)
{
	KEEP(node);
	allocate();
}

static int grow_tree(void)
{
	int numbers[20];
	void *root = NULL;

	for (int i = 0; i < 20; i++) {
		numbers[i] = (int)pick(1000);
		tsearch(&numbers[i], &root, compare_numbers);
	}
	twalk(root, visit);
	tdestroy(root, release);
	return 1;
}

static void on_signal(int number)
{
	(void)number;
	allocate();
}

static int raise_signal(void)
{
	return raise(SIGUSR1) + 1;
}

static int raise_elsewhere(void)
{
	return raise(SIGUSR2) + 1;
}

static void on_timer(int number)
{
	(void)number;
	interrupts = interrupts + 1;
	allocate();
}

static int nothing(void)
{
	return 1;
}

/* No allocation is under way when the timer comes, so that its handler may allocate. */
static NOINLINE void be_interrupted(void)
{
	struct itimerval once = { { 0, 0 }, { 0, 50 + pick(200) } };
	int before = interrupts;

	setitimer(ITIMER_REAL, &once, NULL);
	for (unsigned i = 0; interrupts == before; i++)
		links_call((int)(i % 30), nothing);
}

static NOINLINE void in_child(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		links_call((int)pick(60), allocate);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

static void set_handlers(void)
{
	struct sigaction here = { .sa_handler = on_signal }, timer = { .sa_handler = on_timer };
	struct sigaction elsewhere = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

	if (sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &here, NULL) ||
	    sigaction(SIGUSR2, &elsewhere, NULL) || sigaction(SIGALRM, &timer, NULL))
		_exit(1);
}

int main(int argc, char **argv)
{
	static int (*const ends[])(void) = { allocate,	   allocate,  allocate,	      sort_numbers,
					     raise_signal, grow_tree, raise_elsewhere };
	int rounds = argc > 1 ? atoi(argv[1]) : 100;
	int interrupted = argc > 3 ? atoi(argv[3]) : 0;

	seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	set_handlers();
	for (int i = 0; i < rounds; i++) {
		links_call((int)pick(pick(10) ? 60 : 140), ends[pick(7)]);
		if (interrupted && i % interrupted == 1)
			be_interrupted();
		if (i % 100 == 20)
			in_child();
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the seeds of the fuzzers are compiled from: no library, frames of several kinds. */
typedef unsigned long size_t;
static char heap[64];
__attribute__((noinline)) void *malloc(size_t n)
{
	return heap + (n & 31);
}
__attribute__((noinline)) void free(void *p)
{
	heap[0] = p ? 1 : 0;
}

void *calloc(size_t a, size_t b)
{
	return malloc(a * b);
}

/* operator delete, which only hands over */
void _ZdlPv(void *p)
{
	free(p);
}

static inline __attribute__((always_inline)) int inner(int x)
{
	char *p = malloc((size_t)x);
	int y = p[1];
	free(p);
	return y;
}
__attribute__((noinline)) int outer(int n)
{
	int a[n + 1];
	a[0] = n;
	return inner(a[n / 2]) + inner(3);
}
__attribute__((noinline)) int aligned(int n)
{
	char b[64] __attribute__((aligned(64)));
	b[n & 63] = (char)n;
	return outer(b[0]);
}
void _start(void)
{
	outer(1);
	aligned(2);
	for (;;)
		;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs one behaviour until it is killed, or its parent has gone: behaviours NAME */
#include "behaviour.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>

void *block(size_t size)
{
	void *bytes = malloc(size);

	if (!bytes)
		abort();
	return memset(bytes, 1, size);
}

void churn(int count, size_t size)
{
	for (int i = 0; i < count; i++)
		free(block(size));
}

double chance(void)
{
	static uint64_t state = 88172645463325252u;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / 9007199254740992.0;
}

static const struct behaviour *find(const struct behaviour *list, const char *name)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { 0, 1000000000 / STEPS_A_SECOND };
	const struct behaviour *one;

	if (argc < 2) {
		for (one = first_behaviours; one->name; one++)
			puts(one->name);
		for (one = later_behaviours; one->name; one++)
			puts(one->name);
		return 0;
	}
	one = find(first_behaviours, argv[1]);
	if (!one)
		one = find(later_behaviours, argv[1]);
	if (!one)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int step = 0;; step++) {
		one->step(step);
		nanosleep(&pause, NULL);
	}
}

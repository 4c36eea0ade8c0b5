// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proc/cpu.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* In ticks of 10 ms or so. */
static double seconds_by_stat(pid_t pid)
{
	unsigned long long user = 0, system = 0;
	char path[64], line[1024];
	const char *rest = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The name is in parentheses, and may hold any character. */
	if (fgets(line, sizeof(line), file))
		rest = strrchr(line, ')');
	fclose(file);
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			    &system) != 2)
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double process_cpu_seconds(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return seconds_by_stat(pid);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double host_cpu_seconds(void)
{
	unsigned long long user = 0, nice = 0, system = 0;
	FILE *file = fopen("/proc/stat", "re");
	int nr = 0;

	if (!file)
		return 0;
	nr = fscanf(file, "cpu %llu %llu %llu", &user, &nice, &system);
	fclose(file);
	return nr == 3 ? (double)(user + nice + system) / (double)sysconf(_SC_CLK_TCK) : 0;
}

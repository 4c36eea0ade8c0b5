/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one pass over the host has found, as plain rows for reports and the store. All strings
 * belong to the pass; NULL is unknown. Sizes are bytes, times are seconds.
 */
#ifndef SEEP_SWEEP_PASS_H
#define SEEP_SWEEP_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "heap/profile.h"
#include "sweep/findings.h"

struct strpool;

struct pass_frame {
	const char *function, *module;
	uint64_t offset; /* in the module's file; 0 unknown */
};

/* Code by which memory is touched for the first time. */
struct pass_place {
	uint64_t faults; /* pages, while the host was looked at; estimated */
	double share; /* of the process's */
	struct pass_frame *frames; /* innermost first */
	size_t nr_frames, cap_frames;
};

struct pass_suspect {
	bool is_cgroup; /* it is only named: there is not one process to trace */
	pid_t pid;
	uint64_t start_ticks;
	uid_t uid;
	const char *comm; /* never NULL; of a cgroup its path */
	const char *exe, *cgroup, *container;
	uint64_t bytes; /* anonymous and swapped, when it was picked */
	double growth, growth_low, growth_high; /* bytes a second, 95% between */
	double rise, seconds; /* bytes, in that time */
	uint64_t limit, room; /* 0: none known */
	double time_to_limit, earliest, latest; /* INFINITY: not known, or never */
	double score;
	const char *why; /* it is a suspect */
	uint64_t faults; /* pages that it touched for the first time; 0 also not known */
	struct pass_place *places; /* most faults first */
	size_t nr_places, cap_places;
	bool tried; /* to trace it: `traced` of the sweeper's options was called */
	bool traced;
	bool failed; /* it should have been traced, and could not be */
	const char *not_traced; /* or not to the end: the reason why */
	double trace_seconds;
	double cpu_seconds; /* of seep itself, for tracing it */
	struct profile *profile; /* NULL unless traced */
	struct findings findings;
	int64_t capture; /* its number in the store; 0 none. The command's to fill */
};

/* Somebody whom the kernel has killed for want of memory meanwhile. */
struct pass_kill {
	double time; /* wall clock */
	pid_t pid;
	uid_t uid; /* (uid_t)-1 unknown */
	const char *comm, *cgroup;
	const char *limit_cgroup; /* NULL: the host's memory, or not known */
	uint64_t limit, anonymous; /* 0 not known */
	bool whole_host;
};

struct pass {
	struct strpool *strings;
	double started; /* wall clock */
	double seconds;
	bool took_part; /* false: left out by chance, and nothing was looked at */
	bool stopped; /* ended from outside before it was done */
	double probability, budget, own_budget;
	uint64_t looks, processes, kernel_threads, cgroups; /* of the last look */
	uint64_t vanished, unreadable, left_out;
	uint64_t excluded; /* that --only and --exclude leave out */
	uint64_t nr_growing; /* suspects before the best of them were taken */
	double look_seconds; /* how long the host was looked at */
	double triage_cpu, trace_cpu; /* seconds of seep itself */
	double faults_cpu; /* seconds that counting page faults took of all processes */
	const char *
		places_unseen; /* why faults were not counted, or not to the end; NULL: they were */
	double rested; /* seconds waited so that its own budget was kept */
	uint64_t resident; /* of seep itself, at the end */
	struct pass_suspect *suspects; /* worst first */
	size_t nr_suspects, cap_suspects;
	struct pass_kill *kills;
	size_t nr_kills, cap_kills;
	uint64_t kills_lost;
	const char *kills_unseen; /* why kills could not be watched; NULL: they were */
	/* What could not be done, in sentences. */
	const char **problems;
	size_t nr_problems, cap_problems;
	int64_t number; /* in the store; 0 none. The command's to fill */
};

enum { PASS_KILLS_MOST = 1024, PASS_PROBLEMS_MOST = 64 };

/* NULL: out of memory. */
struct pass *pass_new(void);
void pass_free(struct pass *pass);
/* The pass's own copy; NULL for NULL, or out of memory. */
const char *pass_string(struct pass *pass, const char *text);
__attribute__((format(printf, 2, 3))) int pass_problem(struct pass *pass, const char *format, ...);

/* Of all suspects, suppressed ones left out. */
uint64_t pass_findings(const struct pass *pass);
uint64_t pass_suppressed(const struct pass *pass);
/* Something that was to be looked at was not, or not wholly. */
bool pass_is_partial(const struct pass *pass);
/* "clean", "findings", "partial: ..." in one line, of the pass's strings; NULL out of memory. */
const char *pass_outcome(struct pass *pass);

/*
 * Where a suspect first touches memory, a line a place: "92% memset < grow < main". The caller
 * frees it; NULL: not known, or out of memory.
 */
char *pass_places_words(const struct pass_suspect *suspect);

#endif

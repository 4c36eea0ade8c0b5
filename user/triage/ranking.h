/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who grows? Looks at the host, one after the other, become a course of memory for each process
 * and cgroup; what goes on rising is a suspect, the more of its limit it takes the sooner. Pure: no
 * files, no clock.
 */
#ifndef SEEP_TRIAGE_RANKING_H
#define SEEP_TRIAGE_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/series.h"
#include "triage/host.h"

enum { RANKING_REASON = 256, RANKING_POINTS = 64 };

struct ranking;

struct ranking_options {
	/*
	 * Seconds that count, up to the last look; 0: 600. The last SERIES_LEAST + 4 looks count
	 * however far they go back.
	 */
	double window;
	uint64_t least; /* a growth of fewer bytes within the window is none; 0: 1 MiB */
	size_t max_processes; /* 0: 32768 */
};

struct growth {
	size_t looks; /* fewer than SERIES_LEAST: shape SERIES_TOO_SHORT, only rate and rise */
	double seconds; /* from the first of them to the last */
	enum series_shape shape; /* rising: it grows and goes on */
	uint64_t bytes; /* now: anonymous and swapped; of a cgroup: what cannot be dropped */
	double rise; /* bytes, of the troughs */
	double rate, rate_low, rate_high; /* bytes a second, Theil-Sen; 95% lies between */
	double score; /* Mann-Kendall's z */
	double age; /* of the process at the last look, seconds; 0 unknown, and of cgroups */
	uint64_t limit, room; /* MEMORY_UNLIMITED: none; the host's memory is one */
	/* Seconds until the limit; INFINITY when it does not go on growing or has none. */
	double time_to_limit, earliest, latest;
};

enum suspect_kind { SUSPECT_PROCESS = 0, SUSPECT_CGROUP };

struct suspect {
	enum suspect_kind kind;
	const struct host_process *process; /* of the last look; NULL for a cgroup */
	const struct host_cgroup *cgroup; /* that it is in, or that it is; NULL unknown */
	struct growth growth;
	double score; /* larger is worse; only to compare */
	char reason[RANKING_REASON]; /* "grew 34 MB in 60 s, 3.1% an hour of the limit of /a/b" */
};

/* False: not to be ranked. `process` is NULL for a cgroup, `cgroup` where it is not known. */
typedef bool (*ranking_keep_fn)(void *context, const struct host_process *process,
				const struct host_cgroup *cgroup);

/* 0, -ENOMEM. `options` may be NULL. */
int ranking_new(const struct ranking_options *options, struct ranking **ret_ranking);
void ranking_free(struct ranking *ranking);

/*
 * Takes one look. More looks than RANKING_POINTS within the window become fewer. What is asked
 * below is asked of the look that was added last, which must still be good then. 0, -ENOMEM;
 * -EINVAL when its time is before that of the last one, which changes nothing.
 */
int ranking_add(struct ranking *ranking, const struct host_look *look);

/* How one process of the last look grows. False: it is not followed. */
bool ranking_process(const struct ranking *ranking, const struct host_process *process,
		     struct growth *ret_growth);
bool ranking_cgroup(const struct ranking *ranking, const struct host_cgroup *cgroup,
		    struct growth *ret_growth);

/*
 * At most `max` suspects, worst first, processes and cgroups each by themselves: those of `kind`.
 * With no suspects *ret_suspects is NULL. `keep` may be NULL. The caller frees *ret_suspects. 0,
 * -ENOMEM.
 */
int ranking_suspects(const struct ranking *ranking, enum suspect_kind kind, size_t max,
		     ranking_keep_fn keep, void *context, struct suspect **ret_suspects,
		     size_t *ret_nr);

#endif

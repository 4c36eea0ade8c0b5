// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns when processes are looked at, and which comes first. Over time the thread takes at most
 * COST_SHARE of a processor; but three looks say what grows and two do not, so that the first
 * ones, and with them the one in the middle of a trace, come as soon as they are needed. What goes
 * up and down looks like growth in one of six series of three, so the next few are dear as well.
 */
#include "trace/inner_internal.h"

#include <time.h>

#include "proc/process.h"

enum {
	GOOD_LOOKS = 6,
	LEAST_NEED = 128 << 10, /* bytes */
	LOOKS_IN_TRACE = 8,
};

static const double COST_SHARE = 0.05;
static const double EARLY_SHARE = 0.15; /* before GOOD_LOOKS */
static const double PACE_LEAST = 1, PACE_MOST = 60, PACE_UNKNOWN = 10, PACE_FIRST = 2;

double inner_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* When to look next: several times in a trace, and not too often for what it costs. */
double inner_wait(const struct inner *inner, const struct inner_process *p, double cost)
{
	double trace = inner->trace_seconds, wait = PACE_UNKNOWN;
	double share = p->seen.looks < GOOD_LOOKS ? EARLY_SHARE : COST_SHARE;

	if (trace > 0)
		wait = trace / LOOKS_IN_TRACE;
	if (wait < PACE_LEAST)
		wait = PACE_LEAST;
	if (wait > PACE_MOST)
		wait = PACE_MOST;
	if (wait < cost / share)
		wait = cost / share;
	if (p->seen.looks < INNER_LEAST_LOOKS && trace <= 0)
		wait = PACE_FIRST;
	if (p->seen.looks < INNER_LEAST_LOOKS - 1 && trace > 0 && wait > trace / 2)
		wait = trace / 2;
	return wait;
}

/* Three in a trace, the first in its beginning, so that what grows can be named by them alone. */
double inner_holders_wait(const struct inner *inner, const struct inner_process *p)
{
	bool early = p->seen.holder_looks < INNER_LEAST_LOOKS;
	double trace = inner->trace_seconds;
	double wait = p->holders_cost / (early ? EARLY_SHARE : COST_SHARE);

	return early && trace > 0 && wait > trace / 2 ? trace / 2 : wait;
}

/* By a container that is not known by name, or by nothing that was found. */
static bool grows_unexplained(const struct inner_seen *seen)
{
	enum cause_kind kind = seen->why ? seen->why->cause.kind : CAUSE_NONE;

	if (seen->container.type && !seen->container.named)
		return true;
	return seen->grew && (kind == CAUSE_NONE || kind == CAUSE_TOO_LITTLE);
}

bool inner_is_undecided(const struct inner_process *p)
{
	const struct inner_seen *seen = &p->seen;

	if (p->ended || (!seen->looks && !p->busy))
		return false;
	if (seen->looks < INNER_LEAST_LOOKS)
		return true;
	return seen->many && !seen->counted_only && seen->holder_looks < INNER_LEAST_LOOKS &&
	       grows_unexplained(seen);
}

/* By how much its memory has grown since its first look, where it still needs looks. */
static uint64_t need_of(const struct inner_process *p, double now)
{
	uint64_t rss;

	if (p->due > now || !p->seen.looks || p->seen.looks >= GOOD_LOOKS)
		return 0;
	rss = process_rss(p->pid);
	return rss > p->rss_first + LEAST_NEED ? rss - p->rss_first : 0;
}

static bool comes_before(const struct inner_process *p, const struct inner_process *other)
{
	if (p->asked != other->asked)
		return p->asked;
	if (p->need != other->need && p->seen.looks && other->seen.looks)
		return p->need > other->need;
	return p->due < other->due;
}

/*
 * Who is to be looked at first: what a report waits for; where there are more than there is
 * time for, the one that grows, since a look at each of them tells nothing of any; then what
 * has waited longest.
 */
struct inner_process *inner_next(const struct inner *inner)
{
	double now = inner_clock(CLOCK_MONOTONIC);
	struct inner_process *next = NULL;

	for (size_t i = 0; i < inner->nr_processes; i++) {
		struct inner_process *p = inner->processes[i];

		if (p->ended)
			continue;
		p->need = need_of(p, now);
		if (!next || comes_before(p, next))
			next = p;
	}
	return next;
}

/* Only what was seen before: a report does not wait for what may never be readable. */
bool inner_is_wanted(const struct inner_process *p, double now)
{
	if (p->ended || !p->seen.looks || now - p->last < PACE_LEAST / 2)
		return false;
	if (p->seen.looks < INNER_LEAST_LOOKS)
		return true;
	return p->seen.cost <
	       (p->seen.looks < GOOD_LOOKS ? EARLY_SHARE : COST_SHARE) * (now - p->first);
}

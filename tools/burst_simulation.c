// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Simulates sites that are traced in bursts, and prints how often the interval of their
 * leaking share covers the truth, how wide it is, and after how long leaking sites are told
 * from others: seep's own estimator, on processes whose truth is known.
 *
 *	burst-simulation [RUNS [SECONDS]]
 *	burst-simulation planted [RUNS [SECONDS]]
 *	burst-simulation lumps [RUNS [FIRST]]
 *
 * The second: a leak of a hundredth of the calls of a process that gives all others back, with
 * bursts as the governor plans them; after how long it is named, and whether anything else is.
 * The third: sites whose blocks are freed many at a time, and such as leak; in how many runs each
 *is said to leak, at looks after which even a trace of all would have seen two such moments.
 */
#include <stdio.h>
#include <string.h>

#include "../tests/unit/burst_world.h"

static const double duties[] = { 0.5, 0.2, 0.1, 0.05, 0.02 };
static const double leaks[] = { 0, 0.02, 0.5, 1 };
static const double looks[] = { 10, 20, 40, 60, 120, 240 };
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

struct result {
	int runs, covered, called, enough;
	double width;
	double told_at; /* the sum of the first looks with surely > 0 */
	int told;
};

static void run_one(const struct world *w, double seconds, struct result *to)
{
	struct world_run *r = world_begin(w);
	struct burst_share share = { 0 };
	bool told = false;

	for (size_t i = 0; i < COUNT(looks) && looks[i] <= seconds; i++) {
		world_run(r, looks[i]);
		if (world_share(r, &share))
			break;
		if (!told && share.surely > 0.002) {
			told = true;
			to->told++;
			to->told_at += looks[i];
		}
	}
	to->runs++;
	double truth = world_truth(w, share.horizon);
	double off = 2 * sqrt(truth * (1 - truth) / (share.born ? share.born : 1)) + 0.002;
	to->covered += truth >= share.low - off && truth <= share.high + off;
	to->called += share.surely > 0.002;
	to->enough += share.enough;
	to->width += share.high - share.low;
	world_end(r);
}

/* Bursts as long as a pause of two seconds pays for, up to what the governor's may be. */
static void as_planned(struct world *w)
{
	static const double LONGEST = 0.2, MEAN = 0.541; /* of log-uniform draws, to the longest */

	w->longest = fmin(fmax(2 * w->duty / (1 - w->duty) / MEAN, LONGEST / 4), LONGEST);
	w->shortest = w->longest / 4;
	if (w->duty > 0.25)
		w->least_pause = 0.01;
}

static const double planted_rates[] = { 30, 100, 300 };
/* Of the other blocks, seconds: of a request, of a value that is replaced, of a session. */
static const double lives[] = { 0.001, 0.015, 1 };

struct named {
	int by_60, ever, others;
	double sum;
};

static bool is_named(struct world_run *r, uint32_t site, struct burst_share *ret_share)
{
	struct burst_growth growth;
	struct verdict verdict;

	if (world_settle(r, site, ret_share, &growth))
		return false;
	verdict_bursts(ret_share, &growth, &verdict);
	return verdict.verdict == VERDICT_GROWING;
}

static void run_planted(const struct world *w, double seconds, struct named *to)
{
	struct world_run *r = world_begin(w);
	bool named = false, other = false;
	struct burst_share share;

	for (double at = 10; at <= seconds; at += 10) {
		world_run(r, at);
		other |= is_named(r, WORLD_BUSY, &share);
		if (named || !is_named(r, WORLD_SITE, &share))
			continue;
		named = true;
		to->sum += at;
		to->by_60 += at <= 60;
	}
	to->ever += named;
	to->others += other;
	world_end(r);
}

static void planted(int runs, double seconds)
{
	printf("%8s %7s %5s | %12s %10s %12s %8s\n", "leaks/s", "others", "duty", "named in 60 s",
	       "ever", "after", "accused");
	for (size_t i = 0; i < COUNT(planted_rates) * COUNT(lives) * COUNT(duties); i++) {
		double duty = duties[i % COUNT(duties)];
		struct world w = { .rate = planted_rates[i / COUNT(duties) / COUNT(lives)],
				   .law = &world_laws[0],
				   .leak = 1,
				   .reuses = true,
				   .least_pause = 0.1,
				   .busy_life = lives[i / COUNT(duties) % COUNT(lives)],
				   .duty = duty };
		struct named to = { 0 };

		as_planned(&w);
		w.busy_rate = 100 * w.rate;
		for (w.seed = 1; w.seed <= (uint64_t)runs; w.seed++)
			run_planted(&w, seconds, &to);
		printf("%8.0f %5.0fms %4.0f%% | %11.0f%% %9.0f%% %10.0f s %7.0f%%\n", w.rate,
		       w.busy_life * 1000, duty * 100, 100.0 * to.by_60 / runs,
		       100.0 * to.ever / runs, to.ever ? to.sum / to.ever : NAN,
		       100.0 * to.others / runs);
	}
}

static const double all_duties[] = { 0.9, 0.5, 0.2, 0.1, 0.05, 0.02 };
static const double lump_looks[] = { 15, 30, 60, 120, 240, 480, 960 };

struct lumps {
	int runs, accused, covered;
	int named[COUNT(lump_looks)];
};

static void run_lumps(const struct world *w, struct lumps *to)
{
	struct world_run *r = world_begin(w);
	struct burst_share share;
	bool accused = false;
	size_t nr = w->rate < 100			   ? COUNT(lump_looks)
		    : w->leak > 0 || w->law->longest >= 60 ? 5
							   : 4;

	for (size_t i = 0; i < nr; i++) {
		double truth, off;
		bool named;

		world_run(r, lump_looks[i]);
		accused |= is_named(r, WORLD_BUSY, &share);
		named = is_named(r, WORLD_SITE, &share);
		to->named[i] += named;
		accused |= named && w->leak == 0 && lump_looks[i] >= w->law->longest;
		if (i + 1 < nr)
			continue;
		truth = world_truth(w, share.horizon);
		off = 2 * sqrt(truth * (1 - truth) / (double)(share.born + 1)) + 0.002;
		to->covered += truth >= share.low - off && truth <= share.high + off;
	}
	to->runs++;
	to->accused += accused;
	world_end(r);
}

/* A leak of all: each name of a law is then of the blocks beside it. */
static void lumps(int runs, size_t first)
{
	printf("%-12s %5s %5s %5s | %8s %8s | %s\n", "lifetimes", "reuse", "leak", "duty",
	       "accused", "covered", "named at 15, 30, 60, 120, 240, 480, 960 s");
	for (size_t i = first * 2 * COUNT(all_duties);
	     i < (WORLD_LUMPS + 3) * 2 * COUNT(all_duties); i++) {
		size_t law = i / COUNT(all_duties) / 2;
		struct world w = { .rate = law == WORLD_LUMPS + 2 ? 5 : 300,
				   .busy_rate = law == WORLD_LUMPS + 2 ? 100 : 500,
				   .busy_life = 0.015,
				   .law = &world_lumps[law < WORLD_LUMPS ? law : 0],
				   .leak = law < WORLD_LUMPS	? 0
					   : law == WORLD_LUMPS ? 0.5
								: 1,
				   .reuses = i / COUNT(all_duties) & 1,
				   .least_pause = 0.1,
				   .duty = all_duties[i % COUNT(all_duties)] };
		struct lumps to = { 0 };

		as_planned(&w);
		for (w.seed = 1; w.seed <= (uint64_t)runs; w.seed++)
			run_lumps(&w, &to);
		printf("%-12s %5s %4.0f%% %4.0f%% | %7.1f%% %7.1f%% |",
		       law < WORLD_LUMPS ? w.law->name
		       : w.rate > 100	 ? "leak"
					 : "leak, rare",
		       w.reuses ? "yes" : "no", w.leak * 100, w.duty * 100,
		       100.0 * to.accused / runs, 100.0 * to.covered / runs);
		for (size_t k = 0; k < COUNT(lump_looks) && (k < 5 || w.rate < 100); k++)
			printf(" %4.0f%%", 100.0 * to.named[k] / runs);
		printf("\n");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "lumps")) {
		lumps(argc > 2 ? atoi(argv[2]) : 50, argc > 3 ? (size_t)atoi(argv[3]) : 0);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "planted")) {
		planted(argc > 2 ? atoi(argv[2]) : 20, argc > 3 ? atof(argv[3]) : 120);
		return 0;
	}
	int runs = argc > 1 ? atoi(argv[1]) : 50;
	double seconds = argc > 2 ? atof(argv[2]) : 60;

	printf("%-12s %5s %5s %5s | %8s %7s %7s %6s %10s\n", "lifetimes", "reuse", "leak", "duty",
	       "covered", "width", "called", "enough", "told after");
	for (size_t law = 0; law < WORLD_LAWS; law++)
		for (int reuse = 0; reuse < 2; reuse++)
			for (size_t l = 0; l < COUNT(leaks); l++)
				for (size_t d = 0; d < COUNT(duties); d++) {
					struct world w = { .rate = 300,
							   .busy_rate = reuse ? 1000 : 0,
							   .law = &world_laws[law],
							   .leak = leaks[l],
							   .reuses = reuse,
							   .shortest = 0.015,
							   .longest = 0.12,
							   .duty = duties[d] };
					struct result to = { 0 };

					for (int i = 0; i < runs; i++) {
						w.seed = 1 + i;
						run_one(&w, seconds, &to);
					}
					printf("%-12s %5s %4.0f%% %4.0f%% | %7.0f%% %7.3f %6.0f%% "
					       "%5.0f%% ",
					       w.law->name, reuse ? "yes" : "no", leaks[l] * 100,
					       duties[d] * 100, 100.0 * to.covered / to.runs,
					       to.width / to.runs, 100.0 * to.called / to.runs,
					       100.0 * to.enough / to.runs);
					if (to.told)
						printf("%8.0f s\n", to.told_at / to.told);
					else
						printf("%10s\n", "never");
				}
	return 0;
}

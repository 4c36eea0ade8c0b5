// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Simulates sites that are traced in bursts, and prints how often the interval of their
 * leaking share covers the truth, how wide it is, and after how long leaking sites are told
 * from others: seep's own estimator, on processes whose truth is known.
 *
 *	burst-simulation [RUNS [SECONDS]]
 */
#include <stdio.h>

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

int main(int argc, char **argv)
{
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

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the words for what the budget has meant. */
#include "trace/governor_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"

bool governor_gave_up(const struct governor *g)
{
	return g->state == GAVE_UP;
}

bool governor_bursts(const struct governor *g)
{
	return g->gaps;
}

static void say(const struct governor *g, const struct measure *now, char *text, size_t size)
{
	double spent = now->cost - g->origin.cost, cpu = fmax(now->cpu - g->origin.cpu, 1e-3);
	double rate = cpu / measure_seconds(&g->origin, now);

	if (g->state == GAVE_UP)
		snprintf(text, size, "Tracing ended early: %s.", g->reason);
	else if (g->state == PAUSE && !g->number && g->counted.time)
		snprintf(text, size,
			 "Nothing was traced: of %.0f calls a second not all fit the budget of "
			 "%.3g%%, and it ended before a first burst had been earned: trace for "
			 "longer, "
			 "or --budget allows more.",
			 g->hit_rate, g->options.percent);
	else if (g->state == WAITING || g->state == CALM || (g->state == PAUSE && !g->number))
		snprintf(text, size,
			 "Nothing was traced: it ended before the calls had been counted, to see "
			 "whether all of them fit the budget of %.3g%%.",
			 g->options.percent);
	else if (!g->gaps)
		snprintf(text, size,
			 "Traced all the time, within the budget of %.3g%%: it took %.2g%% "
			 "of the targets' CPU time.",
			 g->options.percent, spent / cpu * 100);
	else
		snprintf(text, size,
			 "Traced in %zu bursts to keep to the budget of %.3g%%: %.0f calls a "
			 "second, "
			 "which all the time would take %.0f%% of the targets' CPU time. It took "
			 "%.2g%%.",
			 g->nr_bursts, g->options.percent, g->hit_rate, g->always_rate / rate * 100,
			 spent / cpu * 100);
}

static void say_leap(const struct governor *g, char *text, size_t size)
{
	size_t used = strlen(text);

	if (!g->leap.times)
		return;
	snprintf(text + used, size - used,
		 " The probes were taken out at once%s: calls rose from %.0f to %.0f a second, "
		 "%.1f s after the start.",
		 g->leap.times > 1 ? " several times" : "", g->leap.from, g->leap.to, g->leap.at);
}

int governor_report(struct governor *g, uint64_t time, struct profile *profile)
{
	struct measure now;
	char text[600];

	governor_measure(g, time, &now);
	profile->health.cost_seconds = now.cost - g->origin.cost;
	profile->health.target_seconds = now.cpu - g->origin.cpu;
	say(g, &now, text, sizeof(text));
	say_leap(g, text, sizeof(text));
	profile->capture.budget = g->options.percent;
	profile->capture.budget_words = profile_string(profile, text);
	for (size_t i = 0; i < g->nr_bursts; i++) {
		struct profile_burst *burst =
			vec_push(&profile->bursts, &profile->nr_bursts, &profile->cap_bursts);

		if (!burst)
			return -ENOMEM;
		*burst = g->bursts[i];
	}
	if (g->gaps || !g->number)
		profile->health.traced_share =
			fmin(g->traced / fmax(profile->capture.seconds, 1e-3), 1);
	return profile->capture.budget_words ? 0 : -ENOMEM;
}

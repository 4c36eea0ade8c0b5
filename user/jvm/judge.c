// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what a JVM's figures mean. A heap rises between collections however well the program
 * behaves, so the old generation is judged by what is left after one: time is cut where the count
 * of old collections goes up, and each stretch's least use is what could not be collected.
 *
 *   old generation grows   these troughs go on rising (base/series.h; by a plainer rule when they
 *                          are fewer than that asks for): objects are kept
 *   heap too small         the troughs are near the maximum, or most of the heap and a fifth of the
 *                          time goes to collecting it, and yet they do not rise
 *   native memory grows    the heap does not, but what is resident beyond all that the heap could
 *                          have touched does: threads, direct buffers, JNI, classes
 *
 * A heap's capacity may be resident or not, so that what is native is at least the difference;
 * below a capacity that was never touched a native leak stays unseen until it is larger.
 */
#include "jvm/jvm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/series.h"

enum { TROUGHS_LEAST = 4, POINTS_LEAST = SERIES_LEAST };

static const double MIB = 1 << 20;
static const double NEAR = 0.85, MOSTLY = 0.6, PAUSES = 0.2;
static const double GROWN = 0.05; /* of the maximum */
static const double GOES_ON = 0.25;

struct troughs {
	struct series_point *points;
	size_t nr;
};

/* The least of the old generation after each of its collections. */
static void find_troughs(const struct jvm_point *points, size_t nr, struct troughs *troughs)
{
	for (size_t i = 1; i < nr; i++) {
		struct series_point here = { points[i].time, points[i].old_used };

		if (points[i].old_collections > points[i - 1].old_collections)
			troughs->points[troughs->nr++] = here;
		else if (troughs->nr && here.value < troughs->points[troughs->nr - 1].value)
			troughs->points[troughs->nr - 1] = here;
	}
}

/* A few troughs: nearly all rise, and the last as the others. */
static bool few_rise(const struct troughs *t, double least, double *ret_rate)
{
	size_t last = t->nr - 1, falls = 0;
	double growth = t->points[last].value - t->points[0].value;
	double seconds = t->points[last].time - t->points[0].time;

	for (size_t i = 1; i < t->nr; i++)
		falls += t->points[i].value <= t->points[i - 1].value;
	if (growth < least || falls > (t->nr - 1) / 4 || seconds <= 0 ||
	    t->points[last].value - t->points[last / 2].value < GOES_ON * growth)
		return false;
	*ret_rate = growth / seconds;
	return true;
}

static bool troughs_rise(const struct troughs *t, double least, double *ret_rate)
{
	struct series_trend trend;

	if (t->nr < TROUGHS_LEAST)
		return false;
	if (t->nr < SERIES_LEAST)
		return few_rise(t, least, ret_rate);
	series_judge(t->points, t->nr, least, &trend);
	*ret_rate = trend.slope;
	return trend.shape == SERIES_RISING;
}

static double median_of_last_third(const struct troughs *t)
{
	size_t from = t->nr - (t->nr + 2) / 3;
	double sum = 0;

	/* Troughs are minima already: a mean of them is no worse. */
	for (size_t i = from; i < t->nr; i++)
		sum += t->points[i].value;
	return sum / (double)(t->nr - from);
}

static bool native_rises(const struct jvm_point *points, size_t nr, struct series_point *series,
			 struct series_trend *ret_trend)
{
	for (size_t i = 0; i < nr; i++)
		series[i] =
			(struct series_point){ points[i].time,
					       fmax(points[i].resident - points[i].capacity, 0) };
	series_judge(series, nr, 8 * MIB, ret_trend);
	return ret_trend->shape == SERIES_RISING && series[0].value > 0;
}

static void say_old(const struct troughs *t, double max, struct jvm_judgement *j)
{
	double now = t->points[t->nr - 1].value;

	j->verdict = JVM_OLD_GROWS;
	j->seconds_to_max = j->rate > 0 && max > now ? (max - now) / j->rate : 0;
	snprintf(j->evidence, sizeof(j->evidence),
		 "The old generation held %.1f MiB after a collection and %.1f MiB after the last "
		 "of %zu, of %.0f MiB at most: objects are kept.",
		 t->points[0].value / MIB, now / MIB, t->nr, max / MIB);
}

static void judge_heap(const struct jvm_point *points, size_t nr, struct series_point *room,
		       struct jvm_judgement *j)
{
	struct troughs troughs = { room, 0 };
	const struct jvm_point *last = &points[nr - 1], *half = &points[nr / 2];
	double pauses = (last->pauses - half->pauses) / (last->time - half->time);
	double kept, native_seconds = last->time - points[0].time;
	struct series_trend native;

	find_troughs(points, nr, &troughs);
	kept = troughs.nr ? median_of_last_third(&troughs) : 0;
	if (troughs_rise(&troughs, GROWN * last->old_max, &j->rate)) {
		say_old(&troughs, last->old_max, j);
	} else if (last->old_max > 0 && troughs.nr >= TROUGHS_LEAST - 1 &&
		   (kept > NEAR * last->old_max ||
		    (pauses > PAUSES && kept > MOSTLY * last->old_max))) {
		j->verdict = JVM_HEAP_TOO_SMALL;
		snprintf(j->evidence, sizeof(j->evidence),
			 "After collections %.1f MiB are in use of %.0f MiB at most, no more each "
			 "time; %.0f%% of the time went to collecting: raise -Xmx.",
			 kept / MIB, last->old_max / MIB, fmin(pauses, 1) * 100);
	} else if (native_rises(points, nr, room, &native)) {
		j->verdict = JVM_NATIVE_GROWS;
		j->rate = native.slope;
		snprintf(
			j->evidence, sizeof(j->evidence),
			"Beside the heap %.1f MiB became resident in %.0f s, metaspace %.1f MiB of "
			"it; the heap does not grow.",
			native.growth / MIB, native_seconds,
			(last->metaspace - points[0].metaspace) / MIB);
	} else if (troughs.nr < 2 && last->old_used - points[0].old_used > GROWN * last->old_max) {
		snprintf(j->evidence, sizeof(j->evidence),
			 "The old generation grew by %.1f MiB and was not collected yet.",
			 (last->old_used - points[0].old_used) / MIB);
	} else {
		j->verdict = JVM_STEADY;
		snprintf(j->evidence, sizeof(j->evidence),
			 "After %zu collections the old generation holds %.1f MiB of %.0f MiB at "
			 "most, no more than before.",
			 troughs.nr, (troughs.nr ? kept : last->old_used) / MIB,
			 last->old_max / MIB);
	}
}

void jvm_judge(const struct jvm_point *points, size_t nr, struct jvm_judgement *ret_judgement)
{
	struct jvm_judgement j = { .verdict = JVM_TOO_LITTLE };
	struct series_point *room = nr < POINTS_LEAST ? NULL : calloc(nr, sizeof(*room));

	if (!room || points[nr - 1].time <= points[nr / 2].time)
		snprintf(j.evidence, sizeof(j.evidence), "It was looked at %zu times only.", nr);
	else
		judge_heap(points, nr, room, &j);
	free(room);
	*ret_judgement = j;
}

const char *jvm_verdict_name(enum jvm_verdict verdict)
{
	static const char *const names[] = { "too little data", "steady", "heap too small",
					     "old generation grows", "native memory grows" };

	return verdict < sizeof(names) / sizeof(*names) ? names[verdict] : "unknown";
}

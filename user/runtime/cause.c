// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the rules. What the collector gave up needs no second look: it is never freed. Dead
 * cycles are normal while it is on, and lost while it is off, or where it is told again and
 * again to spare what there is (gc.freeze). All else must grow from
 * look to look: a big container, or objects held from C, may be what the program is about.
 * Of several causes the one with most objects counts.
 */
#include "runtime/cause.h"

enum {
	LEAST_LOOKS = 3,
	REGISTERED = 20, /* items that a module of code may add to lists of others: its classes */
};

static void consider(struct cause *best, enum cause_kind kind, int64_t objects, double seconds)
{
	if (objects < CAUSE_LEAST || objects <= best->objects)
		return;
	*best = (struct cause){
		.kind = kind,
		.objects = objects,
		.rate = seconds > 0 ? objects / seconds : 0,
	};
}

static void consider_held(struct cause *best, const struct cause_numbers *n)
{
	int64_t grown = (int64_t)(n->held - n->held_before);

	if (n->held_trend == TREND_GROWING && grown >= (int64_t)(n->objects / CAUSE_LEAST_SHARE))
		consider(best, CAUSE_HELD_FROM_C, grown, n->seconds);
}

/* Spared objects are never looked at again: cycles among them stay. */
static void consider_dead(struct cause *best, const struct cause_numbers *n, bool enough)
{
	bool grows = n->dead_trend == TREND_GROWING;
	int64_t grown = (int64_t)(n->dead - (enough ? n->dead_before : 0));

	if (n->gc_enabled == 0 && (!enough || grows))
		consider(best, CAUSE_CYCLE, grown, n->seconds);
	else if (enough && grows && n->frozen_growth >= CAUSE_LEAST)
		consider(best, CAUSE_CYCLE, grown < n->frozen_growth ? grown : n->frozen_growth,
			 n->seconds);
}

static void consider_container(struct cause *best, const struct cause_numbers *n)
{
	bool fills = n->container_capacity > 0;

	if (n->container_trend != TREND_GROWING)
		return;
	/* While code is loaded its classes are entered in what lists classes, and so on. */
	if (n->modules_trend == TREND_GROWING &&
	    n->container_growth <= n->modules_growth * REGISTERED)
		return;
	consider(best, fills ? CAUSE_FILLING : CAUSE_CONTAINER, n->container_growth,
		 n->container_seconds > 0 ? n->container_seconds : n->seconds);
}

struct cause cause_decide(const struct cause_numbers *n)
{
	struct cause best = { .kind = CAUSE_NONE };
	bool enough = n->looks >= LEAST_LOOKS;

	/* A trend of its own takes three looks, which may be others than these. */
	consider_container(&best, n);
	if (enough)
		consider_held(&best, n);
	consider_dead(&best, n, enough);
	consider(&best, CAUSE_UNCOLLECTABLE, n->garbage, 0);
	if (best.kind == CAUSE_NONE && !enough)
		best.kind = CAUSE_TOO_LITTLE;
	return best;
}

const char *cause_name(enum cause_kind kind)
{
	static const char *const names[] = {
		[CAUSE_TOO_LITTLE] = "too little data",
		[CAUSE_NONE] = "none",
		[CAUSE_CONTAINER] = "container",
		[CAUSE_FILLING] = "filling",
		[CAUSE_CYCLE] = "cycle",
		[CAUSE_UNCOLLECTABLE] = "uncollectable",
		[CAUSE_HELD_FROM_C] = "held from C",
	};

	return names[kind];
}

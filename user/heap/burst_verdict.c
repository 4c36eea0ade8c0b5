// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the thresholds and the words. A site is named only if a lower bound that holds with
 * 99.95% says that it leaks (thousands of sites are looked at), in several bursts, and if the
 * process as a whole can be growing by half of what the site would leak, and resident memory bears
 * it out, or so much was traced that being freed all at once would have been seen. What is not
 * freed within the time looked at may be freed later: a cache that fills is told from a leak by
 * tracing for longer.
 */
#include "heap/burst_verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEWEST_BURSTS = 6, FEWEST_BLOCKS = 16 };

static const double LEAST = 0.002; /* of the blocks */
static const double SMALL = 0.05;
static const double BORNE_OUT = 0.5; /* of the leak by the growth of the process */
static const double LUMPS_WITHIN = 60; /* seconds; who frees less often is taken to leak */

/* "97%", of little "0.4%" */
static const char *percent(double share, char text[16])
{
	snprintf(text, 16, "%.*f", share > 0 && share < 0.0995 && share * 100 != round(share * 100),
		 share * 100);
	return text;
}

/* "97% (91-100%) of what it allocates, 40 bursts" */
static const char *share_text(const struct burst_share *s, char text[96])
{
	char share[16], low[16], high[16];

	snprintf(text, 96, "%s%% (%s-%s%%) of what it allocates, %zu burst%s",
		 percent(s->share, share), percent(s->low, low), percent(s->high, high), s->bursts,
		 s->bursts == 1 ? "" : "s");
	return text;
}

bool burst_leaks(const struct burst_share *s)
{
	return s->surely > LEAST && s->bursts >= FEWEST_BURSTS && s->unproven >= FEWEST_BLOCKS;
}

/* It would be seen in the process' resident memory, and is not. */
static bool not_resident(const struct burst_share *s, const struct burst_growth *growth)
{
	static const double SEEN = 16 << 20, BORNE_OUT_BY = 0.25;
	double leaked = s->low * growth->bytes * growth->seconds;

	return leaked > SEEN && growth->resident < BORNE_OUT_BY * leaked;
}

void burst_settle(struct burst_share *s, const struct burst_growth *growth)
{
	if (growth->borne_out || s->lumps_within >= LUMPS_WITHIN)
		return;
	s->lumped = burst_leaks(s);
	s->low = s->surely = 0;
	s->enough = burst_is_enough(s);
}

void verdict_bursts(const struct burst_share *s, const struct burst_growth *growth,
		    struct verdict *v)
{
	char share[96], rate[16], high[16];

	share_text(s, share);
	v->growth_rate = s->share * growth->bytes;
	v->verdict = VERDICT_TOO_LITTLE_DATA;
	verdict_bytes(v->growth_rate, rate);
	if (!s->born) {
		snprintf(v->evidence, sizeof(v->evidence), "it allocated nothing in a burst.");
	} else if (burst_leaks(s) && s->net_at_most < BORNE_OUT * s->share * (double)s->born) {
		snprintf(v->evidence, sizeof(v->evidence),
			 "keeps %s, but the process releases about as many blocks as it allocates: "
			 "trace for longer than such blocks live.",
			 share);
	} else if (burst_leaks(s) && not_resident(s, growth)) {
		snprintf(v->evidence, sizeof(v->evidence),
			 "keeps %s for a while, but resident memory does not grow by %s/s: it may "
			 "be "
			 "released rarely, and all at once.",
			 share, rate);
	} else if (burst_leaks(s)) {
		v->verdict = VERDICT_GROWING;
		snprintf(v->evidence, sizeof(v->evidence), "leaks %s; %s/s.", share, rate);
	} else if (s->lumped) {
		snprintf(v->evidence, sizeof(v->evidence),
			 "may keep %s, or free it all at once between bursts: resident memory does "
			 "not go on rising by %s/s, or not for long enough.",
			 share, rate);
	} else if (s->enough && s->high <= SMALL) {
		v->verdict = VERDICT_STEADY;
		snprintf(v->evidence, sizeof(v->evidence),
			 "leaks at most %s%% of what it allocates, %zu bursts.",
			 percent(s->high, high), s->bursts);
	} else {
		snprintf(v->evidence, sizeof(v->evidence), "may leak %s: too little to tell.",
			 share);
	}
}

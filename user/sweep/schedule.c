// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns when passes begin, and what they may use. FNV-1a (Fowler, Noll, Vo) makes a number of a
 * host's name. */
#include "sweep/schedule.h"

#include <math.h>

#include "base/hashmap.h"

uint64_t sweep_host_hash(const char *id)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001b3ULL;
	return hash_mix(hash);
}

/* 53 bits are what a double holds: below 1 in any case. */
static double fraction(uint64_t number)
{
	return ldexp((double)(number >> 11), -53);
}

double sweep_jitter(uint64_t host, double jitter)
{
	return jitter * fraction(host);
}

bool sweep_takes_part(uint64_t chance, double probability)
{
	return fraction(chance) < probability;
}

void sweep_schedule_init(struct sweep_schedule *schedule, double now, double delay, double every)
{
	*schedule = (struct sweep_schedule){ .first = now + delay, .every = every };
	schedule->due = schedule->first;
}

bool sweep_schedule_next(struct sweep_schedule *schedule, double now)
{
	double passed;

	if (!(schedule->every > 0))
		return false;
	/* At whole multiples, so that the spread over hosts stays as it was. */
	passed = floor(fmax(now - schedule->due, 0) / schedule->every);
	schedule->missed += (uint64_t)passed;
	schedule->due += (passed + 1) * schedule->every;
	return true;
}

double sweep_account_due(const struct sweep_account *account, double cpu)
{
	if (!(account->percent > 0))
		return account->since;
	return account->since + (cpu - account->cpu) * 100 / account->percent;
}

void sweep_account_begin(struct sweep_account *account, double now, double cpu)
{
	account->since = fmax(now, sweep_account_due(account, cpu));
	account->cpu = cpu;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the counts that estimates are made from: what each site allocated in each burst, and
 * of that how much was seen freed, by age. Must not know what is concluded from them.
 *
 * Controls are addresses that are known to be free when a burst ends: the last ones that a
 * site's blocks were freed at. How many of them are met again later tells how surely an unseen
 * free shows.
 *
 * Bounded: at most MOST_BURSTS bursts and MOST_ENTRIES counts; beyond, the oldest quarter of
 * the bursts is forgotten with all that was born in it, so that the estimates are of the
 * later time.
 */
#include "heap/bursts_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"

enum { MOST_BURSTS = 512, MOST_ENTRIES = 1 << 21, MOST_CONTROLS = 1 << 18 };

unsigned int age_of(uint32_t ms)
{
	unsigned int octave;

	if (ms < AGES_FINE)
		return ms;
	octave = 31 - __builtin_clz(ms);
	return AGES_FINE + (octave - 4) * AGES_OCTAVE + (ms >> (octave - 3) & 7);
}

double age_begin(unsigned int age)
{
	unsigned int octave;

	if (age < AGES_FINE)
		return age;
	octave = (age - AGES_FINE) / AGES_OCTAVE;
	return (double)(1ULL << (octave + 4)) * (1 + (age - AGES_FINE) % AGES_OCTAVE / 8.0);
}

double age_edge(unsigned int age)
{
	return age ? age_begin(age) - 0.5 : 0;
}

struct bursts *bursts_new(void)
{
	struct bursts *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->death_index = hashmap_new();
	b->controls = hashmap_new();
	if (!b->death_index || !b->controls) {
		bursts_free(b);
		return NULL;
	}
	return b;
}

void bursts_free(struct bursts *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nr_sites; i++) {
		free(b->sites[i].births);
		free(b->sites[i].deaths);
		free(b->sites[i].met);
	}
	for (size_t i = 0; i < b->nr_spaces; i++)
		free(b->spaces[i].flows);
	hashmap_free(b->death_index);
	hashmap_free(b->controls);
	free(b->sites);
	free(b->spaces);
	free(b->items);
	free(b);
}

static uint64_t address_key(uint32_t space, uint64_t address)
{
	return hash_mix(address) ^ hash_mix((uint64_t)space << 40 | 1);
}

static uint64_t death_key(uint32_t site, uint32_t burst, uint32_t age)
{
	return (uint64_t)site << 40 | (uint64_t)(burst & 0xffffff) << 16 | age;
}

static void forget_births(struct site_bursts *site, uint32_t first)
{
	size_t kept = 0;

	for (size_t i = 0; i < site->nr_births; i++)
		if (site->births[i].burst >= first)
			site->births[kept++] = site->births[i];
	site->nr_births = kept;
	kept = 0;
	for (size_t i = 0; i < site->nr_deaths; i++)
		if (site->deaths[i].burst >= first)
			site->deaths[kept++] = site->deaths[i];
	site->nr_deaths = kept;
	kept = 0;
	for (size_t i = 0; i < site->nr_met; i++)
		if (site->met[i].burst >= first)
			site->met[kept++] = site->met[i];
	site->nr_met = kept;
}

static void forget_flows(struct space_flow *space, uint32_t first)
{
	size_t kept = 0;

	for (size_t i = 0; i < space->nr_flows; i++)
		if (space->flows[i].burst >= first)
			space->flows[kept++] = space->flows[i];
	space->nr_flows = kept;
}

/* 0, or -ENOMEM with everything as it was. */
static int forget_oldest(struct bursts *b)
{
	size_t gone = (b->nr + 3) / 4;
	uint32_t first = b->first + (uint32_t)gone;
	struct hashmap *index = hashmap_new();

	if (!index)
		return -ENOMEM;
	b->entries = 0;
	for (size_t s = 0; s < b->nr_sites; s++) {
		struct site_bursts *site = &b->sites[s];

		forget_births(site, first);
		b->entries += site->nr_births + site->nr_deaths + site->nr_met;
		for (size_t i = 0; i < site->nr_deaths; i++)
			if (hashmap_put(index,
					death_key(s, site->deaths[i].burst,
						  site->deaths[i].age | site->deaths[i].late << 15),
					i))
				b->lost++;
	}
	for (size_t s = 0; s < b->nr_spaces; s++)
		forget_flows(&b->spaces[s], first);
	hashmap_free(b->death_index);
	b->death_index = index;
	memmove(b->items, b->items + gone, (b->nr - gone) * sizeof(*b->items));
	b->nr -= gone;
	b->first = first;
	return 0;
}

int bursts_begin(struct bursts *b, uint32_t time)
{
	struct burst *burst;

	if ((b->nr >= MOST_BURSTS || b->entries >= MOST_ENTRIES) && forget_oldest(b))
		return -ENOMEM;
	burst = vec_push(&b->items, &b->nr, &b->cap);
	if (!burst)
		return -ENOMEM;
	burst->begin = time;
	return 0;
}

void bursts_end(struct bursts *b, uint32_t time)
{
	struct burst *last = b->nr ? &b->items[b->nr - 1] : NULL;

	if (last && !last->end)
		last->end = time > last->begin ? time : last->begin + 1;
}

uint32_t bursts_clamp(const struct bursts *b, uint32_t time)
{
	const struct burst *last = b->nr ? &b->items[b->nr - 1] : NULL;

	if (!last)
		return time;
	if (time < last->begin)
		return last->begin;
	return last->end && time > last->end ? last->end : time;
}

static struct site_bursts *site_at(struct bursts *b, uint32_t site)
{
	while (b->nr_sites <= site) {
		if (!vec_push(&b->sites, &b->nr_sites, &b->cap_sites))
			return NULL;
	}
	return &b->sites[site];
}

/* What the space did in the last burst; NULL without memory, or before the first. */
static struct flow *flow_now(struct bursts *b, uint32_t space)
{
	uint32_t now = b->first + (uint32_t)b->nr - 1;
	struct space_flow *s;
	struct flow *flow;

	while (b->nr_spaces <= space) {
		if (!vec_push(&b->spaces, &b->nr_spaces, &b->cap_spaces))
			return NULL;
	}
	s = &b->spaces[space];
	if (!b->nr)
		return NULL;
	if (s->nr_flows && s->flows[s->nr_flows - 1].burst == now)
		return &s->flows[s->nr_flows - 1];
	flow = vec_push(&s->flows, &s->nr_flows, &s->cap_flows);
	if (flow)
		flow->burst = now;
	return flow;
}

/* The site's counts of a burst; NULL when it is forgotten. */
static struct site_births *births_of(struct site_bursts *site, uint32_t burst)
{
	/* Nearly always one of the last. */
	for (size_t i = site->nr_births; i-- > 0 && site->births[i].burst >= burst;)
		if (site->births[i].burst == burst)
			return &site->births[i];
	return NULL;
}

/* Something happens at an address: if it was a control, it shows that it can be met again. */
static void meet(struct bursts *b, uint64_t key, bool freed)
{
	uint32_t now = b->first + (uint32_t)b->nr - 1, burst;
	struct site_births *births;
	uint64_t value;

	if (!hashmap_get(b->controls, key, &value))
		return;
	hashmap_remove(b->controls, key);
	burst = (uint32_t)value;
	/* Given out again in the same burst it was not free at its end, thus no control. */
	if (burst == now || value >> 32 >= b->nr_sites)
		return;
	births = births_of(&b->sites[value >> 32], burst);
	b->controls_taken += !freed;
	b->controls_freed += freed;
	if (births) {
		births->controls_taken += !freed;
		births->controls_freed += freed;
	}
}

/* The address has just become free. */
static void keep_control(struct bursts *b, struct site_bursts *site, uint32_t number, uint64_t key)
{
	uint32_t now = b->first + (uint32_t)b->nr - 1;
	uint64_t *slot, value;

	if (hashmap_size(b->controls) >= MOST_CONTROLS)
		return;
	if (site->recent_burst != now)
		memset(site->recent, 0, sizeof(site->recent));
	site->recent_burst = now;
	slot = &site->recent[site->recent_next++ % RECENT];
	if (*slot && hashmap_get(b->controls, *slot, &value) && value == control_value(number, now))
		hashmap_remove(b->controls, *slot);
	*slot = hashmap_put(b->controls, key, control_value(number, now)) ? 0 : key;
}

void bursts_birth(struct bursts *b, uint32_t number, uint32_t space, uint64_t address)
{
	uint32_t now = b->first + (uint32_t)b->nr - 1;
	struct site_bursts *site = b->nr ? site_at(b, number) : NULL;
	struct site_births *births = NULL;
	struct flow *flow = flow_now(b, space);

	if (flow)
		flow->born++;
	meet(b, address_key(space, address), false);
	if (site && site->nr_births && site->births[site->nr_births - 1].burst == now) {
		births = &site->births[site->nr_births - 1];
	} else if (site) {
		births = vec_push(&site->births, &site->nr_births, &site->cap_births);
		if (births) {
			births->burst = now;
			b->entries++;
		}
	}
	if (births)
		births->born++;
	else
		b->lost++;
}

/* The burst that a time is in, as an index; SIZE_MAX when it is forgotten. */
static size_t burst_at(const struct bursts *b, uint32_t time)
{
	size_t low = 0, high = b->nr;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (b->items[middle].begin <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static void count_death(struct bursts *b, struct site_bursts *site, uint32_t number, uint32_t burst,
			uint32_t age, bool late)
{
	uint64_t key = death_key(number, burst, age | late << 15), index;
	struct site_deaths *deaths;

	if (hashmap_get(b->death_index, key, &index)) {
		site->deaths[index].count++;
		return;
	}
	deaths = vec_push(&site->deaths, &site->nr_deaths, &site->cap_deaths);
	if (!deaths) {
		b->lost++;
		return;
	}
	*deaths = (struct site_deaths){ burst, (uint16_t)age, late, 1 };
	b->entries++;
	/* Without memory for the index the next one gets an entry of its own: no harm. */
	(void)hashmap_put(b->death_index, key, site->nr_deaths - 1);
}

static void count_met(struct bursts *b, struct site_bursts *site)
{
	uint32_t now = b->first + (uint32_t)b->nr - 1;
	struct site_met *met = site->nr_met ? &site->met[site->nr_met - 1] : NULL;

	if (!met || met->burst != now) {
		met = vec_push(&site->met, &site->nr_met, &site->cap_met);
		if (!met) {
			b->lost++;
			return;
		}
		*met = (struct site_met){ .burst = now };
		b->entries++;
	}
	met->count++;
}

void bursts_death(struct bursts *b, uint32_t number, uint32_t space, uint64_t address,
		  uint32_t born, uint32_t time)
{
	size_t of = burst_at(b, born);
	struct site_bursts *site = of == SIZE_MAX ? NULL : site_at(b, number);
	uint32_t burst = b->first + (uint32_t)of, age = age_of(time > born ? time - born : 0);
	struct site_births *births = site ? births_of(site, burst) : NULL;

	if (!births)
		return;
	if (of == b->nr - 1) {
		births->own++;
	} else {
		births->late++;
		count_met(b, site);
	}
	count_death(b, site, number, burst, age, of != b->nr - 1);
	keep_control(b, site, number, address_key(space, address));
}

void bursts_reuse(struct bursts *b, uint32_t number, uint32_t born)
{
	size_t of = burst_at(b, born);
	struct site_bursts *site = of == SIZE_MAX ? NULL : site_at(b, number);
	struct site_births *births = site ? births_of(site, b->first + (uint32_t)of) : NULL;

	if (births)
		births->reused++;
}

void bursts_unmatched(struct bursts *b, uint32_t space, uint64_t address)
{
	meet(b, address_key(space, address), true);
}

void bursts_release(struct bursts *b, uint32_t space)
{
	struct flow *flow = flow_now(b, space);

	if (flow)
		flow->released++;
}

uint64_t bursts_lost(const struct bursts *b)
{
	return b->lost;
}

uint64_t bursts_bytes(const struct bursts *b)
{
	uint64_t bytes = sizeof(*b) + b->cap * sizeof(*b->items) +
			 b->cap_sites * sizeof(*b->sites) + b->cap_spaces * sizeof(*b->spaces) +
			 hashmap_bytes(b->death_index) + hashmap_bytes(b->controls);

	for (size_t i = 0; i < b->nr_sites; i++)
		bytes += b->sites[i].cap_births * sizeof(struct site_births) +
			 b->sites[i].cap_deaths * sizeof(struct site_deaths) +
			 b->sites[i].cap_met * sizeof(struct site_met);
	for (size_t i = 0; i < b->nr_spaces; i++)
		bytes += b->spaces[i].cap_flows * sizeof(struct flow);
	return bytes;
}

size_t bursts_count(const struct bursts *b)
{
	return b->nr;
}

const struct burst *bursts_list(const struct bursts *b)
{
	return b->items;
}

uint64_t bursts_traced(const struct bursts *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->nr; i++)
		sum += b->items[i].end ? b->items[i].end - b->items[i].begin : 0;
	return sum;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the numbers. A rule that no table uses keeps its number, in case that one comes back
 * with it, until another rule needs the number and no program can still be led to it.
 */
#include "trace/unwind_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum idle { IN_USE = 0, IDLE, IDLE_SETTLED };

struct unwind_rules {
	struct seep_unwind_rule *rules;
	uint32_t *users;
	uint8_t *idle; /* enum idle */
	size_t nr, max; /* numbers given out so far, and that there are */
	size_t used;
	size_t next_settled; /* where to look for one first */
	struct hashmap *by_rule; /* hash -> number */
};

struct unwind_rules *unwind_rules_new(struct seep_unwind_rule *rules, size_t max)
{
	struct unwind_rules *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->rules = rules;
	r->max = max < SEEP_UNWIND_RULES_MAX ? max : SEEP_UNWIND_RULES_MAX;
	r->users = calloc(r->max, sizeof(*r->users));
	r->idle = calloc(r->max, sizeof(*r->idle));
	r->by_rule = hashmap_new();
	if (!r->users || !r->idle || !r->by_rule) {
		unwind_rules_free(r);
		return NULL;
	}
	r->users[SEEP_UNWIND_NO_RULE] = 1;
	r->nr = r->used = 1;
	return r;
}

void unwind_rules_free(struct unwind_rules *r)
{
	if (!r)
		return;
	free(r->users);
	free(r->idle);
	hashmap_free(r->by_rule);
	free(r);
}

static uint64_t hash_rule(const struct seep_unwind_rule *rule)
{
	uint64_t words[sizeof(*rule) / 8], hash = 0;

	memcpy(words, rule, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hash = hash_mix(hash ^ words[i]);
	return hash;
}

/* A number for a rule that has none. */
static int find_number(struct unwind_rules *r, size_t *ret_number)
{
	uint64_t key, known;

	if (r->nr < r->max) {
		*ret_number = r->nr++;
		return 0;
	}
	while (r->next_settled < r->nr && r->idle[r->next_settled] != IDLE_SETTLED)
		r->next_settled++;
	if (r->next_settled == r->nr)
		return -ENOSPC;
	key = hash_rule(&r->rules[r->next_settled]);
	if (hashmap_get(r->by_rule, key, &known) && known == r->next_settled)
		hashmap_remove(r->by_rule, key);
	*ret_number = r->next_settled++;
	return 0;
}

int unwind_rules_take(struct unwind_rules *r, const struct seep_unwind_rule *rule,
		      uint16_t *ret_number)
{
	uint64_t key = hash_rule(rule), known;
	size_t number;
	int err = 0;

	/* Two rules of one hash: the second is kept, and is not found again. */
	if (hashmap_get(r->by_rule, key, &known) &&
	    !memcmp(&r->rules[known], rule, sizeof(*rule))) {
		number = known;
	} else {
		err = find_number(r, &number);
		if (err)
			return err;
		r->rules[number] = *rule;
		err = hashmap_put(r->by_rule, key, number);
	}
	r->idle[number] = IN_USE;
	if (!r->users[number]++)
		r->used++;
	*ret_number = number;
	return err;
}

void unwind_rules_give(struct unwind_rules *r, uint16_t number)
{
	if (number == SEEP_UNWIND_NO_RULE || --r->users[number])
		return;
	r->idle[number] = IDLE;
	r->used--;
}

void unwind_rules_settle(struct unwind_rules *r)
{
	for (size_t i = 1; i < r->nr; i++)
		if (r->idle[i] == IDLE)
			r->idle[i] = IDLE_SETTLED;
	r->next_settled = 1;
}

size_t unwind_rules_used(const struct unwind_rules *r)
{
	return r->used;
}

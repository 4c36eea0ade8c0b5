// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a set of unwind rules. Compilers build frames alike, so that millions of rows need
 * only hundreds of rules. It must not know what a rule means.
 *
 * An own open-addressing table, as base/hashmap.h has 8-byte keys and a rule has 16. The
 * hash is keyed with this process's random bytes: a file may be made so that all its
 * rules would fall on one slot.
 */
#include "stack/cfi_rules.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/hashmap.h"
#include "base/vec.h"

struct cfi_rules {
	struct seep_unwind_rule *items;
	size_t nr, cap;
	uint32_t *slots; /* number + 1; 0 empty */
	size_t nr_slots; /* a power of two, at least twice `nr` */
	uint64_t secret[2];
};

static uint64_t hash_rule(const struct cfi_rules *rules, const struct seep_unwind_rule *rule)
{
	uint64_t parts[2];

	memcpy(parts, rule, sizeof(parts));
	return hash_mix(parts[0] ^ hash_mix(parts[1] ^ rules->secret[0]) ^ rules->secret[1]);
}

static bool rules_equal(const struct seep_unwind_rule *a, const struct seep_unwind_rule *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* The slot that holds the rule, or the empty one where it belongs. */
static uint32_t *slot_of(const struct cfi_rules *rules, const struct seep_unwind_rule *rule)
{
	size_t mask = rules->nr_slots - 1, i = hash_rule(rules, rule) & mask;

	while (rules->slots[i] && !rules_equal(&rules->items[rules->slots[i] - 1], rule))
		i = (i + 1) & mask;
	return &rules->slots[i];
}

static int grow(struct cfi_rules *rules)
{
	size_t nr_slots = rules->nr_slots ? rules->nr_slots * 2 : 256;
	uint32_t *slots = calloc(nr_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(rules->slots);
	rules->slots = slots;
	rules->nr_slots = nr_slots;
	for (size_t i = 0; i < rules->nr; i++)
		*slot_of(rules, &rules->items[i]) = (uint32_t)i + 1;
	return 0;
}

struct cfi_rules *cfi_rules_new(void)
{
	static const struct seep_unwind_rule none = { .cfa = SEEP_CFA_NONE };
	static const struct seep_unwind_rule unsupported = { .cfa = SEEP_CFA_UNSUPPORTED };
	struct cfi_rules *rules = calloc(1, sizeof(*rules));
	const void *secret = (const void *)getauxval(AT_RANDOM); /* 16 bytes */
	uint16_t id;

	if (!rules)
		return NULL;
	if (secret)
		memcpy(rules->secret, secret, sizeof(rules->secret));
	if (cfi_rules_add(rules, &none, &id) || cfi_rules_add(rules, &unsupported, &id)) {
		cfi_rules_free(rules);
		return NULL;
	}
	return rules;
}

void cfi_rules_free(struct cfi_rules *rules)
{
	if (!rules)
		return;
	free(rules->items);
	free(rules->slots);
	free(rules);
}

int cfi_rules_add(struct cfi_rules *rules, const struct seep_unwind_rule *rule, uint16_t *ret_id)
{
	struct seep_unwind_rule *added;
	uint32_t *slot;

	if (rules->nr * 2 >= rules->nr_slots && grow(rules))
		return -ENOMEM;
	slot = slot_of(rules, rule);
	if (!*slot) {
		if (rules->nr == SEEP_UNWIND_RULES_MAX)
			return -ENOSPC;
		added = vec_push(&rules->items, &rules->nr, &rules->cap);
		if (!added)
			return -ENOMEM;
		*added = *rule;
		*slot = (uint32_t)rules->nr;
	}
	*ret_id = (uint16_t)(*slot - 1);
	return 0;
}

const struct seep_unwind_rule *cfi_rules_all(const struct cfi_rules *rules, size_t *ret_nr)
{
	*ret_nr = rules->nr;
	return rules->items;
}

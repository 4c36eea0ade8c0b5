/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The choice among the places that a prologue offers. What makes a place one of them is
 * in site_x86.c and site_arm64.c:
 * - the kernel emulates the instruction (or has an optimised 5-byte nop there),
 * - the argument registers that the probe reads still hold what the caller put there,
 * - the return address is where a return probe looks for it, when there is one,
 * - each call of the function executes it exactly once, or not at all when the only
 *   argument is NULL and the function frees.
 */
#include <elf.h>
#include <string.h>

#include "attach/site_choice.h"

void site_offer(struct site_choice *choice, const struct site *site)
{
	if (site->class == SITE_NOP5 && choice->wish->nop5_is_free && !choice->has_nop5) {
		choice->nop5 = *site;
		choice->has_nop5 = true;
	}
	if (site->skips_null && !choice->has_after_null) {
		choice->after_null = *site;
		choice->has_after_null = true;
	}
	if (!choice->has_first) {
		choice->first = *site;
		choice->has_first = true;
	}
}

static void walk(struct site_choice *choice, const uint8_t *code, size_t size, struct site *entry)
{
	*entry = (struct site){
		.class = SITE_STEPPED,
		.why = "nothing emulated in the prologue",
	};
	if (choice->wish->machine == EM_X86_64)
		site_walk_x86(choice, code, size, entry);
	else if (choice->wish->machine == EM_AARCH64)
		site_walk_arm64(choice, code, size, entry);
}

void site_choose(const struct site_wish *wish, const uint8_t *code, size_t size,
		 struct site *ret_site)
{
	struct site_choice choice = { .wish = wish };
	struct site entry;

	walk(&choice, code, size, &entry);
	/* No trap at all beats a trap that is not taken for NULL; both beat the first place. */
	if (choice.has_nop5)
		*ret_site = choice.nop5;
	else if (choice.has_after_null)
		*ret_site = choice.after_null;
	else if (choice.has_first)
		*ret_site = choice.first;
	else
		*ret_site = entry;
}

void site_entry(const struct site_wish *wish, const uint8_t *code, size_t size,
		struct site *ret_site)
{
	struct site_choice choice = { .wish = wish };

	walk(&choice, code, size, ret_site);
	if (choice.has_first && choice.first.offset == 0)
		*ret_site = choice.first;
	ret_site->why = "the entry, as asked for";
}

const char *site_class_name(enum site_class class)
{
	switch (class) {
	case SITE_NOP5:
		return "nop5";
	case SITE_EMULATED:
		return "emulated";
	case SITE_STEPPED:
		return "stepped";
	}
	return "unknown";
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * aarch64 prologues, by the few bit patterns that matter (Arm Architecture Reference
 * Manual, C4.1). What the kernel simulates instead of stepping it out of line is in
 * arch/arm64/kernel/probes/decode-insn.c, arm_probe_decode_insn: b, bl, b.cond, cbz, cbnz,
 * tbz, tbnz, adr, adrp, br, blr, ret, and nop since 6.13 (simulate_nop). bti, paciasp and
 * other hints are stepped (aarch64_insn_is_steppable_hint), and literal loads are refused
 * by newer kernels (acc450aa0709, "arm64: probes: Remove broken LDR (literal) uprobe
 * support"), so neither is a place.
 *
 * A return probe replaces the link register. It must do so before paciasp signs it (an
 * unsigned address would fail autiasp) and before it is stored; or on that instruction.
 *
 * What writes a register is judged by the fields where a destination can be; an unknown
 * instruction is taken to write them all, so at worst a place is given up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attach/site_choice.h"

enum { LINK_REGISTER = 30 };

struct code {
	const uint8_t *bytes;
	size_t size;
	bool branch_target[SITE_PROLOGUE_MOST / 4];
};

static bool fetch(const struct code *code, size_t offset, uint32_t *ret_word)
{
	const uint8_t *at = code->bytes + offset;

	if (offset + 4 > code->size)
		return false;
	*ret_word = at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
	return true;
}

static bool is_b(uint32_t word)
{
	return (word & 0xfc000000) == 0x14000000;
}

static bool is_bl(uint32_t word)
{
	return (word & 0xfc000000) == 0x94000000;
}

static bool is_b_cond(uint32_t word)
{
	return (word & 0xff000010) == 0x54000000;
}

static bool is_compare_branch(uint32_t word)
{
	return (word & 0x7e000000) == 0x34000000;
}

static bool is_test_branch(uint32_t word)
{
	return (word & 0x7e000000) == 0x36000000;
}

static bool is_address(uint32_t word)
{
	return (word & 0x1f000000) == 0x10000000;
}

static bool is_nop(uint32_t word)
{
	return word == 0xd503201f;
}

/* paciasp, pacibsp, paciaz, pacibz: the link register is signed in place. */
static bool signs_link(uint32_t word)
{
	return (word & 0xffffff1f) == 0xd503231f;
}

static bool is_hint(uint32_t word)
{
	return (word & 0xfffff01f) == 0xd503201f;
}

static int64_t sign_extend(uint32_t value, int bits)
{
	return (int64_t)((uint64_t)value << (64 - bits)) >> (64 - bits);
}

/* Of a direct branch: the distance in bytes. */
static bool branch_distance(uint32_t word, int64_t *ret_distance)
{
	if (is_b(word) || is_bl(word))
		*ret_distance = sign_extend(word & 0x3ffffff, 26) * 4;
	else if (is_b_cond(word) || is_compare_branch(word))
		*ret_distance = sign_extend(word >> 5 & 0x7ffff, 19) * 4;
	else if (is_test_branch(word))
		*ret_distance = sign_extend(word >> 5 & 0x3fff, 14) * 4;
	else
		return false;
	return true;
}

static void find_branch_targets(struct code *code)
{
	uint32_t word;

	for (size_t offset = 0; fetch(code, offset, &word); offset += 4) {
		int64_t distance, target;

		if (is_bl(word) || !branch_distance(word, &distance))
			continue;
		target = (int64_t)offset + distance;
		if (target >= 0 && target < SITE_PROLOGUE_MOST)
			code->branch_target[target / 4] = true;
	}
}

static bool is_load_store(uint32_t word)
{
	return (word & 0x0a000000) == 0x08000000;
}

static bool is_pair(uint32_t word)
{
	return (word & 0x3a000000) == 0x28000000;
}

/* Stores of general registers, pairs, and SIMD registers: nothing but a base is written. */
static bool is_store(uint32_t word)
{
	if (is_pair(word))
		return !(word & 1 << 22);
	return (word & 0x3b000000) == 0x39000000
		       ? !(word >> 22 & 3)
		       : (word & 0x3b200000) == 0x38000000 && !(word >> 22 & 3);
}

static bool writes_base(uint32_t word)
{
	if (is_pair(word))
		return word & 1 << 23;
	/* Unscaled, post-indexed, pre-indexed: bits 10 and 11 tell. */
	return (word & 0x3b200000) == 0x38000000 && word & 1 << 10;
}

static bool writes_register(uint32_t word, unsigned int number)
{
	bool destination = (word & 31) == number, base = (word >> 5 & 31) == number;

	if (is_hint(word) || is_b(word) || is_b_cond(word) || is_compare_branch(word) ||
	    is_test_branch(word))
		return false;
	if (is_load_store(word)) {
		bool second = is_pair(word) && (word >> 10 & 31) == number;

		return (base && writes_base(word)) || (!is_store(word) && (destination || second));
	}
	return destination;
}

static bool stores_link(uint32_t word)
{
	return is_load_store(word) && ((word & 31) == LINK_REGISTER ||
				       (is_pair(word) && (word >> 10 & 31) == LINK_REGISTER));
}

static bool writes_argument(const struct site_wish *wish, uint32_t word)
{
	for (unsigned int i = 0; i < 8; i++)
		if (wish->arguments & 1 << i && writes_register(word, i))
			return true;
	return false;
}

static const char *classify(uint32_t word)
{
	if (is_nop(word))
		return "nop";
	if (is_b(word))
		return "jump";
	if (is_bl(word))
		return "call in the prologue";
	if (is_b_cond(word) || is_compare_branch(word) || is_test_branch(word))
		return "first branch";
	return is_address(word) ? "address of a page" : NULL;
}

static void describe(uint32_t word, size_t offset, struct site *site)
{
	const char *name = is_nop(word)		     ? "nop"
			   : is_b(word)		     ? "b"
			   : is_bl(word)	     ? "bl"
			   : is_b_cond(word)	     ? "b.cond"
			   : is_compare_branch(word) ? word & 1 << 24 ? "cbnz" : "cbz"
			   : is_test_branch(word)    ? word & 1 << 24 ? "tbnz" : "tbz"
			   : is_address(word)	     ? word & 1U << 31 ? "adrp" : "adr"
						     : NULL;
	int64_t distance;

	if (name && branch_distance(word, &distance))
		snprintf(site->instruction, sizeof(site->instruction), "%s %+" PRId64, name,
			 (int64_t)offset + distance);
	else if (name)
		snprintf(site->instruction, sizeof(site->instruction), "%s", name);
	else
		snprintf(site->instruction, sizeof(site->instruction), ".inst 0x%08x", word);
}

/* "cbz xN" of the one argument that a release reads: NULL leaves here. */
static bool leaves_on_null(const struct site_wish *wish, uint32_t word)
{
	return (word & 0xff000000) == 0xb4000000 && (word & 31) < 8 &&
	       wish->arguments == 1 << (word & 31);
}

static bool ends_block(uint32_t word)
{
	/* Branches, exceptions and system instructions, without the hints. */
	return (word & 0x1c000000) == 0x14000000 && !is_hint(word);
}

static bool loses_link(uint32_t word)
{
	return signs_link(word) || stores_link(word) || writes_register(word, LINK_REGISTER);
}

void site_walk_arm64(struct site_choice *choice, const uint8_t *bytes, size_t size,
		     struct site *entry)
{
	const struct site_wish *wish = choice->wish;
	struct code code = { .bytes = bytes,
			     .size = size < SITE_CODE_MOST ? size : SITE_CODE_MOST };
	bool after_null = false;
	uint32_t word;

	if (!fetch(&code, 0, &word)) {
		entry->why = "the first instruction is unknown";
		return;
	}
	describe(word, 0, entry);
	find_branch_targets(&code);
	for (size_t offset = 0; offset < SITE_PROLOGUE_MOST && fetch(&code, offset, &word);
	     offset += 4) {
		struct site site = {
			.offset = offset,
			.class = SITE_EMULATED,
			.skips_null = after_null,
		};

		if (offset && code.branch_target[offset / 4])
			break;
		site.why = classify(word);
		if (site.why) {
			if (after_null)
				site.why = "after the branch that a NULL takes";
			describe(word, offset, &site);
			site_offer(choice, &site);
		}
		if (!after_null && !wish->needs_return && leaves_on_null(wish, word))
			after_null = true;
		else if (ends_block(word))
			break;
		if (writes_argument(wish, word) || (wish->needs_return && loses_link(word)) ||
		    code.branch_target[0])
			break;
	}
}

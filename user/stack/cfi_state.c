// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the step from DWARF's language to that of rules. Expressions are Turing-complete;
 * compilers, linkers and hand-written assembly use very few, which are recognised here:
 *
 *	sp or fp + n			written out
 *	*(fp + n)			main and others that realign their stack (gcc)
 *	*(sp + n) + m			sp saved on a realigned stack (hand-written assembly)
 *	sp + 8 + ((pc & 15) >= n) * 8	procedure linkage tables (ld, lld, gold)
 *
 * It must not know where rules are kept.
 */
#include "stack/cfi_state.h"

#include <dwarf.h>
#include <elf.h>
#include <string.h>

#include "stack/cfi_cursor.h"

const struct cfi_architecture *cfi_architecture(uint16_t machine)
{
	static const struct cfi_architecture all[] = {
		{ .machine = EM_X86_64, .sp = 7, .fp = 6, .ra = 16 },
		{ .machine = EM_AARCH64, .sp = 31, .fp = 29, .ra = 30 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].machine == machine)
			return &all[i];
	return NULL;
}

/* register + offset, or what is at that address + add */
struct address {
	uint64_t base;
	int64_t offset, add;
	bool deref;
};

/*
 * Bytes of an expression that is looked at; those above take a dozen. It is read once a
 * row, and a program may have a row for each of its bytes.
 */
enum { MAX_EXPRESSION = 64 };

/* Numbers beyond this are nonsense, and sums of two of them do not overflow. */
static bool is_far(int64_t offset)
{
	return offset > INT32_MAX || offset < INT32_MIN;
}

/* An operation that pushes a constant. */
static bool read_constant(struct cfi_cursor *cursor, uint8_t op, int64_t *ret_value)
{
	switch (op) {
	case DW_OP_lit0 ... DW_OP_lit31:
		*ret_value = op - DW_OP_lit0;
		return true;
	case DW_OP_const1u:
		*ret_value = cfi_byte(cursor);
		return true;
	case DW_OP_const1s:
		*ret_value = (int8_t)cfi_byte(cursor);
		return true;
	case DW_OP_const2u:
		*ret_value = (int64_t)cfi_number(cursor, 2);
		return true;
	case DW_OP_const4u:
		*ret_value = (int64_t)cfi_number(cursor, 4);
		return true;
	default:
		return false;
	}
}

/* What the next operations add to the address so far. */
static bool read_addend(struct cfi_cursor *cursor, uint8_t op, int64_t *ret_addend)
{
	int64_t value;

	if (op == DW_OP_plus_uconst) {
		*ret_addend = (int64_t)cfi_uleb(cursor);
		return !cursor->failed;
	}
	if (!read_constant(cursor, op, &value))
		return false;
	switch (cfi_byte(cursor)) {
	case DW_OP_plus:
		*ret_addend = value;
		return !cursor->failed;
	case DW_OP_minus:
		*ret_addend = -value;
		return !cursor->failed;
	default:
		return false;
	}
}

static bool read_base(struct cfi_cursor *cursor, struct address *address)
{
	uint8_t op = cfi_byte(cursor);

	if (op >= DW_OP_breg0 && op <= DW_OP_breg31)
		address->base = op - DW_OP_breg0;
	else if (op == DW_OP_bregx)
		address->base = cfi_uleb(cursor);
	else
		return false;
	address->offset = cfi_sleb(cursor);
	return !cursor->failed && !is_far(address->offset);
}

static bool read_address(const struct cfi_expression *expression, struct address *ret_address)
{
	struct cfi_cursor cursor = { expression->bytes, expression->bytes + expression->size,
				     false };
	struct address address = { 0 };

	if (expression->size > MAX_EXPRESSION || !read_base(&cursor, &address))
		return false;
	while (cfi_left(&cursor)) {
		uint8_t op = cfi_byte(&cursor);
		int64_t *sum = address.deref ? &address.add : &address.offset, addend;

		if (op == DW_OP_deref && !address.deref) {
			address.deref = true;
			continue;
		}
		if (op == DW_OP_nop)
			continue;
		if (!read_addend(&cursor, op, &addend) || is_far(addend))
			return false;
		*sum += addend;
		if (is_far(*sum))
			return false;
	}
	*ret_address = address;
	return true;
}

/* sp + n; pc + 0; 15; and; limit; ge; 3; shl; plus */
static bool read_plt(const struct cfi_architecture *architecture,
		     const struct cfi_expression *expression, struct seep_unwind_rule *rule)
{
	struct cfi_cursor cursor = { expression->bytes, expression->bytes + expression->size,
				     false };
	static const uint8_t tail[] = { DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus };
	struct address sp, pc;
	const uint8_t *rest;
	int64_t limit;

	if (architecture->machine != EM_X86_64 || !read_base(&cursor, &sp) ||
	    sp.base != architecture->sp || !read_base(&cursor, &pc) ||
	    pc.base != architecture->ra || pc.offset || cfi_byte(&cursor) != DW_OP_lit15 ||
	    cfi_byte(&cursor) != DW_OP_and || !read_constant(&cursor, cfi_byte(&cursor), &limit))
		return false;
	rest = cfi_skip(&cursor, sizeof(tail));
	if (!rest || memcmp(rest, tail, sizeof(tail)) != 0 || cfi_left(&cursor) || limit < 0 ||
	    limit > 16)
		return false;
	rule->cfa = SEEP_CFA_PLT;
	rule->cfa_offset = (int32_t)sp.offset;
	rule->cfa_add = (int8_t)limit;
	return true;
}

static enum cfi_obstacle set_cfa(const struct cfi_architecture *architecture,
				 const struct cfi_state *state, struct seep_unwind_rule *rule)
{
	struct address address = { .base = state->cfa_register, .offset = state->cfa_offset };

	if (state->cfa_by_expression) {
		if (read_plt(architecture, &state->cfa_expression, rule))
			return CFI_OK;
		if (!read_address(&state->cfa_expression, &address) || address.add < INT8_MIN ||
		    address.add > INT8_MAX)
			return CFI_CFA_EXPRESSION;
	}
	if (is_far(address.offset))
		return CFI_TOO_FAR;
	if (address.base == architecture->sp)
		rule->cfa = address.deref ? SEEP_CFA_SP_DEREF : SEEP_CFA_SP;
	else if (address.base == architecture->fp)
		rule->cfa = address.deref ? SEEP_CFA_FP_DEREF : SEEP_CFA_FP;
	else
		return state->cfa_by_expression ? CFI_CFA_EXPRESSION : CFI_CFA_REGISTER;
	rule->cfa_offset = (int32_t)address.offset;
	rule->cfa_add = (int8_t)address.add;
	return CFI_OK;
}

/*
 * Where a place is, in a rule's terms, once the CFA is set. False when it is elsewhere.
 * `by_fp`: distances from fp can be said, too.
 */
static bool find_place(const struct cfi_architecture *architecture, const struct cfi_place *place,
		       const struct seep_unwind_rule *rule, bool by_fp,
		       enum seep_unwind_where *ret_where, int64_t *ret_offset)
{
	struct address address;

	if (place->kind == CFI_PLACE_OFFSET) {
		*ret_where = SEEP_WHERE_CFA;
		*ret_offset = place->offset;
		return !is_far(place->offset);
	}
	if (place->kind != CFI_PLACE_EXPRESSION || !read_address(&place->expression, &address) ||
	    address.deref)
		return false;
	*ret_offset = address.offset - rule->cfa_offset;
	*ret_where = SEEP_WHERE_CFA;
	if ((address.base == architecture->sp && rule->cfa == SEEP_CFA_SP) ||
	    (address.base == architecture->fp && rule->cfa == SEEP_CFA_FP))
		return !is_far(*ret_offset);
	*ret_offset = address.offset;
	*ret_where = SEEP_WHERE_FP;
	return by_fp && address.base == architecture->fp;
}

static void set_fp(const struct cfi_architecture *architecture, const struct cfi_place *place,
		   struct seep_unwind_rule *rule)
{
	enum seep_unwind_where where;
	int64_t offset;

	if (place->kind == CFI_PLACE_DEFAULT || place->kind == CFI_PLACE_SAME) {
		rule->fp = SEEP_WHERE_SAME;
	} else if (find_place(architecture, place, rule, true, &where, &offset)) {
		rule->fp = where;
		rule->fp_offset = (int32_t)offset;
	} else {
		rule->fp = SEEP_WHERE_LOST;
	}
}

static enum cfi_obstacle set_ra(const struct cfi_architecture *architecture,
				const struct cfi_place *place, struct seep_unwind_rule *rule)
{
	enum seep_unwind_where where;
	int64_t offset;

	if (place->kind == CFI_PLACE_DEFAULT && architecture->machine == EM_X86_64) {
		/* what a call does */
		rule->ra = SEEP_WHERE_CFA;
		rule->ra_offset = -8;
		return CFI_OK;
	}
	if (place->kind == CFI_PLACE_DEFAULT || place->kind == CFI_PLACE_SAME) {
		rule->ra = SEEP_WHERE_SAME;
		return architecture->machine == EM_X86_64 ? CFI_RA_RULE : CFI_OK;
	}
	if (!find_place(architecture, place, rule, false, &where, &offset))
		return CFI_RA_RULE;
	rule->ra = where;
	rule->ra_offset = (int32_t)offset;
	return CFI_OK;
}

/* The frame that the kernel lays out; what is before it differs by libc and version. */
static enum cfi_obstacle signal_rule(const struct cfi_architecture *architecture,
				     const struct cfi_state *state, struct seep_unwind_rule *rule)
{
	struct seep_unwind_rule cfa = { 0 };

	if (architecture->machine == EM_X86_64 &&
	    (set_cfa(architecture, state, &cfa) || cfa.cfa != SEEP_CFA_SP_DEREF ||
	     cfa.cfa_offset != SEEP_SIGNAL_X86_SP || cfa.cfa_add))
		return CFI_SIGNAL_LAYOUT;
	rule->cfa = SEEP_CFA_SIGNAL;
	return CFI_OK;
}

static enum cfi_obstacle plain_rule(const struct cfi_architecture *architecture,
				    const struct cfi_state *state, struct seep_unwind_rule *rule)
{
	enum cfi_obstacle obstacle;

	if (state->ra.kind == CFI_PLACE_UNDEFINED) {
		rule->cfa = SEEP_CFA_END;
		return CFI_OK;
	}
	if (state->sp.kind != CFI_PLACE_DEFAULT)
		return CFI_SP_RULE;
	obstacle = set_cfa(architecture, state, rule);
	if (obstacle)
		return obstacle;
	set_fp(architecture, &state->fp, rule);
	return set_ra(architecture, &state->ra, rule);
}

enum cfi_obstacle cfi_state_rule(const struct cfi_architecture *architecture,
				 const struct cfi_state *state, bool signal_frame,
				 struct seep_unwind_rule *ret_rule)
{
	static const struct seep_unwind_rule unsupported = { .cfa = SEEP_CFA_UNSUPPORTED };
	struct seep_unwind_rule rule = { 0 };
	enum cfi_obstacle obstacle = signal_frame ? signal_rule(architecture, state, &rule)
						  : plain_rule(architecture, state, &rule);

	*ret_rule = obstacle ? unsupported : rule;
	return obstacle;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the interpreter of call frame programs. Only four things are followed: the CFA and
 * the places of the frame pointer, the return address and the stack pointer.
 *
 * Programs are foreign input. Each operation takes at least a byte of it, none repeats,
 * and the stack of remembered states is bounded; so a program takes time by its length.
 * It must not know files, nor which rows will be kept.
 */
#include "stack/cfi_program.h"

#include <dwarf.h>
#include <errno.h>

#include "base/vec.h"
#include "stack/cfi_pointer.h"

enum {
	REMEMBERED_MAX = 32, /* compilers nest them once or twice */
	ROWS_MAX = 1 << 20, /* of one function; the largest of a browser have thousands */
	AARCH64_NEGATE_RA_STATE_WITH_PC = 0x2c, /* "DWARF for the Arm 64-bit Architecture" */
};

struct run {
	struct cfi_cursor cursor;
	const struct cfi_entries *entries;
	const struct cfi_cie *cie;
	struct cfi_state state;
	const struct cfi_state *initial; /* NULL while it is being made */
	struct cfi_state remembered[REMEMBERED_MAX];
	size_t nr_remembered;
	uint64_t pc, end;
	bool changed; /* since the last row */
	bool past_end;
	struct cfi_rows *rows; /* NULL in a CIE */
	struct cfi_place ignored; /* registers of no interest */
};

static struct cfi_place *place_in(struct run *run, struct cfi_state *state, uint64_t number)
{
	const struct cfi_architecture *architecture = run->entries->architecture;

	if (number == run->cie->ra_register)
		return &state->ra;
	if (number == architecture->fp)
		return &state->fp;
	if (number == architecture->sp)
		return &state->sp;
	return &run->ignored;
}

static int set_place(struct run *run, uint64_t number, enum cfi_place_kind kind, int64_t offset)
{
	struct cfi_place *place = place_in(run, &run->state, number);

	*place = (struct cfi_place){ .kind = kind, .offset = offset };
	run->changed |= place != &run->ignored;
	return 0;
}

static int restore_place(struct run *run, uint64_t number)
{
	static const struct cfi_state nothing;
	struct cfi_state initial = run->initial ? *run->initial : nothing;
	struct cfi_place *place = place_in(run, &run->state, number);

	if (place != &run->ignored) {
		*place = *place_in(run, &initial, number);
		run->changed = true;
	}
	return 0;
}

static int read_expression(struct run *run, struct cfi_expression *ret_expression)
{
	uint64_t size = cfi_uleb(&run->cursor);
	const uint8_t *bytes = cfi_skip(&run->cursor, size);

	if (!bytes)
		return -EINVAL;
	ret_expression->bytes = bytes;
	ret_expression->size = size;
	return 0;
}

static int set_expression(struct run *run, enum cfi_place_kind kind)
{
	struct cfi_place *place = place_in(run, &run->state, cfi_uleb(&run->cursor));

	place->kind = kind;
	run->changed |= place != &run->ignored;
	return read_expression(run, &place->expression);
}

/* A factored offset; products that do not fit become far too large ones. */
static int64_t data_offset(const struct run *run, int64_t factored)
{
	int64_t product;

	return __builtin_mul_overflow(factored, run->cie->data_align, &product) ? INT64_MAX
										: product;
}

static int64_t unsigned_offset(struct run *run)
{
	uint64_t factored = cfi_uleb(&run->cursor);

	return factored > INT64_MAX ? INT64_MAX : data_offset(run, (int64_t)factored);
}

static int set_cfa(struct run *run, uint64_t number, int64_t offset)
{
	run->state.cfa_by_expression = false;
	run->state.cfa_register = number;
	run->state.cfa_offset = offset;
	run->changed = true;
	return 0;
}

/* The rule for the state; hand-written code may keep the return address in any register. */
static enum cfi_obstacle run_rule(const struct run *run, struct seep_unwind_rule *ret_rule)
{
	const struct cfi_architecture *architecture = run->entries->architecture;

	if (run->cie->ra_register != architecture->ra) {
		*ret_rule = (struct seep_unwind_rule){ .cfa = SEEP_CFA_UNSUPPORTED };
		return CFI_RA_RULE;
	}
	return cfi_state_rule(architecture, &run->state, run->cie->signal_frame, ret_rule);
}

static int add_row(struct run *run)
{
	struct cfi_rows *rows = run->rows;
	struct seep_unwind_rule rule;
	enum cfi_obstacle obstacle;
	struct cfi_row *row;
	uint16_t id;
	int err;

	obstacle = run_rule(run, &rule);
	rows->unsupported[obstacle] += obstacle != CFI_OK;
	err = cfi_rules_add(rows->rules, &rule, &id);
	if (err == -ENOSPC) {
		rows->rules_full++;
		id = CFI_RULE_UNSUPPORTED;
	} else if (err) {
		return err;
	}
	run->changed = false;
	if (rows->nr && rows->items[rows->nr - 1].rule == id)
		return 0;
	if (rows->nr == ROWS_MAX)
		return -EINVAL;
	row = vec_push(&rows->items, &rows->nr, &rows->cap);
	if (!row)
		return -ENOMEM;
	row->pc = run->pc;
	row->rule = id;
	return 0;
}

static int go_to(struct run *run, uint64_t pc)
{
	if (!run->rows || pc < run->pc)
		return -EINVAL;
	if (pc > run->pc && run->changed) {
		int err = add_row(run);

		if (err)
			return err;
	}
	run->pc = pc;
	run->past_end = pc >= run->end;
	return 0;
}

static int advance(struct run *run, uint64_t delta)
{
	uint64_t distance, pc;

	if (__builtin_mul_overflow(delta, run->cie->code_align, &distance) ||
	    __builtin_add_overflow(run->pc, distance, &pc))
		return -EINVAL;
	return go_to(run, pc);
}

static int set_location(struct run *run)
{
	const struct cfi_section *section = run->cie->section;
	struct cfi_bases bases = { .bytes = section->bytes,
				   .address = section->address,
				   .text = run->entries->image->text_base,
				   .data = run->entries->image->data_base };
	bool indirect;
	uint64_t pc;

	if (!cfi_pointer(&run->cursor, run->cie->pointer_encoding, &bases, &pc, &indirect) ||
	    indirect)
		return -EINVAL;
	return go_to(run, pc);
}

static int remember(struct run *run)
{
	if (run->nr_remembered == REMEMBERED_MAX)
		return -EINVAL;
	run->remembered[run->nr_remembered++] = run->state;
	return 0;
}

static int recall(struct run *run)
{
	if (!run->nr_remembered)
		return -EINVAL;
	run->state = run->remembered[--run->nr_remembered];
	run->changed = true;
	return 0;
}

/* Operations about the CFA. */
static int step_cfa(struct run *run, uint8_t op)
{
	struct cfi_cursor *cursor = &run->cursor;
	uint64_t number;

	switch (op) {
	case DW_CFA_def_cfa:
		number = cfi_uleb(cursor);
		return set_cfa(run, number, (int64_t)cfi_uleb(cursor));
	case DW_CFA_def_cfa_sf:
		number = cfi_uleb(cursor);
		return set_cfa(run, number, data_offset(run, cfi_sleb(cursor)));
	case DW_CFA_def_cfa_expression:
		run->state.cfa_by_expression = true;
		run->changed = true;
		return read_expression(run, &run->state.cfa_expression);
	}
	/*
	 * The others change one of two parts. After an expression the other part is that of
	 * before it, as libgcc has it; assemblers check nothing, and libgcrypt does it.
	 */
	switch (op) {
	case DW_CFA_def_cfa_register:
		return set_cfa(run, cfi_uleb(cursor), run->state.cfa_offset);
	case DW_CFA_def_cfa_offset:
		return set_cfa(run, run->state.cfa_register, (int64_t)cfi_uleb(cursor));
	default: /* DW_CFA_def_cfa_offset_sf */
		return set_cfa(run, run->state.cfa_register, data_offset(run, cfi_sleb(cursor)));
	}
}

/* Operations about a register that is named by their first operand. */
static int step_register(struct run *run, uint8_t op)
{
	struct cfi_cursor *cursor = &run->cursor;
	uint64_t number;

	switch (op) {
	case DW_CFA_expression:
		return set_expression(run, CFI_PLACE_EXPRESSION);
	case DW_CFA_val_expression:
		return set_expression(run, CFI_PLACE_OTHER);
	}
	number = cfi_uleb(cursor);
	switch (op) {
	case DW_CFA_offset_extended:
		return set_place(run, number, CFI_PLACE_OFFSET, unsigned_offset(run));
	case DW_CFA_offset_extended_sf:
		return set_place(run, number, CFI_PLACE_OFFSET, data_offset(run, cfi_sleb(cursor)));
	case DW_CFA_GNU_negative_offset_extended:
		return set_place(run, number, CFI_PLACE_OFFSET, -unsigned_offset(run));
	case DW_CFA_restore_extended:
		return restore_place(run, number);
	case DW_CFA_undefined:
		return set_place(run, number, CFI_PLACE_UNDEFINED, 0);
	case DW_CFA_same_value:
		return set_place(run, number, CFI_PLACE_SAME, 0);
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf: {
		int64_t offset = op == DW_CFA_val_offset ? unsigned_offset(run)
							 : data_offset(run, cfi_sleb(cursor));
		bool usual = number == run->entries->architecture->sp && !offset;

		return set_place(run, number, usual ? CFI_PLACE_DEFAULT : CFI_PLACE_OTHER, 0);
	}
	default: /* DW_CFA_register */
		cfi_uleb(cursor);
		return set_place(run, number, CFI_PLACE_OTHER, 0);
	}
}

static int step_extended(struct run *run, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_AARCH64_negate_ra_state: /* also DW_CFA_GNU_window_save, of another machine */
	case AARCH64_NEGATE_RA_STATE_WITH_PC:
		return 0;
	case DW_CFA_GNU_args_size: /* for landing pads alone */
		cfi_uleb(&run->cursor);
		return 0;
	case DW_CFA_set_loc:
		return set_location(run);
	case DW_CFA_advance_loc1:
		return advance(run, cfi_byte(&run->cursor));
	case DW_CFA_advance_loc2:
		return advance(run, cfi_number(&run->cursor, 2));
	case DW_CFA_advance_loc4:
		return advance(run, cfi_number(&run->cursor, 4));
	case DW_CFA_MIPS_advance_loc8:
		return advance(run, cfi_number(&run->cursor, 8));
	case DW_CFA_remember_state:
		return remember(run);
	case DW_CFA_restore_state:
		return recall(run);
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_register:
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_def_cfa_expression:
		return step_cfa(run, op);
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_GNU_negative_offset_extended:
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_register:
	case DW_CFA_expression:
	case DW_CFA_val_expression:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		return step_register(run, op);
	default:
		return -EINVAL;
	}
}

static int run_program(struct run *run)
{
	while (cfi_left(&run->cursor) && !run->past_end) {
		uint8_t op = cfi_byte(&run->cursor);
		int err;

		switch (op & 0xc0) {
		case DW_CFA_advance_loc:
			err = advance(run, op & 0x3f);
			break;
		case DW_CFA_offset:
			err = set_place(run, op & 0x3f, CFI_PLACE_OFFSET, unsigned_offset(run));
			break;
		case DW_CFA_restore:
			err = restore_place(run, op & 0x3f);
			break;
		default:
			err = step_extended(run, op);
		}
		if (err)
			return err;
		if (run->cursor.failed)
			return -EINVAL;
	}
	return 0;
}

int cfi_program_begin(const struct cfi_entries *entries, struct cfi_cie *cie)
{
	struct run run;
	int err;

	/* not all at once: the remembered states are large and hardly ever used */
	memset(&run, 0, offsetof(struct run, remembered));
	memset(&run.nr_remembered, 0, sizeof(run) - offsetof(struct run, nr_remembered));
	run.cursor = (struct cfi_cursor){ cie->program, cie->program + cie->program_size, false };
	run.entries = entries;
	run.cie = cie;
	run.end = UINT64_MAX;
	err = run_program(&run);
	if (!err)
		cie->initial = run.state;
	return err;
}

int cfi_program_run(const struct cfi_entries *entries, const struct cfi_fde *fde,
		    struct cfi_rows *rows)
{
	const struct cfi_cie *cie = &entries->cies[fde->cie];
	struct run run;
	int err;

	memset(&run.nr_remembered, 0, sizeof(run) - offsetof(struct run, nr_remembered));
	run.cursor = (struct cfi_cursor){ fde->program, fde->program + fde->program_size, false };
	run.entries = entries;
	run.cie = cie;
	run.state = cie->initial;
	run.initial = &cie->initial;
	run.pc = fde->start;
	run.end = fde->end;
	run.rows = rows;
	run.changed = true;
	rows->nr = 0;
	err = run_program(&run);
	if (!err && !run.past_end && run.changed)
		err = add_row(&run);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * x86_64 prologues. What the kernel emulates is in arch/x86/kernel/uprobes.c:
 *
 * branch_setup_xol_ops: jmp rel8/rel32 (eb, e9), call rel32 (e8), jcc (70-7f, 0f 80-8f),
 *	nop (90). A 66 prefix is refused: -ENOTSUPP for the branches, and before 6.2 (commit
 *	cefa72129e45, "uprobes/x86: Allow to probe a NOP instruction with 0x66 prefix") for
 *	66 90 too, so that the probe could not be attached at all.
 *	The multi-byte nops of x86_nops[] (0f 1f ..) only since 6.16 ("uprobes/x86: Add
 *	support to emulate nop instructions"); before that they are stepped like anything
 *	else. Hence they count here only where optimised nops were found to work (>= 6.18).
 * push_setup_xol_ops: push of a 64-bit register, bare (50-57, %rsp among them, whose old
 *	value is pushed as it should be) or with the one prefix 41. Any other is stepped.
 * is_prefix_bad: cs, ds, es, ss and lock prefixes are refused, which rules out the
 *	"cs nopw" that compilers pad with.
 * can_optimize: a nop of 5 bytes that does not cross a page becomes a call (6.18).
 *
 * A return probe takes the word at the top of the stack for the return address, so its
 * site must come before anything moves the stack pointer, or be that instruction.
 */
#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

#include "attach/site_choice.h"

/* The order of the System V ABI's integer arguments. */
static const ZydisRegister argument_registers[] = { ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI,
						    ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_RCX,
						    ZYDIS_REGISTER_R8,	ZYDIS_REGISTER_R9 };

enum { NR_ARGUMENTS = sizeof(argument_registers) / sizeof(argument_registers[0]) };

struct instruction {
	ZydisDecodedInstruction decoded;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	const uint8_t *bytes;
};

struct walk {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size;
	bool branch_target[SITE_PROLOGUE_MOST];
};

static bool decode(const struct walk *walk, size_t offset, struct instruction *ret_instruction)
{
	ret_instruction->bytes = walk->code + offset;
	return offset < walk->size &&
	       ZYAN_SUCCESS(ZydisDecoderDecodeFull(&walk->decoder, walk->code + offset,
						   walk->size - offset, &ret_instruction->decoded,
						   ret_instruction->operands));
}

static void walk_init(struct walk *walk, const uint8_t *code, size_t size)
{
	memset(walk, 0, sizeof(*walk));
	ZydisDecoderInit(&walk->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	walk->code = code;
	walk->size = size < SITE_CODE_MOST ? size : SITE_CODE_MOST;
}

static bool is_branch(const struct instruction *instruction)
{
	return instruction->decoded.meta.category == ZYDIS_CATEGORY_COND_BR ||
	       instruction->decoded.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
}

/* Of a relative branch or call: its target as an offset in the function. */
static bool relative_target(const struct instruction *instruction, size_t offset,
			    int64_t *ret_target)
{
	const ZydisDecodedOperand *first = &instruction->operands[0];

	if (instruction->decoded.operand_count_visible < 1 ||
	    first->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !first->imm.is_relative)
		return false;
	*ret_target = (int64_t)offset + instruction->decoded.length + first->imm.value.s;
	return true;
}

/*
 * Marks the places in the prologue that some branch of the function goes to. The sweep is
 * linear; where it meets data it goes on at the next byte, so at worst it sees branches
 * that do not exist and a site is given up.
 */
static void find_branch_targets(struct walk *walk)
{
	struct instruction instruction;
	size_t offset = 0;

	while (offset < walk->size) {
		int64_t target;

		if (!decode(walk, offset, &instruction)) {
			offset++;
			continue;
		}
		if (is_branch(&instruction) && relative_target(&instruction, offset, &target) &&
		    target >= 0 && target < SITE_PROLOGUE_MOST)
			walk->branch_target[target] = true;
		offset += instruction.decoded.length;
	}
}

static bool is_long_nop(const struct instruction *instruction)
{
	/* include/asm/nops.h, x86_nops[3] to [8]; [1] is 90, and [2], 66 90, is left alone */
	static const struct {
		uint8_t length, bytes[8];
	} nops[] = {
		{ 3, { 0x0f, 0x1f, 0x00 } },
		{ 4, { 0x0f, 0x1f, 0x40, 0x00 } },
		{ 5, { 0x0f, 0x1f, 0x44, 0x00, 0x00 } },
		{ 6, { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 } },
		{ 7, { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 } },
		{ 8, { 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 } },
	};

	for (size_t i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
		if (instruction->decoded.length == nops[i].length &&
		    memcmp(instruction->bytes, nops[i].bytes, nops[i].length) == 0)
			return true;
	return false;
}

static bool is_push(const struct instruction *instruction)
{
	const uint8_t *bytes = instruction->bytes;

	if (instruction->decoded.length == 2 && bytes[0] != 0x41)
		return false;
	return instruction->decoded.length <= 2 &&
	       (bytes[instruction->decoded.length - 1] & 0xf8) == 0x50;
}

/* Skips f2 (bnd) and f3, which the kernel lets pass before a branch. */
static bool is_emulated_branch(const struct instruction *instruction)
{
	const uint8_t *bytes = instruction->bytes;
	size_t length = instruction->decoded.length;

	if (length > 1 && (bytes[0] == 0xf2 || bytes[0] == 0xf3)) {
		bytes++;
		length--;
	}
	if (length == 2)
		return bytes[0] == 0xeb || (bytes[0] & 0xf0) == 0x70;
	if (length == 5)
		return bytes[0] == 0xe8 || bytes[0] == 0xe9;
	return length == 6 && bytes[0] == 0x0f && (bytes[1] & 0xf0) == 0x80;
}

/* Words for why this instruction is a place, and its class; NULL when it is none. */
static const char *classify(const struct site_wish *wish, const struct instruction *instruction,
			    bool pushed, enum site_class *ret_class)
{
	*ret_class = SITE_EMULATED;
	if (is_push(instruction))
		return pushed ? "push" : "first push";
	if (instruction->decoded.length == 1 && instruction->bytes[0] == 0x90)
		return "nop";
	if (is_long_nop(instruction) && wish->nop5_is_free) {
		if (instruction->decoded.length != 5)
			return "long nop";
		*ret_class = SITE_NOP5;
		return "5-byte nop: no trap on this kernel";
	}
	if (!is_emulated_branch(instruction))
		return NULL;
	if (instruction->decoded.meta.category == ZYDIS_CATEGORY_CALL)
		return "call in the prologue";
	return instruction->decoded.meta.category == ZYDIS_CATEGORY_COND_BR ? "first branch"
									    : "jump";
}

static bool writes_register(const struct instruction *instruction, ZydisRegister wanted)
{
	for (int i = 0; i < instruction->decoded.operand_count; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     operand->reg.value) == wanted)
			return true;
	}
	return false;
}

static bool writes_argument(const struct site_wish *wish, const struct instruction *instruction)
{
	for (int i = 0; i < NR_ARGUMENTS; i++)
		if (wish->arguments & 1 << i && writes_register(instruction, argument_registers[i]))
			return true;
	return false;
}

/* "test %reg,%reg" of the one argument that a release reads. */
static bool tests_argument(const struct site_wish *wish, const struct instruction *instruction)
{
	const ZydisDecodedOperand *operands = instruction->operands;

	if (instruction->decoded.mnemonic != ZYDIS_MNEMONIC_TEST ||
	    operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    operands[0].reg.value != operands[1].reg.value)
		return false;
	for (int i = 0; i < NR_ARGUMENTS; i++)
		if (wish->arguments == 1 << i && operands[0].reg.value == argument_registers[i])
			return true;
	return false;
}

static bool changes_zero_flag(const struct instruction *instruction)
{
	const ZydisAccessedFlags *flags = instruction->decoded.cpu_flags;

	return flags && (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) &
				ZYDIS_CPUFLAG_ZF;
}

static void describe(const struct instruction *instruction, struct site *site)
{
	ZydisFormatter formatter;
	char text[128];

	/*
	 * A long text is cut, an impossible one left out: the words are for people only. With no
	 * address given, targets are told as distances.
	 */
	if (!ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)) ||
	    !ZYAN_SUCCESS(ZydisFormatterSetProperty(&formatter,
						    ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
						    ZYDIS_PADDING_DISABLED)) ||
	    !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &formatter, &instruction->decoded, instruction->operands,
		    instruction->decoded.operand_count_visible, text, sizeof(text),
		    ZYDIS_RUNTIME_ADDRESS_NONE, NULL)))
		text[0] = '\0';
	snprintf(site->instruction, sizeof(site->instruction), "%.47s", text);
}

static bool ends_block(const struct instruction *instruction)
{
	switch (instruction->decoded.meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_SYSTEM:
		return true;
	default:
		return instruction->decoded.mnemonic == ZYDIS_MNEMONIC_UD2;
	}
}

void site_walk_x86(struct site_choice *choice, const uint8_t *code, size_t size, struct site *entry)
{
	const struct site_wish *wish = choice->wish;
	bool pushed = false, null_tested = false, after_null = false;
	struct instruction instruction;
	struct walk walk;
	size_t offset = 0;

	walk_init(&walk, code, size);
	if (!decode(&walk, 0, &instruction)) {
		entry->why = "the first instruction is unknown";
		return;
	}
	describe(&instruction, entry);
	find_branch_targets(&walk);
	while (offset < SITE_PROLOGUE_MOST && decode(&walk, offset, &instruction)) {
		struct site site = { .offset = offset, .skips_null = after_null };
		bool leaves_on_null;

		if (offset && walk.branch_target[offset])
			break;
		site.why = classify(wish, &instruction, pushed, &site.class);
		if (site.why) {
			if (after_null)
				site.why = "after the branch that a NULL takes";
			describe(&instruction, &site);
			site_offer(choice, &site);
		}
		leaves_on_null = null_tested && !after_null && !wish->needs_return &&
				 instruction.decoded.mnemonic == ZYDIS_MNEMONIC_JZ;
		if (leaves_on_null)
			after_null = true;
		else if (ends_block(&instruction))
			break;
		if (writes_argument(wish, &instruction))
			break;
		if (writes_register(&instruction, ZYDIS_REGISTER_RSP)) {
			pushed = true;
			if (wish->needs_return)
				break;
		}
		null_tested = tests_argument(wish, &instruction) ||
			      (null_tested && !changes_zero_flag(&instruction));
		/* A branch back to the entry: whatever follows it may be executed again. */
		if (walk.branch_target[0])
			break;
		offset += instruction.decoded.length;
	}
}

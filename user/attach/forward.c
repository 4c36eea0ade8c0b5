/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Direct jumps and calls out of a function, and through its PLT to the symbol behind it.
 * PLT stubs as GNU ld and lld write them: "jmp *slot(%rip)", with endbr64 or bnd before it
 * in .plt.sec; on aarch64 "adrp x16; ldr x17, [x16, #n]", with bti c before it. It knows
 * nothing of allocators.
 */
#include <Zydis/Zydis.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "attach/forward.h"

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

static uint32_t word_at(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool is_bti(uint32_t word)
{
	return (word & 0xffffff3f) == 0xd503241f;
}

static bool plt_slot_x86(const uint8_t *bytes, size_t size, uint64_t address, uint64_t *ret_slot)
{
	size_t at = 0;

	if (size >= sizeof(endbr64) && memcmp(bytes, endbr64, sizeof(endbr64)) == 0)
		at += sizeof(endbr64);
	if (at < size && bytes[at] == 0xf2)
		at++;
	if (at + 6 > size || bytes[at] != 0xff || bytes[at + 1] != 0x25)
		return false;
	*ret_slot = address + at + 6 + (int32_t)word_at(bytes + at + 2);
	return true;
}

static bool plt_slot_arm64(const uint8_t *bytes, size_t size, uint64_t address, uint64_t *ret_slot)
{
	size_t at = size >= 4 && is_bti(word_at(bytes)) ? 4 : 0;
	uint32_t adrp, load;
	uint64_t page;

	if (at + 8 > size)
		return false;
	adrp = word_at(bytes + at);
	load = word_at(bytes + at + 4);
	/* adrp x16, page; ldr x17, [x16, #offset * 8] */
	if ((adrp & 0x9f00001f) != 0x90000010 || (load & 0xffc003ff) != 0xf9400211)
		return false;
	page = (uint64_t)(adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
	page = (uint64_t)((int64_t)(page << 43) >> 43) << 12;
	*ret_slot = ((address + at) & ~0xfffULL) + page + (load >> 10 & 0xfff) * 8;
	return true;
}

/* An exit to a slot names its symbol; NULL for a slot that no relocation names. */
static void exit_through_slot(const struct elf_file *file, uint64_t slot, struct forward_exit *exit)
{
	exit->address = 0;
	exit->symbol = elf_file_slot_symbol(file, slot);
}

static void resolve(const struct elf_file *file, uint64_t target, struct forward_exit *exit)
{
	uint8_t bytes[16];
	size_t size = elf_file_read(file, target, bytes, sizeof(bytes));
	uint64_t slot;
	bool stub = file->machine == EM_X86_64 ? plt_slot_x86(bytes, size, target, &slot)
					       : plt_slot_arm64(bytes, size, target, &slot);

	if (stub) {
		exit_through_slot(file, slot, exit);
	} else {
		exit->address = target;
		exit->symbol = NULL;
	}
}

struct reading {
	const struct elf_file *file;
	struct forward *forward;
	uint64_t address;
	size_t size;
};

static struct forward_exit *add_exit(struct forward *forward, bool call)
{
	size_t *nr = call ? &forward->nr_calls : &forward->nr_jumps;

	if (*nr == FORWARD_EXITS_MOST) {
		forward->unknown = true;
		return NULL;
	}
	return call ? &forward->calls[(*nr)++] : &forward->jumps[(*nr)++];
}

static void add_target(struct reading *reading, uint64_t target, bool call)
{
	struct forward_exit *exit;

	if (!call && target - reading->address < reading->size)
		return;
	exit = add_exit(reading->forward, call);
	if (exit)
		resolve(reading->file, target, exit);
}

static void add_slot(struct reading *reading, uint64_t slot, bool call)
{
	struct forward_exit *exit = add_exit(reading->forward, call);

	if (exit)
		exit_through_slot(reading->file, slot, exit);
}

/* Where a branch or call of the instruction at `at` goes, if it is one. */
static void read_exit_x86(struct reading *reading, const ZydisDecodedInstruction *decoded,
			  const ZydisDecodedOperand *operand, uint64_t at)
{
	uint64_t next = at + decoded->length;
	bool call = decoded->meta.category == ZYDIS_CATEGORY_CALL;

	if (!call && decoded->meta.category != ZYDIS_CATEGORY_UNCOND_BR &&
	    decoded->meta.category != ZYDIS_CATEGORY_COND_BR)
		return;
	if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand->imm.is_relative)
		add_target(reading, next + operand->imm.value.s, call);
	else if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		 operand->mem.base == ZYDIS_REGISTER_RIP)
		add_slot(reading, next + operand->mem.disp.value, call);
	else
		reading->forward->unknown = true;
}

static void read_exits_x86(struct reading *reading, const uint8_t *code)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction decoded;
	bool landed = false;
	ZydisDecoder decoder;
	size_t at = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (at < reading->size) {
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code + at, reading->size - at,
							 &decoded, operands))) {
			reading->forward->unknown = true;
			return;
		}
		read_exit_x86(reading, &decoded, operands, reading->address + at);
		if (!landed && decoded.mnemonic != ZYDIS_MNEMONIC_ENDBR64) {
			landed = true;
			reading->forward->only_jumps = decoded.mnemonic == ZYDIS_MNEMONIC_JMP &&
						       reading->forward->nr_jumps == 1;
			if (reading->forward->only_jumps)
				return;
		}
		at += decoded.length;
	}
}

static void read_exits_arm64(struct reading *reading, const uint8_t *code)
{
	bool landed = false;

	for (size_t at = 0; at + 4 <= reading->size; at += 4) {
		uint32_t word = word_at(code + at);
		bool jump = (word & 0xfc000000) == 0x14000000;
		bool call = (word & 0xfc000000) == 0x94000000;

		if (jump || call) {
			int64_t distance = (int64_t)((uint64_t)(word & 0x3ffffff) << 38) >> 36;

			add_target(reading, reading->address + at + distance, call);
		} else if ((word & 0xfe000000) == 0xd6000000 && (word & 0xfffffc1f) != 0xd65f0000) {
			/* br, blr: ret alone says where it goes */
			reading->forward->unknown = true;
		}
		if (!landed && !is_bti(word)) {
			landed = true;
			reading->forward->only_jumps = jump && reading->forward->nr_jumps == 1;
			if (reading->forward->only_jumps)
				return;
		}
	}
}

void forward_read(const struct elf_file *file, uint64_t address, uint64_t size,
		  struct forward *ret_forward)
{
	struct forward forward = { 0 };
	struct reading reading = { .file = file, .forward = &forward, .address = address };
	uint8_t code[FORWARD_CODE_MOST];
	bool whole = size > 0 && size <= sizeof(code);

	/* Of a long function, or one of unknown length, only the first instruction tells. */
	reading.size = elf_file_read(file, address, code, whole ? size : sizeof(code));
	if (file->machine == EM_X86_64)
		read_exits_x86(&reading, code);
	else
		read_exits_arm64(&reading, code);
	if (!whole)
		forward.unknown = true;
	*ret_forward = forward;
}

void forward_free(struct forward *forward)
{
	for (size_t i = 0; i < forward->nr_jumps; i++)
		free(forward->jumps[i].symbol);
	for (size_t i = 0; i < forward->nr_calls; i++)
		free(forward->calls[i].symbol);
	memset(forward, 0, sizeof(*forward));
}

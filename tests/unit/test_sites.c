/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attach/sites.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define WORDS(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ })

#define ENDBR64 0xf3, 0x0f, 0x1e, 0xfa
#define NOP5 0x0f, 0x1f, 0x44, 0x00, 0x00
#define TEST_RDI 0x48, 0x85, 0xff
#define PUSH_RBP 0x55

static const struct site_wish release = { .machine = EM_X86_64, .arguments = 1 };
static const struct site_wish allocation = { EM_X86_64, .arguments = 1, .needs_return = true };
static const struct site_wish release_on_new = { EM_X86_64, 1, .nop5_is_free = true };
static const struct site_wish allocation_on_new = { EM_X86_64, 1, true, true };

static struct site expect(const struct site_wish *wish, const void *code, size_t size,
			  uint32_t offset, enum site_class class)
{
	/* An allocation of its own, so that a read past the end is seen. */
	uint8_t *copy = malloc(size ? size : 1);
	struct site site;

	memcpy(copy, code, size);
	site_choose(wish, copy, size, &site);
	free(copy);
	assert_int_equal(site.offset, offset);
	assert_int_equal(site.class, class);
	assert_non_null(site.why);
	return site;
}

static void free_of_glibc(void **state)
{
	/* test %rdi,%rdi; je; push %rbp; lea -0x10(%rdi),%rsi */
	struct site site =
		expect(&release,
		       BYTES(TEST_RDI, 0x0f, 0x84, 0xbf, 0, 0, 0, PUSH_RBP, 0x48, 0x8d, 0x77, 0xf0),
		       9, SITE_EMULATED);

	assert_true(site.skips_null);
	assert_string_equal(site.instruction, "push %rbp");
	/* an allocation must not miss a NULL: the branch itself is the place */
	site = expect(&allocation, BYTES(TEST_RDI, 0x0f, 0x84, 0xbf, 0, 0, 0, PUSH_RBP), 3,
		      SITE_EMULATED);
	assert_false(site.skips_null);
}

static void the_null_branch_must_leave(void **state)
{
	/* jne: what falls through is the NULL */
	assert_false(expect(&release, BYTES(TEST_RDI, 0x75, 0x10, PUSH_RBP), 3, SITE_EMULATED)
			     .skips_null);
	/* another register, and half of the right one */
	expect(&release, BYTES(0x48, 0x85, 0xf6, 0x74, 0x10, PUSH_RBP), 3, SITE_EMULATED);
	expect(&release, BYTES(0x85, 0xff, 0x74, 0x10, PUSH_RBP), 2, SITE_EMULATED);
	/* a branch that goes on where it would have gone anyway */
	expect(&release, BYTES(TEST_RDI, 0x74, 0x00, PUSH_RBP), 3, SITE_EMULATED);
	/* flags that outlive a move, and flags that do not outlive a compare */
	expect(&release, BYTES(TEST_RDI, 0x48, 0x89, 0xf8, 0x74, 0x10, PUSH_RBP), 8, SITE_EMULATED);
	expect(&release, BYTES(TEST_RDI, 0x48, 0x39, 0xf0, 0x74, 0x10, PUSH_RBP), 6, SITE_EMULATED);
	/* the argument is gone before the next place; then a second branch ends it all */
	expect(&release, BYTES(TEST_RDI, 0x74, 0x10, 0x48, 0x89, 0xf7, PUSH_RBP), 3, SITE_EMULATED);
	expect(&release, BYTES(TEST_RDI, 0x74, 0x20, 0x48, 0x39, 0xf7, 0x72, 0x05, PUSH_RBP), 8,
	       SITE_EMULATED);
}

static void first_push(void **state)
{
	expect(&allocation, BYTES(0x41, 0x54, PUSH_RBP, 0x53), 0, SITE_EMULATED);
	expect(&allocation, BYTES(ENDBR64, 0x41, 0x57), 4, SITE_EMULATED);
	expect(&allocation, BYTES(ENDBR64, TEST_RDI, 0x74, 0x10, PUSH_RBP), 7, SITE_EMULATED);
	/* push %rsp pushes its old value, as the kernel does */
	expect(&allocation, BYTES(0x54), 0, SITE_EMULATED);
}

static void pushes_that_are_stepped(void **state)
{
	/* push $0; pushw %bp; push with REX.W; with an empty REX; push (%rax) */
	expect(&allocation, BYTES(0x6a, 0x00, PUSH_RBP), 0, SITE_STEPPED);
	expect(&allocation, BYTES(0x66, 0x55, PUSH_RBP), 0, SITE_STEPPED);
	expect(&allocation, BYTES(0x48, 0x55, PUSH_RBP), 0, SITE_STEPPED);
	expect(&allocation, BYTES(0x40, 0x55, PUSH_RBP), 0, SITE_STEPPED);
	expect(&allocation, BYTES(0xff, 0x30, PUSH_RBP), 0, SITE_STEPPED);
	/* a release does not mind what is on the stack */
	expect(&release, BYTES(0x66, 0x55, PUSH_RBP), 2, SITE_EMULATED);
}

static void the_return_address_stays_on_top(void **state)
{
	/* sub $0x18,%rsp; push %rbx */
	expect(&allocation, BYTES(0x48, 0x83, 0xec, 0x18, 0x53), 0, SITE_STEPPED);
	expect(&release, BYTES(0x48, 0x83, 0xec, 0x18, 0x53), 4, SITE_EMULATED);
	/* mov %rdi,%rax does not move it */
	expect(&allocation, BYTES(0x48, 0x89, 0xf8, 0x53), 3, SITE_EMULATED);
}

static void the_arguments_stay_intact(void **state)
{
	const struct site_wish three = { EM_X86_64, .arguments = 7, .needs_return = true };
	const struct site_wish second = { EM_X86_64, .arguments = 2, .needs_return = true };

	/* mov %rsi,%rax; mul %rdx; mov %rax,%rsi; jo: glibc's reallocarray */
	expect(&three, BYTES(0x48, 0x89, 0xf0, 0x48, 0xf7, 0xe2, 0x48, 0x89, 0xc6, 0x70, 0x05), 0,
	       SITE_STEPPED);
	/* xor %edi,%edi writes all of %rdi; cmove may; xchg does */
	expect(&release, BYTES(0x31, 0xff, PUSH_RBP), 0, SITE_STEPPED);
	expect(&second, BYTES(0x31, 0xff, PUSH_RBP), 2, SITE_EMULATED);
	expect(&release, BYTES(0x48, 0x0f, 0x44, 0xfe, PUSH_RBP), 0, SITE_STEPPED);
	expect(&release, BYTES(0x48, 0x87, 0xf8, PUSH_RBP), 0, SITE_STEPPED);
	/* a string instruction moves %rdi without naming it */
	expect(&release, BYTES(0xaa, PUSH_RBP), 0, SITE_STEPPED);
}

static void nops(void **state)
{
	struct site site = expect(&allocation_on_new, BYTES(NOP5, PUSH_RBP), 0, SITE_NOP5);

	assert_string_equal(site.why, "5-byte nop: no trap on this kernel");
	/* a kernel that does not know it steps it */
	expect(&allocation, BYTES(NOP5, PUSH_RBP), 5, SITE_EMULATED);
	/* preferred to an earlier push where nothing forbids it */
	expect(&release_on_new, BYTES(PUSH_RBP, NOP5), 1, SITE_NOP5);
	expect(&allocation_on_new, BYTES(PUSH_RBP, NOP5), 0, SITE_EMULATED);
	/* other long nops are emulated there too, a plain one everywhere */
	expect(&allocation_on_new, BYTES(0x0f, 0x1f, 0x40, 0x00, 0x48, 0x89, 0xf8), 0,
	       SITE_EMULATED);
	expect(&allocation, BYTES(0x90, 0x48, 0x89, 0xf8), 0, SITE_EMULATED);
	/* 66 90 could not be probed before 6.2, a cs prefix never */
	expect(&allocation_on_new, BYTES(0x66, 0x90, PUSH_RBP), 2, SITE_EMULATED);
	expect(&allocation_on_new, BYTES(0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, PUSH_RBP), 10,
	       SITE_EMULATED);
}

static void branches_and_calls(void **state)
{
	expect(&release, BYTES(0xe9, 0, 1, 0, 0), 0, SITE_EMULATED);
	expect(&allocation, BYTES(0xf2, 0xe9, 0, 1, 0, 0), 0, SITE_EMULATED);
	expect(&allocation, BYTES(0x48, 0x89, 0xf8, 0xe8, 0, 1, 0, 0), 3, SITE_EMULATED);
	/* operand size 16: the kernel refuses it */
	expect(&allocation, BYTES(0x66, 0xe9, 0, 1, 0, 0), 0, SITE_STEPPED);
	/* nothing after a call, a jump, a return or an ordinary branch is reached every time */
	expect(&release, BYTES(0xff, 0xd0, PUSH_RBP), 0, SITE_STEPPED);
	expect(&release, BYTES(0xff, 0xe0, PUSH_RBP), 0, SITE_STEPPED);
	expect(&release, BYTES(0xc3, PUSH_RBP), 0, SITE_STEPPED);
	expect(&release, BYTES(0x0f, 0x05, PUSH_RBP), 0, SITE_STEPPED);
	expect(&release, BYTES(0xe3, 0x10, PUSH_RBP), 0, SITE_STEPPED);
}

static void plt_stubs(void **state)
{
	expect(&release, BYTES(0xff, 0x25, 0x10, 0x20, 0, 0), 0, SITE_STEPPED);
	expect(&release, BYTES(ENDBR64, 0xf2, 0xff, 0x25, 0x10, 0x20, 0, 0), 0, SITE_STEPPED);
}

static void loops(void **state)
{
	uint8_t code[600];
	int32_t back;

	/* mov %rdi,%rax; 3: sub $1,%rax; jne 3; push: the loop's branch is taken many times */
	expect(&release, BYTES(0x48, 0x89, 0xf8, 0x48, 0x83, 0xe8, 0x01, 0x75, 0xfa, PUSH_RBP), 0,
	       SITE_STEPPED);
	/* a branch back to the entry: the entry alone is as good as it gets */
	expect(&release, BYTES(0x48, 0x89, 0xf8, PUSH_RBP, 0xeb, 0xfa), 0, SITE_STEPPED);
	expect(&release, BYTES(PUSH_RBP, 0x48, 0x89, 0xf8, 0xeb, 0xfa), 0, SITE_EMULATED);

	/* far behind the prologue a jump back into it, or not */
	for (size_t i = 0; i < sizeof(code); i += 3)
		memcpy(code + i, "\x48\x89\xc0", 3);
	code[3] = PUSH_RBP;
	code[4] = code[5] = 0x90;
	expect(&allocation, code, sizeof(code), 3, SITE_EMULATED);
	code[510] = 0xe9;
	back = 3 - 515;
	memcpy(code + 511, &back, sizeof(back));
	expect(&allocation, code, sizeof(code), 0, SITE_STEPPED);
}

static void stays_inside_the_code(void **state)
{
	uint32_t seed = 1;
	uint8_t code[300];

	expect(&release, BYTES(PUSH_RBP), 0, SITE_EMULATED);
	expect(&release, "", 0, 0, SITE_STEPPED);
	expect(&release, BYTES(0x48), 0, SITE_STEPPED);
	expect(&release, BYTES(TEST_RDI, 0x0f, 0x84), 0, SITE_STEPPED);
	for (int round = 0; round < 20000; round++) {
		const struct site_wish wish = {
			.machine = round & 1 ? EM_X86_64 : EM_AARCH64,
			.arguments = round >> 1,
			.needs_return = round & 8,
			.nop5_is_free = round & 16,
		};
		size_t size = round % sizeof(code);
		uint8_t *copy = malloc(size + 1);
		struct site site;

		for (size_t i = 0; i < size; i++) {
			seed = seed * 1664525 + 1013904223;
			copy[i] = seed >> 24;
		}
		site_choose(&wish, copy, size, &site);
		free(copy);
		assert_true(site.offset == 0 || site.offset < size);
		assert_true(site.offset < SITE_PROLOGUE_MOST);
		assert_true(memchr(site.instruction, 0, sizeof(site.instruction)) != NULL);
	}
}

static void entry_on_request(void **state)
{
	static const uint8_t code[] = { TEST_RDI, 0x74, 0x10, PUSH_RBP };
	struct site site;

	site_entry(&release, code, sizeof(code), &site);
	assert_int_equal(site.offset, 0);
	assert_int_equal(site.class, SITE_STEPPED);
	site_entry(&release, code + 5, 1, &site);
	assert_int_equal(site.offset, 0);
	assert_int_equal(site.class, SITE_EMULATED);
}

enum {
	BTI_C = 0xd503245f,
	PACIASP = 0xd503233f,
	NOP = 0xd503201f,
	STP_FP_LR = 0xa9be7bfd, /* stp x29, x30, [sp, #-32]! */
	STP_X19_X20 = 0xa90153f3, /* stp x19, x20, [sp, #16] */
	STR_X0 = 0xf90007e0, /* str x0, [sp, #8] */
	MOV_X19_X0 = 0xaa0003f3,
	MOV_X0_X1 = 0xaa0103e0,
	LDR_X0 = 0xf9400020, /* ldr x0, [x1] */
	LDR_X2_POST_X0 = 0xf8408402, /* ldr x2, [x0], #8 */
	ADRP_X1 = 0xb0000001,
	CBZ_X0 = 0xb4000200,
	CBZ_X1 = 0xb4000201,
	CBNZ_X0 = 0xb5000200,
	B = 0x14000010,
	BL = 0x94000010,
	B_EQ = 0x54000100,
	B_BACK_8 = 0x17fffffe,
	RET = 0xd65f03c0,
};

static const struct site_wish arm_release = { .machine = EM_AARCH64, .arguments = 1 };
static const struct site_wish arm_allocation = { EM_AARCH64, .arguments = 1, .needs_return = true };

static void arm64_places(void **state)
{
	struct site site;

	site = expect(&arm_release, WORDS(BTI_C, CBZ_X0, STP_FP_LR, ADRP_X1), 12, SITE_EMULATED);
	assert_true(site.skips_null);
	expect(&arm_allocation, WORDS(BTI_C, CBZ_X0, ADRP_X1), 4, SITE_EMULATED);
	assert_false(expect(&arm_release, WORDS(CBZ_X1, ADRP_X1), 0, SITE_EMULATED).skips_null);
	expect(&arm_release, WORDS(CBNZ_X0, ADRP_X1), 0, SITE_EMULATED);
	expect(&arm_allocation, WORDS(NOP, STP_FP_LR), 0, SITE_EMULATED);
	expect(&arm_allocation, WORDS(MOV_X19_X0, B_EQ, NOP), 4, SITE_EMULATED);
	expect(&arm_allocation, WORDS(B), 0, SITE_EMULATED);
	/* hints other than nop are stepped */
	expect(&arm_release, WORDS(BTI_C, PACIASP, RET), 0, SITE_STEPPED);
	expect(&arm_release, WORDS(RET, NOP), 0, SITE_STEPPED);
}

static void arm64_keeps_link_and_arguments(void **state)
{
	/* the link register is signed, or stored, or overwritten by the call */
	expect(&arm_allocation, WORDS(PACIASP, NOP), 0, SITE_STEPPED);
	expect(&arm_allocation, WORDS(STP_FP_LR, NOP), 0, SITE_STEPPED);
	expect(&arm_allocation, WORDS(BL, NOP), 0, SITE_EMULATED);
	expect(&arm_release, WORDS(PACIASP, STP_FP_LR, NOP), 8, SITE_EMULATED);
	/* saving others does not matter */
	expect(&arm_allocation, WORDS(STP_X19_X20, STR_X0, ADRP_X1), 8, SITE_EMULATED);
	expect(&arm_release, WORDS(MOV_X0_X1, NOP), 0, SITE_STEPPED);
	expect(&arm_release, WORDS(LDR_X0, NOP), 0, SITE_STEPPED);
	expect(&arm_release, WORDS(LDR_X2_POST_X0, NOP), 0, SITE_STEPPED);
	/* a loop at the top */
	expect(&arm_release, WORDS(MOV_X19_X0, STR_X0, NOP, B_BACK_8), 0, SITE_STEPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_of_glibc),
		cmocka_unit_test(the_null_branch_must_leave),
		cmocka_unit_test(first_push),
		cmocka_unit_test(pushes_that_are_stepped),
		cmocka_unit_test(the_return_address_stays_on_top),
		cmocka_unit_test(the_arguments_stay_intact),
		cmocka_unit_test(nops),
		cmocka_unit_test(branches_and_calls),
		cmocka_unit_test(plt_stubs),
		cmocka_unit_test(loops),
		cmocka_unit_test(stays_inside_the_code),
		cmocka_unit_test(entry_on_request),
		cmocka_unit_test(arm64_places),
		cmocka_unit_test(arm64_keeps_link_and_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

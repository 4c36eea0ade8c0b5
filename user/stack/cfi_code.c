// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a window on a file's code and the patterns that are looked for in it.
 *
 * Calls of x86_64 are e8 with 4 bytes of distance, and ff with /2 in its ModRM byte (Intel
 * SDM volume 2, CALL), 2 to 7 bytes long without prefixes, which do not matter here: an
 * instruction is told by its opcode and ends where its operands end. Any e8 or ff /2 byte
 * counts, whether or not an instruction starts there. Those of aarch64 are BL, BLR and the
 * BLRA* that check a signature (Arm ARM, C6.2).
 *
 * It must not know call frame information.
 */
#include "stack/cfi_code.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW = 256 << 10, /* in the second-level cache */
	LONGEST = 16, /* bytes of any pattern */
	AT_LEAST = 4 * LONGEST, /* bytes to look at at once */
	/* Bytes that could end a restorer; in real code that is one in two hundred. */
	CANDIDATES_MOST = 1 << 24,
};

struct cfi_code {
	const struct cfi_image *image;
	uint64_t address; /* of bytes[0] */
	size_t size;
	size_t candidates;
	uint8_t bytes[WINDOW];
};

struct cfi_code *cfi_code_new(const struct cfi_image *image)
{
	struct cfi_code *code = malloc(sizeof(*code));

	if (code) {
		code->image = image;
		code->address = 0;
		code->size = 0;
		code->candidates = 0;
	}
	return code;
}

void cfi_code_free(struct cfi_code *code)
{
	free(code);
}

/*
 * The bytes at the address: at least AT_LEAST of them, unless [address, end) or the file's
 * segment has fewer. *ret_size does not go beyond `end`.
 */
static const uint8_t *bytes_at(struct cfi_code *code, uint64_t address, uint64_t end,
			       size_t *ret_size)
{
	uint64_t wanted = end - address < AT_LEAST ? end - address : AT_LEAST;
	uint64_t skipped = address - code->address;

	if (address < code->address || skipped > code->size || code->size - skipped < wanted) {
		code->size = cfi_image_read(code->image, address, code->bytes, WINDOW);
		code->address = address;
		skipped = 0;
	}
	*ret_size = code->size - skipped;
	if (*ret_size > end - address)
		*ret_size = end - address;
	return code->bytes + skipped;
}

/*
 * How far to go on after as many bytes: what starts in a window's last ones is looked at
 * again in the next; fewer are the end of a segment, to which another one may be joined.
 */
static size_t step(size_t size)
{
	return size < AT_LEAST ? size : size - LONGEST;
}

/* Length of the operand bytes after ff /2; 0 when it is another instruction. */
static size_t indirect_call_length(const uint8_t *at, size_t left)
{
	uint8_t modrm, mode, base;
	size_t length = 2;

	if (left < 2)
		return 0;
	modrm = at[1];
	mode = modrm >> 6;
	base = modrm & 7;
	if ((modrm >> 3 & 7) != 2)
		return 0;
	if (mode == 3)
		return 2;
	if (base == 4) {
		if (left < 3)
			return 0;
		base = at[2] & 7;
		length++;
	} else if (mode == 0 && base == 5) {
		return 6; /* relative to rip */
	}
	if (mode == 1)
		return length + 1;
	return mode == 2 || base == 5 ? length + 4 : length;
}

/* Does one of the `size` bytes start a call that ends within them, or a system call? */
static bool has_call_x86(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t left = size - i, length = 0;

		if (bytes[i] == 0xe8)
			length = 5;
		else if (bytes[i] == 0xff)
			length = indirect_call_length(bytes + i, left);
		else if (bytes[i] == 0x0f && left >= 2 && bytes[i + 1] == 0x05)
			length = 2;
		if (length && length <= left)
			return true;
	}
	return false;
}

static bool has_call_arm64(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		uint32_t word;

		memcpy(&word, bytes + i, 4);
		if ((word & 0xfc000000) == 0x94000000 || /* BL */
		    (word & 0xfffffc1f) == 0xd63f0000 || /* BLR */
		    (word & 0xfefff800) == 0xd63f0800 || /* BLRAA, BLRAB, BLRAAZ, BLRABZ */
		    (word & 0xffe0001f) == 0xd4000001) /* SVC */
			return true;
	}
	return false;
}

/* A signal in a system call is seen with the pc after it: that may be our first address. */
static bool follows_system_call(struct cfi_code *code, uint64_t start)
{
	bool arm64 = code->image->machine == EM_AARCH64;
	size_t length = arm64 ? 4 : 2, size;
	const uint8_t *bytes;
	uint32_t word = 0;

	if (start < length)
		return false;
	bytes = bytes_at(code, start - length, start, &size);
	if (size < length)
		return false;
	memcpy(&word, bytes, length);
	return arm64 ? (word & 0xffe0001f) == 0xd4000001 : word == 0x050f;
}

bool cfi_code_has_call(struct cfi_code *code, uint64_t start, uint64_t end)
{
	bool arm64 = code->image->machine == EM_AARCH64;
	uint64_t at = start;

	if (arm64 && start % 4)
		at = (start + 3) & ~3ULL;
	while (at < end) {
		size_t size;
		const uint8_t *bytes = bytes_at(code, at, end, &size);

		if (arm64 ? has_call_arm64(bytes, size) : has_call_x86(bytes, size))
			return true;
		if (!size || size >= end - at)
			break;
		at += step(size);
		if (arm64)
			at = (at + 3) & ~3ULL;
	}
	return follows_system_call(code, start);
}

struct restorer {
	uint16_t machine;
	uint8_t length;
	uint8_t bytes[9];
};

static const struct restorer restorers[] = {
	/* mov $15, %rax; syscall: musl, glibc */
	{ EM_X86_64, 9, { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 } },
	/* mov $15, %eax; syscall: bionic, Go */
	{ EM_X86_64, 7, { 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05 } },
	/* mov x8, 139; svc 0: the vDSO, musl */
	{ EM_AARCH64, 8, { 0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4 } },
};

/* The length of the restorer whose last byte is bytes[last]; 0 none. */
static size_t restorer_ends_at(uint16_t machine, const uint8_t *bytes, size_t last)
{
	for (size_t i = 0; i < sizeof(restorers) / sizeof(restorers[0]); i++) {
		size_t length = restorers[i].length;

		if (restorers[i].machine == machine && last + 1 >= length &&
		    !memcmp(bytes + last + 1 - length, restorers[i].bytes, length))
			return length;
	}
	return 0;
}

/* Goes by their last byte, which is rare in code and padding. */
static size_t find_in(struct cfi_code *code, const uint8_t *bytes, size_t size, size_t *ret_length)
{
	uint16_t machine = code->image->machine;
	int last_byte = machine == EM_AARCH64 ? 0xd4 : 0x05;
	const uint8_t *at = bytes, *end = bytes + size;

	while (at < end && code->candidates < CANDIDATES_MOST &&
	       (at = memchr(at, last_byte, (size_t)(end - at)))) {
		size_t last = (size_t)(at - bytes), length = restorer_ends_at(machine, bytes, last);

		if (length) {
			*ret_length = length;
			return last + 1 - length;
		}
		code->candidates++;
		at++;
	}
	return SIZE_MAX;
}

size_t cfi_code_find_restorer(struct cfi_code *code, uint64_t start, uint64_t end,
			      uint64_t *ret_address)
{
	uint64_t at = start;

	while (at < end) {
		size_t size, length, found;
		const uint8_t *bytes = bytes_at(code, at, end, &size);

		found = size ? find_in(code, bytes, size, &length) : SIZE_MAX;
		if (found != SIZE_MAX) {
			*ret_address = at + found;
			return length;
		}
		if (!size || size >= end - at)
			break;
		at += step(size);
	}
	return 0;
}

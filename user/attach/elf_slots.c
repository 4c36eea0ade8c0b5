/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the index of GOT slots. It is read once, when the first slot is asked for: most
 * files have no function that hands over to another one's. Hostile files list the same
 * bytes as many sections and have functions that all jump through slots, so there is a
 * bound to what is read, and no look-up reads again. It must not know names.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "attach/elf_file.h"
#include "attach/elf_slots.h"
#include "base/vec.h"

enum {
	SECTIONS_MOST = 16, /* a linked file has two */
	BYTES_MOST = 256 << 20, /* in all sections; the largest browsers have a fifth */
	SLOTS_MOST = 1 << 20,
};

struct elf_slots {
	struct elf_slot *items; /* by address, then in the order of the file */
	size_t nr, cap;
	bool read;
};

struct elf_slots *elf_slots_new(void)
{
	return calloc(1, sizeof(struct elf_slots));
}

void elf_slots_free(struct elf_slots *slots)
{
	if (!slots)
		return;
	free(slots->items);
	free(slots);
}

static bool is_slot(uint16_t machine, uint32_t type)
{
	if (machine == EM_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

/* False when out of memory. */
static bool add_section(struct elf_slots *slots, const struct elf_file *file, uint32_t number)
{
	const struct elf_section *section = &file->sections[number];
	char *bytes;

	/* What cannot be read has no slots. */
	if (elf_file_read_section(file, section, &bytes) != 0)
		return true;
	for (uint64_t at = 0; section->size - at >= sizeof(Elf64_Rela); at += sizeof(Elf64_Rela)) {
		struct elf_slot *slot;
		Elf64_Rela entry;

		memcpy(&entry, bytes + at, sizeof(entry));
		if (!is_slot(file->machine, ELF64_R_TYPE(entry.r_info)))
			continue;
		if (slots->nr == SLOTS_MOST)
			break;
		slot = vec_push(&slots->items, &slots->nr, &slots->cap);
		if (!slot) {
			free(bytes);
			return false;
		}
		slot->address = entry.r_offset;
		slot->section = number;
		slot->symbol = ELF64_R_SYM(entry.r_info);
	}
	free(bytes);
	return true;
}

static int compare_slots(const void *left, const void *right)
{
	const struct elf_slot *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->section < b->section ? -1 : a->section > b->section;
}

static void read_slots(struct elf_slots *slots, const struct elf_file *file)
{
	uint64_t left = BYTES_MOST;
	int looked_at = 0;

	for (size_t i = 0; i < file->nr_sections && looked_at < SECTIONS_MOST; i++) {
		const struct elf_section *section = &file->sections[i];

		if (section->type != SHT_RELA)
			continue;
		looked_at++;
		if (section->entry_size != sizeof(Elf64_Rela) || section->size > left)
			continue;
		left -= section->size;
		if (!add_section(slots, file, (uint32_t)i))
			break;
	}
	if (slots->nr)
		qsort(slots->items, slots->nr, sizeof(*slots->items), compare_slots);
}

const struct elf_slot *elf_slots_find(struct elf_slots *slots, const struct elf_file *file,
				      uint64_t address)
{
	size_t low = 0, high;

	if (!slots->read)
		read_slots(slots, file);
	slots->read = true;
	high = slots->nr;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slots->items[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < slots->nr && slots->items[low].address == address ? &slots->items[low] : NULL;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mutations of ELF files that leave them ELF files: one header, or what one section or
 * segment holds, is changed in place, and fields of headers are set to what matters there:
 * places of other parts, the file's size, the ends of number ranges.
 */
#ifndef SEEP_TESTS_ELF_MUTATOR_H
#define SEEP_TESTS_ELF_MUTATOR_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

struct elf_mutation {
	uint8_t *data;
	size_t size;
	Elf64_Ehdr header;
	uint64_t random;
};

static inline uint64_t elf_random(struct elf_mutation *mutation, uint64_t below)
{
	/* Knuth's MMIX generator; the low bits are the poor ones */
	mutation->random = mutation->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return below ? (mutation->random >> 33) % below : 0;
}

static inline bool elf_is_file(const uint8_t *data, size_t size)
{
	return size >= sizeof(Elf64_Ehdr) && !memcmp(data, ELFMAG, SELFMAG) &&
	       data[EI_CLASS] == ELFCLASS64 && data[EI_DATA] == ELFDATA2LSB;
}

/* Changes [at, at + length) as far as the file has it. */
static inline void elf_mutate_range(struct elf_mutation *mutation, uint64_t at, uint64_t length)
{
	if (at >= mutation->size)
		return;
	if (length > mutation->size - at)
		length = mutation->size - at;
	if (length)
		LLVMFuzzerMutate(mutation->data + at, length, length);
}

/* A number that headers are sensitive to. */
static inline uint64_t elf_telling_number(struct elf_mutation *mutation)
{
	const uint64_t numbers[] = {
		0,
		1,
		7,
		mutation->size,
		mutation->size - 1,
		mutation->size + 1,
		mutation->header.e_shoff,
		mutation->header.e_phoff,
		UINT32_MAX,
		(uint64_t)UINT32_MAX + 1,
		INT64_MAX,
		UINT64_MAX,
		UINT64_MAX - 4095,
		elf_random(mutation, mutation->size),
		elf_random(mutation, 16),
		1ULL << elf_random(mutation, 64),
	};

	return numbers[elf_random(mutation, sizeof(numbers) / sizeof(*numbers))];
}

/* One aligned word, of 2, 4 or 8 bytes, of an entry of a table. */
static inline void elf_set_field(struct elf_mutation *mutation, uint64_t at, size_t entry)
{
	uint64_t value = elf_telling_number(mutation);
	size_t width = 2ULL << elf_random(mutation, 3);

	at += elf_random(mutation, entry / width) * width;
	if (at < mutation->size && width <= mutation->size - at)
		memcpy(mutation->data + at, &value, width);
}

/* Where an entry of a table of headers is; UINT64_MAX when the file has it not. */
static inline uint64_t elf_pick_entry(struct elf_mutation *mutation, uint64_t table, uint64_t nr,
				      size_t entry)
{
	if (!nr || table > mutation->size || mutation->size - table < entry)
		return UINT64_MAX;
	if (nr > (mutation->size - table) / entry)
		nr = (mutation->size - table) / entry;
	return table + elf_random(mutation, nr) * entry;
}

static inline void elf_mutate_table(struct elf_mutation *mutation, uint64_t at, size_t entry)
{
	if (at == UINT64_MAX)
		return;
	if (elf_random(mutation, 3))
		elf_set_field(mutation, at, entry);
	else
		elf_mutate_range(mutation, at, entry);
}

/* What a section or segment holds; most of it is at its start. */
static inline void elf_mutate_contents(struct elf_mutation *mutation, bool section)
{
	const Elf64_Ehdr *header = &mutation->header;
	uint64_t at = section ? elf_pick_entry(mutation, header->e_shoff, header->e_shnum,
					       sizeof(Elf64_Shdr))
			      : elf_pick_entry(mutation, header->e_phoff, header->e_phnum,
					       sizeof(Elf64_Phdr));
	uint64_t offset, size;
	Elf64_Phdr segment;
	Elf64_Shdr entry;

	if (at == UINT64_MAX)
		return;
	if (section) {
		memcpy(&entry, mutation->data + at, sizeof(entry));
		offset = entry.sh_offset;
		size = entry.sh_size;
	} else {
		memcpy(&segment, mutation->data + at, sizeof(segment));
		offset = segment.p_offset;
		size = segment.p_filesz;
	}
	if (size > 64 && elf_random(mutation, 2)) {
		uint64_t skipped = elf_random(mutation, size - 32);

		offset += skipped;
		size = 32;
	}
	elf_mutate_range(mutation, offset, size);
}

/* The new size; the file's head stays. */
static inline size_t elf_mutate(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	struct elf_mutation mutation = { .data = data, .size = size, .random = seed };
	const Elf64_Ehdr *header = &mutation.header;

	memcpy(&mutation.header, data, sizeof(mutation.header));
	switch (elf_random(&mutation, 16)) {
	case 0:
		return LLVMFuzzerMutate(data, size, most);
	case 1:
		return size - elf_random(&mutation, size - sizeof(*header) + 1);
	case 2:
		elf_mutate_table(&mutation, EI_NIDENT, sizeof(*header) - EI_NIDENT);
		break;
	case 3 ... 5:
		elf_mutate_table(&mutation,
				 elf_pick_entry(&mutation, header->e_phoff, header->e_phnum,
						sizeof(Elf64_Phdr)),
				 sizeof(Elf64_Phdr));
		break;
	case 6 ... 9:
		elf_mutate_table(&mutation,
				 elf_pick_entry(&mutation, header->e_shoff, header->e_shnum,
						sizeof(Elf64_Shdr)),
				 sizeof(Elf64_Shdr));
		break;
	case 10 ... 11:
		elf_mutate_contents(&mutation, false);
		break;
	default:
		elf_mutate_contents(&mutation, true);
	}
	return size;
}

#endif

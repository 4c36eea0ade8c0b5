// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of PT_DYNAMIC (System V ABI, chapter 5). It does not say how many
 * symbols there are: the hash tables do, DT_HASH by its number of chains, and the one of
 * GNU (https://sourceware.org/legacy-ml/binutils/2006-10/msg00377.html) by the end of
 * the chain of its highest bucket.
 */
#include "stack/dynamic_symbols.h"

#include <gelf.h>
#include <stdint.h>
#include <string.h>

enum {
	MAX_DYNAMIC_SYMBOLS = 1 << 24,
	MAX_HEADERS = 4096,
	MAX_DYNAMIC_ENTRIES = 4096,
	MAX_CHUNK = 512 << 20, /* bytes that are read at once */
};

struct dynamic {
	uint64_t symbols, names, names_size, hash, gnu_hash;
};

/* Bytes from `address` to the end of its segment in the file; 0 when it is in none. */
static uint64_t file_range(Elf *elf, uint64_t address, uint64_t *ret_offset)
{
	size_t nr, i;

	if (elf_getphdrnum(elf, &nr))
		return 0;
	for (i = 0; i < nr && i < MAX_HEADERS; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz)
			continue;
		*ret_offset = header.p_offset + (address - header.p_vaddr);
		return header.p_filesz - (address - header.p_vaddr);
	}
	return 0;
}

static Elf_Data *data_at(Elf *elf, uint64_t address, uint64_t size, Elf_Type type)
{
	uint64_t offset = 0;
	uint64_t available = file_range(elf, address, &offset);

	if (!size || size > available || size > MAX_CHUNK || offset > INT64_MAX)
		return NULL;
	return elf_getdata_rawchunk(elf, (int64_t)offset, size, type);
}

static uint64_t dynamic_size(uint64_t claimed)
{
	const uint64_t most = MAX_DYNAMIC_ENTRIES * sizeof(Elf64_Dyn);

	return claimed < most ? claimed : most;
}

static Elf_Data *find_dynamic(Elf *elf)
{
	size_t nr, i;

	if (elf_getphdrnum(elf, &nr))
		return NULL;
	for (i = 0; i < nr && i < MAX_HEADERS; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_DYNAMIC &&
		    header.p_offset <= INT64_MAX)
			return elf_getdata_rawchunk(elf, (int64_t)header.p_offset,
						    dynamic_size(header.p_filesz), ELF_T_DYN);
	}
	return NULL;
}

static bool read_dynamic(Elf *elf, struct dynamic *ret_dynamic)
{
	struct dynamic dynamic = { 0 };
	Elf_Data *data = find_dynamic(elf);
	GElf_Dyn entry;
	int i;

	for (i = 0; data && i < MAX_DYNAMIC_ENTRIES && gelf_getdyn(data, i, &entry); i++) {
		switch (entry.d_tag) {
		case DT_NULL:
			i = MAX_DYNAMIC_ENTRIES;
			break;
		case DT_SYMTAB:
			dynamic.symbols = entry.d_un.d_ptr;
			break;
		case DT_STRTAB:
			dynamic.names = entry.d_un.d_ptr;
			break;
		case DT_STRSZ:
			dynamic.names_size = entry.d_un.d_val;
			break;
		case DT_HASH:
			dynamic.hash = entry.d_un.d_ptr;
			break;
		case DT_GNU_HASH:
			dynamic.gnu_hash = entry.d_un.d_ptr;
			break;
		}
	}
	*ret_dynamic = dynamic;
	return dynamic.symbols && dynamic.names && dynamic.names_size;
}

/* All 32-bit words from `address` to the end of its segment. */
static const uint32_t *words_at(Elf *elf, uint64_t address, size_t *ret_nr)
{
	uint64_t offset = 0;
	uint64_t available = file_range(elf, address, &offset) & ~3ULL;
	uint64_t size = available < MAX_CHUNK ? available : MAX_CHUNK;
	Elf_Data *data = data_at(elf, address, size, ELF_T_WORD);

	if (!data)
		return NULL;
	*ret_nr = data->d_size / 4;
	return data->d_buf;
}

static size_t count_by_gnu_hash(Elf *elf, uint64_t address)
{
	size_t nr_words = 0, chains, i;
	const uint32_t *words = words_at(elf, address, &nr_words);
	size_t filter_words = gelf_getclass(elf) == ELFCLASS64 ? 2 : 1;
	uint32_t highest = 0, first;

	/* Four words: buckets, first symbol, filter's length, shift; then filter and buckets. */
	if (!words || nr_words < 4)
		return 0;
	first = words[1];
	chains = 4 + filter_words * words[2] + words[0];
	if (chains > nr_words)
		return 0;
	for (i = chains - words[0]; i < chains; i++) {
		if (words[i] > highest)
			highest = words[i];
	}
	if (highest < first)
		return first;
	/* Bit 0 marks the end of a chain. */
	for (i = chains + (highest - first); i < nr_words; i++, highest++) {
		if (words[i] & 1)
			return (size_t)highest + 1;
	}
	return 0;
}

static size_t count_symbols(Elf *elf, const struct dynamic *dynamic)
{
	size_t nr_words = 0;
	const uint32_t *words;

	if (dynamic->gnu_hash)
		return count_by_gnu_hash(elf, dynamic->gnu_hash);
	if (!dynamic->hash)
		return 0;
	words = words_at(elf, dynamic->hash, &nr_words);
	return words && nr_words > 1 ? words[1] : 0;
}

bool dynamic_symbols_find(Elf *elf, struct dynamic_symbols *ret_symbols)
{
	struct dynamic_symbols symbols = { 0 };
	struct dynamic dynamic;
	Elf_Data *names;
	size_t entry_size = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);

	if (!read_dynamic(elf, &dynamic))
		return false;
	symbols.nr = count_symbols(elf, &dynamic);
	if (!symbols.nr || symbols.nr > MAX_DYNAMIC_SYMBOLS)
		return false;
	symbols.entries = data_at(elf, dynamic.symbols, symbols.nr * entry_size, ELF_T_SYM);
	names = data_at(elf, dynamic.names, dynamic.names_size, ELF_T_BYTE);
	/* names that are not ended would each have to be searched for their end */
	if (!symbols.entries || !names || ((char *)names->d_buf)[names->d_size - 1])
		return false;
	symbols.names = names->d_buf;
	symbols.names_size = names->d_size;
	*ret_symbols = symbols;
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the list of functions that call frame information speaks of. Sections are walked
 * from entry to entry, not through the search table of .eh_frame_hdr, which may be missing
 * or lie; a length that leads out of the section ends the walk.
 *
 * It must not know what the programs of the entries do.
 */
#include "stack/cfi_entries.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "stack/cfi_pointer.h"
#include "stack/cfi_program.h"

enum {
	MAX_FDES = 1 << 21, /* a browser with everything has half of that */
	MAX_CIES = 1 << 17,
	MAX_CIE_BYTES = 16 << 20,
	MAX_AUGMENTATION = 8,
};

/* Entries of 8 bytes that are all damaged would otherwise be 16 million. */
static bool too_many(const struct cfi_entries *entries)
{
	return entries->nr_fdes + entries->bad_entries >= MAX_FDES;
}

/* One entry, from its length to its end. */
struct entry {
	struct cfi_cursor cursor; /* after the CIE's id or the FDE's pointer */
	const uint8_t *id_at;
	uint64_t id;
	bool is_64;
};

int cfi_entries_new(const struct cfi_image *image, struct cfi_entries *ret_entries)
{
	struct cfi_entries entries = {
		.image = image,
		.architecture = cfi_architecture(image->machine),
		.cie_by_place = hashmap_new(),
	};

	if (!entries.cie_by_place)
		return -ENOMEM;
	*ret_entries = entries;
	return 0;
}

void cfi_entries_free(struct cfi_entries *entries)
{
	hashmap_free(entries->cie_by_place);
	free(entries->cies);
	free(entries->fdes);
	memset(entries, 0, sizeof(*entries));
}

/* False at the section's end or where it cannot be followed further. */
static bool read_entry(struct cfi_cursor *section, struct entry *ret_entry)
{
	struct entry entry = { 0 };
	uint64_t length = cfi_number(section, 4);

	if (length == 0xffffffff) {
		entry.is_64 = true;
		length = cfi_number(section, 8);
	}
	entry.cursor.at = cfi_skip(section, length);
	if (section->failed)
		return false;
	entry.cursor.end = section->at;
	entry.id_at = entry.cursor.at;
	*ret_entry = entry;
	return true;
}

static void read_id(const struct cfi_section *section, struct entry *entry)
{
	/* .eh_frame has 4 bytes there in either format */
	entry->id = cfi_number(&entry->cursor, entry->is_64 && !section->is_eh ? 8 : 4);
}

static bool is_cie(const struct cfi_section *section, const struct entry *entry)
{
	if (section->is_eh)
		return entry->id == 0;
	return entry->id == (entry->is_64 ? UINT64_MAX : UINT32_MAX);
}

static struct cfi_bases bases_of(const struct cfi_entries *entries,
				 const struct cfi_section *section)
{
	return (struct cfi_bases){
		.bytes = section->bytes,
		.address = section->address,
		.text = entries->image->text_base,
		.data = entries->image->data_base,
	};
}

/* The bytes after 'z', each of which says what is in the augmentation's data. */
static bool read_augmentation(const struct cfi_bases *bases, const uint8_t *letters, size_t nr,
			      struct cfi_cursor *cursor, struct cfi_cie *cie)
{
	uint64_t length = cfi_uleb(cursor), ignored;
	struct cfi_cursor data = { .at = cursor->at };
	bool indirect;

	if (!cfi_skip(cursor, length))
		return false;
	data.end = cursor->at;
	cie->has_augmentation = true;
	for (size_t i = 0; i < nr; i++) {
		switch (letters[i]) {
		case 'R':
			cie->pointer_encoding = cfi_byte(&data);
			break;
		case 'L':
			cfi_byte(&data);
			break;
		case 'P':
			if (!cfi_pointer(&data, cfi_byte(&data), bases, &ignored, &indirect))
				return false;
			break;
		case 'S':
			cie->signal_frame = true;
			break;
		case 'B': /* aarch64: return addresses are signed with the other key */
		case 'G': /* aarch64: memory tags */
			break;
		default:
			/* unknown: what comes after it cannot be told, but can be skipped */
			return !data.failed;
		}
	}
	return !data.failed;
}

static bool parse_cie(struct cfi_entries *entries, const struct cfi_section *section,
		      struct entry *entry, struct cfi_cie *cie)
{
	struct cfi_cursor *cursor = &entry->cursor;
	struct cfi_bases bases = bases_of(entries, section);
	uint8_t version = cfi_byte(cursor);
	const uint8_t *letters = cursor->at;
	size_t nr;

	while (cfi_byte(cursor))
		if ((size_t)(cursor->at - letters) > MAX_AUGMENTATION)
			return false;
	nr = (size_t)(cursor->at - letters) - 1;
	if (cursor->failed || (version != 1 && version != 3 && version != 4))
		return false;
	/* sizes of an address and of a segment selector */
	if (version == 4 && (cfi_byte(cursor) != 8 || cfi_byte(cursor) != 0))
		return false;
	/* gcc 2's: a pointer, of which nothing is needed */
	if (nr >= 2 && letters[0] == 'e' && letters[1] == 'h') {
		cfi_skip(cursor, 8);
		letters += 2;
		nr -= 2;
	}
	cie->code_align = cfi_uleb(cursor);
	cie->data_align = cfi_sleb(cursor);
	cie->ra_register = version == 1 ? cfi_byte(cursor) : cfi_uleb(cursor);
	cie->pointer_encoding = DW_EH_PE_absptr;
	if (nr &&
	    (letters[0] != 'z' || !read_augmentation(&bases, letters + 1, nr - 1, cursor, cie)))
		return false;
	cie->section = section;
	cie->program = cursor->at;
	cie->program_size = cfi_left(cursor);
	entries->cie_bytes += cie->program_size;
	return !cursor->failed && entries->cie_bytes <= MAX_CIE_BYTES &&
	       cfi_program_begin(entries, cie) == 0;
}

/* The CIE that is `offset` bytes into the section. 0, -EINVAL when there is none, -ENOMEM. */
static int find_cie(struct cfi_entries *entries, const struct cfi_section *section, uint64_t offset,
		    uint32_t *ret_cie)
{
	uint64_t place = (uint64_t)(uintptr_t)section->bytes + offset, known;
	struct cfi_cursor cursor = { .end = section->bytes + section->size };
	struct cfi_cie *cie;
	struct entry entry;

	if (hashmap_get(entries->cie_by_place, place, &known)) {
		*ret_cie = (uint32_t)known;
		return entries->cies[known].bad ? -EINVAL : 0;
	}
	if (offset >= section->size || entries->nr_cies == MAX_CIES)
		return -EINVAL;
	cie = vec_push(&entries->cies, &entries->nr_cies, &entries->cap_cies);
	if (!cie || hashmap_put(entries->cie_by_place, place, entries->nr_cies - 1))
		return -ENOMEM;
	cursor.at = section->bytes + offset;
	cie->bad = true;
	if (!read_entry(&cursor, &entry))
		return -EINVAL;
	read_id(section, &entry);
	if (!is_cie(section, &entry) || !parse_cie(entries, section, &entry, cie))
		return -EINVAL;
	cie->bad = false;
	*ret_cie = (uint32_t)(entries->nr_cies - 1);
	return 0;
}

/* The executable segment of the address; mostly it is the one of the last time. */
static const struct cfi_segment *code_segment(struct cfi_entries *entries, uint64_t address)
{
	const struct cfi_image *image = entries->image;
	const struct cfi_segment *segment;

	if (entries->last_segment < image->nr_segments) {
		segment = &image->segments[entries->last_segment];
		if (address >= segment->address && address - segment->address < segment->size)
			return segment->executable ? segment : NULL;
	}
	segment = cfi_image_segment(image, address);
	if (segment)
		entries->last_segment = (size_t)(segment - image->segments);
	return segment && segment->executable ? segment : NULL;
}

/* The addresses that the FDE covers, inside the file's code. */
static bool read_range(struct cfi_entries *entries, const struct cfi_section *section,
		       const struct cfi_cie *cie, struct cfi_cursor *cursor, struct cfi_fde *fde)
{
	struct cfi_bases bases = bases_of(entries, section);
	const struct cfi_segment *segment;
	uint64_t start, size;
	bool indirect;

	if (!cfi_pointer(cursor, cie->pointer_encoding, &bases, &start, &indirect) ||
	    !cfi_pointer_length(cursor, cie->pointer_encoding, &size))
		return false;
	if (indirect &&
	    cfi_image_read(entries->image, start, &start, sizeof(start)) != sizeof(start))
		return false;
	segment = code_segment(entries, start);
	if (!segment || !size)
		return false;
	if (size > segment->size - (start - segment->address))
		size = segment->size - (start - segment->address);
	fde->start = start;
	fde->end = start + size;
	return true;
}

/* 0, -EINVAL when it is damaged, -EFBIG, -ENOMEM. */
static int add_fde(struct cfi_entries *entries, const struct cfi_section *section,
		   struct entry *entry)
{
	uint64_t id_offset = (uint64_t)(entry->id_at - section->bytes);
	struct cfi_fde fde = { 0 }, *added;
	const struct cfi_cie *cie;
	int err;

	/* a distance back from here, or one from the section's start */
	if (section->is_eh && entry->id > id_offset)
		return -EINVAL;
	err = find_cie(entries, section, section->is_eh ? id_offset - entry->id : entry->id,
		       &fde.cie);
	if (err)
		return err;
	cie = &entries->cies[fde.cie];
	if (!read_range(entries, section, cie, &entry->cursor, &fde))
		return -EINVAL;
	if (cie->has_augmentation)
		cfi_skip(&entry->cursor, cfi_uleb(&entry->cursor));
	if (entry->cursor.failed)
		return -EINVAL;
	added = vec_push(&entries->fdes, &entries->nr_fdes, &entries->cap_fdes);
	if (!added)
		return -ENOMEM;
	fde.order = (uint32_t)entries->nr_fdes;
	fde.program = entry->cursor.at;
	fde.program_size = (uint32_t)cfi_left(&entry->cursor);
	*added = fde;
	return 0;
}

int cfi_entries_add_known(struct cfi_entries *entries, uint64_t start, uint64_t end, uint8_t cfa)
{
	struct cfi_fde *fde = vec_push(&entries->fdes, &entries->nr_fdes, &entries->cap_fdes);

	if (!fde)
		return -ENOMEM;
	*fde = (struct cfi_fde){ .start = start, .end = end, .is_known = true, .known_cfa = cfa };
	fde->order = (uint32_t)entries->nr_fdes - 1;
	return 0;
}

int cfi_entries_add(struct cfi_entries *entries, const struct cfi_section *section)
{
	struct cfi_cursor cursor = { section->bytes, section->bytes + section->size, false };
	struct entry entry;

	/* less than a length at the end: the section has been cut */
	entries->bad_entries += section->size % 4 && !section->open_ended;
	while (cfi_left(&cursor) >= 4) {
		int err;

		if (!read_entry(&cursor, &entry)) {
			entries->bad_entries++;
			break;
		}
		/* An end; linkers that only join sections leave such in the middle. */
		if (!cfi_left(&entry.cursor)) {
			if (section->open_ended)
				break;
			continue;
		}
		read_id(section, &entry);
		if (entry.cursor.failed) {
			entries->bad_entries++;
			continue;
		}
		if (is_cie(section, &entry))
			continue;
		if (too_many(entries))
			return -EFBIG;
		err = add_fde(entries, section, &entry);
		if (err == -EINVAL)
			entries->bad_entries++;
		else if (err)
			return err;
	}
	return 0;
}

static int compare_fdes(const void *left, const void *right)
{
	const struct cfi_fde *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void cfi_entries_sort(struct cfi_entries *entries)
{
	bool sorted = true;

	for (size_t i = 1; i < entries->nr_fdes && sorted; i++)
		sorted = compare_fdes(&entries->fdes[i - 1], &entries->fdes[i]) < 0;
	if (!sorted)
		qsort(entries->fdes, entries->nr_fdes, sizeof(*entries->fdes), compare_fdes);
}

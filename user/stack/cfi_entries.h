/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The entries of .eh_frame and .debug_frame: what all functions of one kind share (CIE)
 * and one for each function (FDE). Formats: DWARF 5, section 6.4.1, and Linux Standard
 * Base core, "Exception Frames".
 */
#ifndef SEEP_STACK_CFI_ENTRIES_H
#define SEEP_STACK_CFI_ENTRIES_H

#include "stack/cfi_image.h"
#include "stack/cfi_state.h"

struct cfi_cie {
	const struct cfi_section *section;
	const uint8_t *program;
	size_t program_size;
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_register;
	uint8_t pointer_encoding;
	bool has_augmentation, signal_frame, bad;
	struct cfi_state initial; /* after `program` */
};

struct cfi_fde {
	uint64_t start, end;
	uint32_t cie;
	uint32_t order; /* of sections, then of entries; of two for one address the first holds */
	const uint8_t *program;
	uint32_t program_size;
	bool is_known; /* without a program: the rule is `known_cfa` and nothing else */
	uint8_t known_cfa; /* enum seep_unwind_cfa */
};

struct cfi_entries {
	const struct cfi_image *image;
	const struct cfi_architecture *architecture;
	struct cfi_cie *cies;
	size_t nr_cies, cap_cies;
	struct cfi_fde *fdes;
	size_t nr_fdes, cap_fdes;
	size_t bad_entries; /* damaged, or for no code of the file */
	size_t cie_bytes; /* of programs run so far: they may overlap in a hostile file */
	struct hashmap *cie_by_place;
	size_t last_segment;
};

/* 0 or -ENOMEM. The image must outlive the entries. */
int cfi_entries_new(const struct cfi_image *image, struct cfi_entries *ret_entries);
void cfi_entries_free(struct cfi_entries *entries);

/*
 * Adds the FDEs of a section, which must outlive the entries. 0, -ENOMEM, or -EFBIG when
 * there are too many. Damaged entries are counted and passed over.
 */
int cfi_entries_add(struct cfi_entries *entries, const struct cfi_section *section);
/*
 * A function, inside of one segment, of which more is known than the sections say: it is
 * believed before those that are added later. 0 or -ENOMEM.
 */
int cfi_entries_add_known(struct cfi_entries *entries, uint64_t start, uint64_t end, uint8_t cfa);
/* Sorts the FDEs by start and order. */
void cfi_entries_sort(struct cfi_entries *entries);

#endif

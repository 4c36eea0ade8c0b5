// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the first look at a foreign ELF file, before libelf takes it in. What is checked is
 * what libelf and libdw would otherwise pay for:
 *
 *	numbers of headers	some 200 bytes of memory for each section, as many as 2^60
 *	section names		each look-up searches a table without end from behind
 *	notes			each one is read whole and kept
 *
 * Layouts: System V gABI, chapters 4 and 5. It must not know what sections are for.
 */
#include "stack/elf_open.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_NOTE_SEGMENTS = 16, /* linked files have one to three */
	MAX_NOTES_SIZE = 1 << 16,
};

struct source {
	int fd; /* -1: memory */
	const uint8_t *bytes;
	size_t size;
};

/* What of the two classes' headers is needed. */
struct headers {
	uint64_t sections_at, nr_sections, section_size;
	uint64_t nr_segments;
	uint32_t names; /* number of the section that has names */
	bool is_64;
};

struct section {
	uint64_t offset, size;
	uint32_t type, link, info;
};

static bool read_at(const struct source *source, uint64_t offset, void *bytes, size_t size)
{
	size_t done = 0;

	if (source->fd < 0) {
		if (offset > source->size || size > source->size - offset)
			return false;
		memcpy(bytes, source->bytes + offset, size);
		return true;
	}
	while (done < size) {
		ssize_t got = offset > INT64_MAX - size
				      ? 0
				      : pread(source->fd, (char *)bytes + done, size - done,
					      (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool read_section(const struct source *source, const struct headers *headers,
			 uint64_t number, struct section *ret_section)
{
	uint64_t at = headers->sections_at + number * headers->section_size;
	Elf64_Shdr wide;
	Elf32_Shdr narrow;

	if (headers->is_64) {
		if (!read_at(source, at, &wide, sizeof(wide)))
			return false;
		*ret_section = (struct section){ wide.sh_offset, wide.sh_size, wide.sh_type,
						 wide.sh_link, wide.sh_info };
	} else {
		if (!read_at(source, at, &narrow, sizeof(narrow)))
			return false;
		*ret_section = (struct section){ narrow.sh_offset, narrow.sh_size, narrow.sh_type,
						 narrow.sh_link, narrow.sh_info };
	}
	return true;
}

static bool read_headers(const struct source *source, struct headers *ret_headers)
{
	union {
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
	} header;
	const unsigned char *ident = header.wide.e_ident;

	if (!read_at(source, 0, &header.narrow, sizeof(header.narrow)) ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA2LSB)
		return false;
	if (ident[EI_CLASS] == ELFCLASS32) {
		*ret_headers = (struct headers){
			.sections_at = header.narrow.e_shoff,
			.nr_sections = header.narrow.e_shnum,
			.section_size = sizeof(Elf32_Shdr),
			.nr_segments = header.narrow.e_phnum,
			.names = header.narrow.e_shstrndx,
		};
		return true;
	}
	if (ident[EI_CLASS] != ELFCLASS64 || !read_at(source, 0, &header.wide, sizeof(header.wide)))
		return false;
	*ret_headers = (struct headers){
		.sections_at = header.wide.e_shoff,
		.nr_sections = header.wide.e_shnum,
		.section_size = sizeof(Elf64_Shdr),
		.nr_segments = header.wide.e_phnum,
		.names = header.wide.e_shstrndx,
		.is_64 = true,
	};
	return true;
}

/* Numbers that do not fit the file's header are in the first section's, otherwise empty. */
static void read_large_numbers(const struct source *source, struct headers *headers)
{
	struct section first;

	if (!headers->sections_at || !read_section(source, headers, 0, &first))
		return;
	if (!headers->nr_sections)
		headers->nr_sections = first.size;
	if (headers->nr_segments == PN_XNUM)
		headers->nr_segments = first.info;
	if (headers->names == SHN_XINDEX)
		headers->names = first.link;
}

/* Is the table of names ended, as it must be? One that cannot be read harms nobody. */
static bool names_are_ended(const struct source *source, const struct headers *headers)
{
	struct section names;
	char last;

	if (!headers->sections_at || !headers->names || headers->names >= headers->nr_sections ||
	    !read_section(source, headers, headers->names, &names) || !names.size ||
	    names.type == SHT_NOBITS || names.size > UINT64_MAX - names.offset ||
	    !read_at(source, names.offset + names.size - 1, &last, 1))
		return true;
	return last == '\0';
}

static bool is_sound(const struct source *source)
{
	struct headers headers;

	if (!read_headers(source, &headers))
		return false;
	read_large_numbers(source, &headers);
	return headers.nr_sections <= ELF_OPEN_HEADERS_MOST &&
	       headers.nr_segments <= ELF_OPEN_HEADERS_MOST && names_are_ended(source, &headers);
}

Elf *elf_open(int fd)
{
	const struct source source = { .fd = fd };

	if (!is_sound(&source))
		return NULL;
	elf_version(EV_CURRENT);
	/* Not mapped: a file cut short by its owner meanwhile would then kill the reader. */
	return elf_begin(fd, ELF_C_READ, NULL);
}

Elf *elf_open_memory(void *bytes, size_t size)
{
	const struct source source = { .fd = -1, .bytes = bytes, .size = size };

	if (!is_sound(&source))
		return NULL;
	elf_version(EV_CURRENT);
	return elf_memory(bytes, size);
}

static size_t build_id_among(Elf_Data *notes, uint8_t *ret_build_id)
{
	size_t at = 0, name_at, bytes_at;
	GElf_Nhdr note;

	while (notes && (at = gelf_getnote(notes, at, &note, &name_at, &bytes_at))) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(ELF_NOTE_GNU) ||
		    memcmp((char *)notes->d_buf + name_at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) ||
		    !note.n_descsz || note.n_descsz > ELF_BUILD_ID_MOST)
			continue;
		memcpy(ret_build_id, (char *)notes->d_buf + bytes_at, note.n_descsz);
		return note.n_descsz;
	}
	return 0;
}

static Elf_Data *notes_at(Elf *elf, uint64_t offset, uint64_t size, uint64_t align)
{
	if (!size || size > MAX_NOTES_SIZE || offset > INT64_MAX)
		return NULL;
	return elf_getdata_rawchunk(elf, (int64_t)offset, size,
				    align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
}

static size_t build_id_by_segment(Elf *elf, uint8_t *ret_build_id)
{
	size_t nr, looked_at = 0, length = 0;

	if (elf_getphdrnum(elf, &nr))
		return 0;
	for (size_t i = 0; !length && i < nr && looked_at < MAX_NOTE_SEGMENTS; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_NOTE)
			continue;
		looked_at++;
		length = build_id_among(
			notes_at(elf, header.p_offset, header.p_filesz, header.p_align),
			ret_build_id);
	}
	return length;
}

static size_t build_id_by_section(Elf *elf, uint8_t *ret_build_id)
{
	size_t looked_at = 0, length = 0;
	Elf_Scn *section = NULL;

	while (!length && looked_at < MAX_NOTE_SEGMENTS && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE)
			continue;
		looked_at++;
		length = build_id_among(
			notes_at(elf, header.sh_offset, header.sh_size, header.sh_addralign),
			ret_build_id);
	}
	return length;
}

size_t elf_build_id(Elf *elf, uint8_t ret_build_id[ELF_BUILD_ID_MOST])
{
	size_t length = build_id_by_segment(elf, ret_build_id);

	return length ? length : build_id_by_section(elf, ret_build_id);
}

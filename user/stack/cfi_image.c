// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way from an ELF file to the bytes of its call frame information. libelf reads
 * the headers and unpacks; bulk bytes are read with pread, as a mapped file that is cut
 * meanwhile would kill us. It must not know what the bytes mean.
 */
#include "stack/cfi_image.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "stack/cfi_pointer.h"
#include "stack/elf_open.h"
#include "stack/elf_section.h"

static const uint64_t MAX_SECTION = 128UL << 20;
static const uint64_t MAX_SEARCHED = 1UL << 30;
_Static_assert((int)CFI_BUILD_ID_MAX == (int)ELF_BUILD_ID_MOST, "one length of build ids");
enum {
	MAX_SEGMENTS = 4096,
	/* Of a lone CIE "zR" the shortest and the longest that linkers and compilers write. */
	MIN_CIE = 12,
	MAX_CIE = 64,
};

static bool read_at(const struct cfi_image *image, uint64_t offset, void *bytes, size_t size)
{
	size_t done = 0;

	if (offset > image->size || size > image->size - offset)
		return false;
	if (image->memory) {
		memcpy(bytes, image->memory + offset, size);
		return true;
	}
	while (done < size) {
		ssize_t got =
			pread(image->fd, (char *)bytes + done, size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static int compare_segments(const void *left, const void *right)
{
	const struct cfi_segment *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static int add_segment(struct cfi_image *image, const GElf_Phdr *header)
{
	struct cfi_segment *segment;
	uint64_t size = header->p_filesz;

	if (!size || header->p_offset >= image->size || header->p_vaddr + size < header->p_vaddr)
		return 0;
	/* A file cut short still has the bytes before the cut. */
	if (size > image->size - header->p_offset)
		size = image->size - header->p_offset;
	segment = vec_push(&image->segments, &image->nr_segments, &image->cap_segments);
	if (!segment)
		return -ENOMEM;
	segment->address = header->p_vaddr;
	segment->offset = header->p_offset;
	segment->size = size;
	segment->executable = header->p_flags & PF_X;
	return 0;
}

/*
 * Sorts by address and takes from each segment what one before it has. Linkers make none
 * that overlap; a hostile file could have all its bytes in thousands.
 */
static void part_segments(struct cfi_image *image)
{
	uint64_t end = 0, left = image->size > UINT64_MAX / 2 ? UINT64_MAX : 2 * image->size;
	size_t kept = 0;

	if (image->nr_segments)
		qsort(image->segments, image->nr_segments, sizeof(*image->segments),
		      compare_segments);
	for (size_t i = 0; i < image->nr_segments; i++) {
		struct cfi_segment segment = image->segments[i];
		uint64_t taken = segment.address < end ? end - segment.address : 0;

		if (taken >= segment.size || segment.size - taken > left)
			continue;
		segment.address += taken;
		segment.offset += taken;
		segment.size -= taken;
		left -= segment.size;
		end = segment.address + segment.size;
		image->segments[kept++] = segment;
	}
	image->nr_segments = kept;
}

static int read_segments(struct cfi_image *image)
{
	size_t nr, i;

	if (elf_getphdrnum(image->elf, &nr) || nr > MAX_SEGMENTS)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(image->elf, (int)i, &header))
			return -EINVAL;
		if (header.p_type == PT_GNU_EH_FRAME)
			image->eh_frame_hdr = header.p_vaddr;
		if (header.p_type == PT_LOAD && add_segment(image, &header))
			return -ENOMEM;
	}
	part_segments(image);
	return 0;
}

static uint64_t section_address(Elf *elf, const char *name)
{
	Elf_Scn *section = elf_section_find(elf, name);
	GElf_Shdr header;

	return section && gelf_getshdr(section, &header) ? header.sh_addr : 0;
}

static int read_headers(struct cfi_image *image)
{
	const char *ident;
	GElf_Ehdr header;
	int err;

	if (!image->elf || elf_kind(image->elf) != ELF_K_ELF)
		return -ENOEXEC;
	ident = elf_getident(image->elf, NULL);
	if (!ident || ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
	    !gelf_getehdr(image->elf, &header))
		return -ENOEXEC;
	if ((header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64) ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return -ENOEXEC;
	image->machine = header.e_machine;
	err = read_segments(image);
	if (err)
		return err;
	image->build_id_length = elf_build_id(image->elf, image->build_id);
	image->text_base = section_address(image->elf, ".text");
	image->data_base = section_address(image->elf, ".got");
	return 0;
}

static int finish_open(struct cfi_image *image, struct cfi_image *ret_image)
{
	int err = read_headers(image);

	if (err)
		cfi_image_close(image);
	else
		*ret_image = *image;
	return err;
}

int cfi_image_open(int fd, struct cfi_image *ret_image)
{
	struct cfi_image image = { .fd = fd };
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENOEXEC;
	image.size = (uint64_t)status.st_size;
	image.elf = elf_open(fd);
	return finish_open(&image, ret_image);
}

int cfi_image_open_memory(const void *bytes, size_t size, struct cfi_image *ret_image)
{
	struct cfi_image image = { .fd = -1, .memory = malloc(size ? size : 1), .size = size };

	if (!image.memory)
		return -ENOMEM;
	memcpy(image.memory, bytes, size);
	image.elf = elf_open_memory(image.memory, size);
	return finish_open(&image, ret_image);
}

void cfi_image_close(struct cfi_image *image)
{
	elf_end(image->elf);
	free(image->memory);
	free(image->segments);
	memset(image, 0, sizeof(*image));
	image->fd = -1;
}

void cfi_section_free(struct cfi_section *section)
{
	free(section->bytes);
	memset(section, 0, sizeof(*section));
}

static int read_section(const struct cfi_image *image, uint64_t offset, uint64_t size,
			struct cfi_section *section)
{
	if (!size || size > MAX_SECTION || offset > image->size || size > image->size - offset)
		return -EINVAL;
	section->bytes = malloc(size);
	if (!section->bytes)
		return -ENOMEM;
	section->size = size;
	if (read_at(image, offset, section->bytes, size))
		return 0;
	cfi_section_free(section);
	return -EIO;
}

int cfi_image_eh_section(const struct cfi_image *image, struct cfi_section *ret_section)
{
	Elf_Scn *found = elf_section_find(image->elf, ".eh_frame");
	struct cfi_section section = { .is_eh = true };
	GElf_Shdr header;
	int err;

	if (!found || !gelf_getshdr(found, &header))
		return -ENOENT;
	section.address = header.sh_addr;
	err = read_section(image, header.sh_offset, header.sh_size, &section);
	if (!err)
		*ret_section = section;
	return err;
}

/* From the address to the end of its segment. */
static int read_to_segment_end(const struct cfi_image *image, uint64_t address,
			       struct cfi_section *ret_section)
{
	const struct cfi_segment *segment = cfi_image_segment(image, address);
	struct cfi_section section = { .address = address, .is_eh = true, .open_ended = true };
	uint64_t skipped, size;
	int err;

	if (!segment)
		return -EINVAL;
	skipped = address - segment->address;
	size = segment->size - skipped;
	err = read_section(image, segment->offset + skipped,
			   size < MAX_SECTION ? size : MAX_SECTION, &section);
	if (!err)
		*ret_section = section;
	return err;
}

int cfi_image_eh_header(const struct cfi_image *image, struct cfi_section *ret_section)
{
	uint8_t bytes[16]; /* version, three encodings, the pointer */
	struct cfi_bases bases = { .bytes = bytes, .address = image->eh_frame_hdr };
	struct cfi_cursor cursor = { .at = bytes };
	uint64_t address;
	bool indirect;

	if (!image->eh_frame_hdr)
		return -ENOENT;
	cursor.end = bytes + cfi_image_read(image, image->eh_frame_hdr, bytes, sizeof(bytes));
	bases.data = image->eh_frame_hdr;
	if (cfi_number(&cursor, 4) == 0 || bytes[0] != 1 ||
	    !cfi_pointer(&cursor, bytes[1], &bases, &address, &indirect) || indirect)
		return -EINVAL;
	return read_to_segment_end(image, address, ret_section);
}

/* Is this a CIE, followed by an FDE that points back to it? */
static bool looks_like_cie(const uint8_t *at, const uint8_t *end)
{
	uint32_t length, next_length, distance;

	if (end - at < MIN_CIE)
		return false;
	memcpy(&length, at, 4);
	if (length < MIN_CIE || length > MAX_CIE || length % 4 ||
	    (size_t)(end - at) < 4 + (size_t)length + 8)
		return false;
	memcpy(&next_length, at + 4 + length, 4);
	memcpy(&distance, at + 4 + length + 4, 4);
	return next_length >= MIN_CIE && distance == length + 8;
}

/* The distance of .eh_frame from the start of the bytes; SIZE_MAX when it is not there. */
static size_t search_bytes(const uint8_t *bytes, size_t size)
{
	/* CIE_id 0, version 1, an augmentation with 'z' */
	static const uint8_t pattern[] = { 0, 0, 0, 0, 1, 'z' };
	const uint8_t *end = bytes + size, *at = bytes;

	while ((at = memmem(at, (size_t)(end - at), pattern, sizeof(pattern)))) {
		if (at - bytes >= 4 && (at - bytes) % 4 == 0 && looks_like_cie(at - 4, end))
			return (size_t)(at - 4 - bytes);
		at++;
	}
	return SIZE_MAX;
}

int cfi_image_eh_search(const struct cfi_image *image, struct cfi_section *ret_section)
{
	uint64_t left = MAX_SEARCHED;
	size_t nr_sections, i;

	if (elf_getshdrnum(image->elf, &nr_sections) == 0 && nr_sections)
		return -ENOENT;
	for (i = 0; i < image->nr_segments && image->segments[i].size <= left; i++) {
		struct cfi_section whole = { 0 };
		uint64_t address = image->segments[i].address;
		size_t distance;
		int err = read_section(image, image->segments[i].offset, image->segments[i].size,
				       &whole);

		left -= image->segments[i].size;
		if (err == -ENOMEM)
			return err;
		distance = err ? SIZE_MAX : search_bytes(whole.bytes, whole.size);
		cfi_section_free(&whole);
		if (distance != SIZE_MAX)
			return read_to_segment_end(image, address + distance, ret_section);
	}
	return -ENOENT;
}

/* What the section has when unpacked; 0 when it must not be. */
static uint64_t unpacked_size(Elf_Scn *found, const GElf_Shdr *header, bool old_style)
{
	GElf_Chdr compression;
	Elf_Data *raw;
	uint64_t size;

	if (header->sh_flags & SHF_COMPRESSED)
		return gelf_getchdr(found, &compression) ? compression.ch_size : 0;
	if (!old_style)
		return header->sh_size;
	/* "ZLIB", then the size, most significant byte first */
	raw = elf_rawdata(found, NULL);
	if (!raw || raw->d_size < 12 || memcmp(raw->d_buf, "ZLIB", 4) != 0)
		return 0;
	memcpy(&size, (const char *)raw->d_buf + 4, sizeof(size));
	return be64toh(size);
}

/* Unpacks the section inside libelf's own view of it. */
static int unpack(Elf_Scn *found, const GElf_Shdr *header, bool old_style)
{
	uint64_t size = unpacked_size(found, header, old_style);

	/* deflate makes at most 1032 bytes of one, zstd more: what claims much more lies */
	if (!size || size > MAX_SECTION || size / 4096 > header->sh_size)
		return -EINVAL;
	if (header->sh_flags & SHF_COMPRESSED)
		return elf_compress(found, 0, 0) < 0 ? -EINVAL : 0;
	return old_style && elf_compress_gnu(found, 0, 0) < 0 ? -EINVAL : 0;
}

int cfi_image_debug_section(const struct cfi_image *image, struct cfi_section *ret_section)
{
	Elf_Scn *found = elf_section_find(image->elf, ".debug_frame");
	struct cfi_section section = { 0 };
	bool old_style = !found;
	GElf_Shdr header;
	Elf_Data *data;
	int err;

	if (old_style)
		found = elf_section_find(image->elf, ".zdebug_frame");
	if (!elf_section_fits(found, MAX_SECTION) || !gelf_getshdr(found, &header))
		return -ENOENT;
	err = unpack(found, &header, old_style);
	if (err)
		return err;
	data = elf_getdata(found, NULL);
	if (!data || !data->d_buf || !data->d_size || data->d_size > MAX_SECTION)
		return -EINVAL;
	section.bytes = malloc(data->d_size);
	if (!section.bytes)
		return -ENOMEM;
	memcpy(section.bytes, data->d_buf, data->d_size);
	section.size = data->d_size;
	*ret_section = section;
	return 0;
}

const struct cfi_segment *cfi_image_segment(const struct cfi_image *image, uint64_t address)
{
	const struct cfi_segment *segment;
	size_t low = 0, high = image->nr_segments;

	/* how many start at or before the address */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->segments[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	segment = &image->segments[low - 1];
	return address - segment->address < segment->size ? segment : NULL;
}

size_t cfi_image_read(const struct cfi_image *image, uint64_t address, void *bytes, size_t size)
{
	const struct cfi_segment *segment = cfi_image_segment(image, address);
	uint64_t skipped;

	if (!segment)
		return 0;
	skipped = address - segment->address;
	if (size > segment->size - skipped)
		size = segment->size - skipped;
	return read_at(image, segment->offset + skipped, bytes, size) ? size : 0;
}

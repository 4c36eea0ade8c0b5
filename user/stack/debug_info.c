// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a module's DWARF (https://dwarfstd.org/dwarf5std.html): finds the function at an
 * address, walks down the functions inlined there (section 3.3.8.2), and gives each its
 * place: the innermost from the line table, every other one from where it calls the next.
 *
 * The data are not to be trusted. What libdw would read without bound is measured first:
 * the sections together, unpacked, and a unit's line table, of which each byte may
 * become a row. All else runs on a budget of CPU time.
 *
 * It must not know symbol tables or demangling.
 */
#include "stack/debug_info.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stack/debug_units.h"
#include "stack/elf_open.h"
#include "stack/elf_section.h"

static const uint64_t BUDGET_NS = 10ULL * 1000000000;
static const uint64_t MAX_SECTIONS = 768ULL << 20; /* bytes, unpacked */
static const uint64_t MAX_LINE_TABLE = 8 << 20; /* bytes, of one unit */

struct debug_info {
	Dwarf *dwarf;
	Dwarf *shared; /* of several debug files: see debug_files_open_shared */
	Elf *shared_elf;
	int shared_fd;
	struct debug_units *units;
	struct debug_budget budget;
	Elf_Data *line_tables; /* .debug_line */
	uint64_t bytes;
};

/* Bytes of the section when it is unpacked. */
static uint64_t unpacked_size(Elf_Scn *section, const GElf_Shdr *header, const char *name)
{
	GElf_Chdr compressed;
	Elf_Data *data;
	uint64_t size = 0;
	size_t i;

	if (header->sh_flags & SHF_COMPRESSED)
		return gelf_getchdr(section, &compressed) ? compressed.ch_size : UINT64_MAX / 2;
	if (strncmp(name, ".zdebug", 7) || header->sh_size > MAX_SECTIONS)
		return header->sh_size;
	/* GNU's older form: "ZLIB", then the size, most significant byte first. */
	data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf || data->d_size < 12)
		return UINT64_MAX / 2;
	for (i = 4; i < 12; i++)
		size = size << 8 | ((const uint8_t *)data->d_buf)[i];
	return size;
}

/* Bytes of all debug sections; UINT64_MAX for absurd ones. */
static uint64_t debug_sections_size(Elf *elf)
{
	Elf_Scn *section = NULL;
	uint64_t sum = 0;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return 0;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;
		uint64_t size;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (!name || (strncmp(name, ".debug", 6) && strncmp(name, ".zdebug", 7)))
			continue;
		size = unpacked_size(section, &header, name);
		if (size > UINT64_MAX / 2 - sum)
			return UINT64_MAX;
		sum += size;
	}
	return sum;
}

/* Reads the DWARF of the handle. NULL when it has none or too much. */
static Dwarf *read_dwarf(Elf *elf, uint64_t *bytes, int *ret_err)
{
	uint64_t size = debug_sections_size(elf);
	Dwarf *dwarf;

	*ret_err = -ENOENT;
	if (!size)
		return NULL;
	*ret_err = -EFBIG;
	if (size > MAX_SECTIONS - *bytes)
		return NULL;
	dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	*ret_err = dwarf ? 0 : -ENOENT;
	*bytes += size;
	return dwarf;
}

/*
 * Opens the shared file that the DWARF refers to. False when it names one that is not
 * found and that libdw, which would try the path again by itself, must not open.
 */
static bool open_shared(struct debug_info *info, const struct debug_search *search)
{
	const char *name = NULL;
	const void *build_id = NULL;
	ssize_t length = dwelf_dwarf_gnu_debugaltlink(info->dwarf, &name, &build_id);
	struct stat status;
	int err;

	if (length <= 0)
		return true;
	info->shared_fd = debug_files_open_shared(search, name, build_id, (size_t)length);
	if (info->shared_fd >= 0)
		info->shared_elf = elf_open(info->shared_fd);
	if (info->shared_elf)
		info->shared = read_dwarf(info->shared_elf, &info->bytes, &err);
	if (info->shared) {
		dwarf_setalt(info->dwarf, info->shared);
		return true;
	}
	return stat(name, &status) || S_ISREG(status.st_mode);
}

int debug_info_open(Elf *elf, const struct debug_search *search, struct debug_info **ret_info)
{
	struct debug_info *info = calloc(1, sizeof(*info));
	Elf_Scn *lines;
	int err;

	if (!info)
		return -ENOMEM;
	info->shared_fd = -1;
	info->budget.left_ns = BUDGET_NS;
	debug_budget_start(&info->budget);
	info->dwarf = read_dwarf(elf, &info->bytes, &err);
	if (!err && !open_shared(info, search))
		err = -ENOENT;
	if (!err) {
		info->units = debug_units_new(info->dwarf, &info->budget);
		err = info->units ? 0 : -ENOMEM;
	}
	debug_budget_charge(&info->budget);
	if (err) {
		debug_info_free(info);
		return err;
	}
	/* libdw has unpacked it in place. */
	lines = elf_section_find(elf, ".debug_line");
	if (!lines)
		lines = elf_section_find(elf, ".zdebug_line");
	info->line_tables = lines ? elf_getdata(lines, NULL) : NULL;
	*ret_info = info;
	return 0;
}

void debug_info_free(struct debug_info *info)
{
	if (!info)
		return;
	debug_units_free(info->units);
	dwarf_end(info->dwarf);
	dwarf_end(info->shared);
	elf_end(info->shared_elf);
	close_fd(&info->shared_fd);
	free(info);
}

bool debug_info_exhausted(const struct debug_info *info)
{
	return info->budget.exhausted;
}

size_t debug_info_bytes(const struct debug_info *info)
{
	return info->bytes;
}

static const char *language_of(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return "c";
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return "c++";
	case DW_LANG_Rust:
		return "rust";
	case DW_LANG_D:
		return "d";
	case DW_LANG_Go:
		return "go";
	case DW_LANG_Fortran77:
	case DW_LANG_Fortran90:
	case DW_LANG_Fortran95:
	case DW_LANG_Fortran03:
	case DW_LANG_Fortran08:
		return "fortran";
	case DW_LANG_Ada83:
	case DW_LANG_Ada95:
		return "ada";
	case DW_LANG_Swift:
		return "swift";
	case DW_LANG_Mips_Assembler:
		return "asm";
	default:
		return NULL;
	}
}

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		return dwarf_formstring(&attribute);
	return dwarf_diename(die);
}

/*
 * The inlined function or block among the children of `parent` that covers the address.
 * A block without addresses of its own is looked into like the parent itself.
 */
static bool inner_scope(struct debug_info *info, Dwarf_Die *parent, uint64_t address, int depth,
			Dwarf_Die *ret_scope)
{
	Dwarf_Die child;
	int more = dwarf_child(parent, &child);

	while (!more && debug_budget_step(&info->budget)) {
		int tag = dwarf_tag(&child);
		bool any;

		if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
		    tag == DW_TAG_try_block || tag == DW_TAG_catch_block) {
			if (debug_ranges_cover(&child, address, &any)) {
				*ret_scope = child;
				return true;
			}
			if (!any && depth < DEBUG_FRAMES_MAX &&
			    inner_scope(info, &child, address, depth + 1, ret_scope))
				return true;
		}
		more = dwarf_siblingof(&child, &child);
	}
	return false;
}

/* The functions at the address, outermost first; returns how many. */
static size_t walk_inlined(struct debug_info *info, Dwarf_Die *function, uint64_t address,
			   Dwarf_Die scopes[DEBUG_FRAMES_MAX])
{
	Dwarf_Die scope = *function;
	size_t nr = 1, steps;

	scopes[0] = *function;
	for (steps = 0; steps < 4 * DEBUG_FRAMES_MAX && nr < DEBUG_FRAMES_MAX; steps++) {
		Dwarf_Die inner;

		if (!inner_scope(info, &scope, address, 0, &inner))
			break;
		if (dwarf_tag(&inner) == DW_TAG_inlined_subroutine)
			scopes[nr++] = inner;
		scope = inner;
	}
	return nr;
}

static uint64_t little_or_big(const uint8_t *bytes, size_t size, bool big)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < size; i++)
		number = number << 8 | bytes[big ? i : size - 1 - i];
	return number;
}

/* True when the unit's line table (DWARF 5, section 6.2.4) is of a size to be read. */
static bool line_table_is_small(struct debug_info *info, Dwarf_Die *unit)
{
	const Elf_Data *tables = info->line_tables;
	const char *identity = elf_getident(dwarf_getelf(info->dwarf), NULL);
	bool big = identity && identity[EI_DATA] == ELFDATA2MSB;
	Dwarf_Attribute attribute;
	const uint8_t *start;
	Dwarf_Word offset;
	uint64_t length;

	if (!tables || !tables->d_buf || !dwarf_attr(unit, DW_AT_stmt_list, &attribute) ||
	    dwarf_formudata(&attribute, &offset) || tables->d_size < 12 ||
	    offset > tables->d_size - 12)
		return false;
	start = (const uint8_t *)tables->d_buf + offset;
	length = little_or_big(start, 4, big);
	if (length == UINT32_MAX)
		length = little_or_big(start + 4, 8, big);
	return length <= MAX_LINE_TABLE;
}

static void line_at(Dwarf_Die *unit, uint64_t address, struct debug_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	int number = 0;

	if (!line)
		return;
	frame->file = dwarf_linesrc(line, NULL, NULL);
	if (!dwarf_lineno(line, &number) && number > 0)
		frame->line = (uint32_t)number;
}

static uint64_t number_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &number))
		return 0;
	return number;
}

/* Where the function was inlined: the place in its caller. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct debug_frame *caller)
{
	uint64_t file = number_of(inlined, DW_AT_call_file);
	uint64_t line = number_of(inlined, DW_AT_call_line);
	Dwarf_Files *files;
	size_t nr;

	if (line <= INT32_MAX)
		caller->line = (uint32_t)line;
	if (!dwarf_getsrcfiles(unit, &files, &nr) && file < nr)
		caller->file = dwarf_filesrc(files, file, NULL, NULL);
}

/* The folder that the unit was compiled in. */
static const char *folder_of(Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(unit, DW_AT_comp_dir, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

static size_t describe(struct debug_info *info, struct debug_unit_match *match, uint64_t address,
		       struct debug_frame frames[DEBUG_FRAMES_MAX])
{
	Dwarf_Die scopes[DEBUG_FRAMES_MAX];
	bool has_lines = line_table_is_small(info, &match->unit);
	const char *folder = folder_of(&match->unit);
	size_t nr = 1, i;

	memset(frames, 0, sizeof(*frames));
	if (match->has_function)
		nr = walk_inlined(info, &match->function, address, scopes);
	for (i = 0; i < nr; i++) {
		/* scopes run from the outside, frames from the inside */
		Dwarf_Die *scope = &scopes[nr - 1 - i];

		frames[i] = (struct debug_frame){ 0 };
		if (match->has_function)
			frames[i].name = name_of(scope);
		if (has_lines && !i)
			line_at(&match->unit, address, &frames[i]);
		else if (has_lines)
			call_site(&match->unit, scope + 1, &frames[i]);
		frames[i].folder = folder;
	}
	return nr;
}

size_t debug_info_find(struct debug_info *info, uint64_t address, bool inlined,
		       struct debug_frame frames[DEBUG_FRAMES_MAX], const char **ret_language)
{
	struct debug_unit_match match;
	size_t nr = 0;

	if (info->budget.exhausted)
		return 0;
	debug_budget_start(&info->budget);
	if (debug_units_find(info->units, address, &match)) {
		nr = describe(info, &match, address, frames);
		*ret_language = language_of(&match.full);
	}
	debug_budget_charge(&info->budget);
	/* What was cut short may be half the truth. */
	if (info->budget.exhausted)
		return 0;
	if (nr > 1 && !inlined) {
		frames[0] = frames[nr - 1];
		nr = 1;
	}
	return nr;
}

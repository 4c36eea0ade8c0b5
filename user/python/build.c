// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the recognition of CPython by its files. What a build exports differs by version:
 * _PyRuntime from 3.7 (in .dynsym, as extension modules use it), a section .PyRuntime from
 * 3.10, Py_Version from 3.11; in 2.7 and 3.6 the collector's generations are exported, its
 * other variables are static and only in .symtab. Files are opened as the process has them
 * mapped, so a replaced or deleted one is still the right one. Reads no process memory.
 */
#include "python/build.h"

#include <ctype.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/process.h"
#include "python/layout.h"
#include "stack/dynamic_symbols.h"
#include "stack/elf_image.h"
#include "stack/elf_open.h"
#include "stack/elf_section.h"

enum { MAX_SYMBOLS = 4 << 20, MAX_CANDIDATES = 16 };

struct symbol {
	uint64_t address, size; /* in the file's address space; 0 not there */
};

/* What is looked for in a file. */
struct findings {
	struct symbol runtime, generation0, version;
	struct symbol enabled, collecting, garbage, generation_stats; /* of gcmodule.c */
};

static bool named(const char *name, const char *wanted)
{
	return strcmp(name, wanted) == 0;
}

/* Link-time optimisation calls a static variable x "x.lto_priv.0", or "x.1". */
static bool named_static(const char *name, const char *wanted)
{
	size_t length = strlen(wanted);

	return strncmp(name, wanted, length) == 0 && (!name[length] || name[length] == '.');
}

static struct symbol *exported(struct findings *f, const char *name)
{
	if (named(name, "_PyRuntime"))
		return &f->runtime;
	if (named(name, "_PyGC_generation0"))
		return &f->generation0;
	if (named(name, "Py_Version"))
		return &f->version;
	return NULL;
}

static struct symbol *static_of_collector(struct findings *f, const char *name)
{
	if (named_static(name, "enabled"))
		return &f->enabled;
	if (named_static(name, "collecting"))
		return &f->collecting;
	if (named_static(name, "garbage"))
		return &f->garbage;
	if (named_static(name, "generation_stats"))
		return &f->generation_stats;
	return NULL;
}

static void take(struct symbol *into, const GElf_Sym *symbol)
{
	if (into && !into->address && symbol->st_shndx != SHN_UNDEF && symbol->st_value) {
		into->address = symbol->st_value;
		into->size = symbol->st_size;
	}
}

static void look_at(struct findings *f, const GElf_Sym *symbol, const char *name,
		    bool *in_collector)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	if (type == STT_FILE)
		*in_collector = named(name, "gcmodule.c");
	if (type != STT_OBJECT)
		return;
	if (GELF_ST_BIND(symbol->st_info) != STB_LOCAL)
		take(exported(f, name), symbol);
	else if (*in_collector)
		take(static_of_collector(f, name), symbol);
}

static void read_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct findings *f)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	bool in_collector = false;

	for (size_t i = 0; i < nr && i < MAX_SYMBOLS; i++) {
		const char *name;
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol))
			return;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			look_at(f, &symbol, name, &in_collector);
	}
}

/* A file without section headers still has what the loader needs. */
static void read_dynamic(Elf *elf, struct findings *f)
{
	struct dynamic_symbols symbols;
	bool in_collector = false;

	if (!dynamic_symbols_find(elf, &symbols))
		return;
	for (size_t i = 0; i < symbols.nr && i < MAX_SYMBOLS; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(symbols.entries, (int)i, &symbol))
			return;
		if (symbol.st_name < symbols.names_size)
			look_at(f, &symbol, symbols.names + symbol.st_name, &in_collector);
	}
}

static void read_symbols(Elf *elf, struct findings *f)
{
	Elf_Scn *section = NULL;
	bool any = false;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
			continue;
		any = true;
		read_table(elf, section, &header, f);
	}
	if (!any)
		read_dynamic(elf, f);
	section = elf_section_find(elf, ".PyRuntime");
	if (section && !f->runtime.address) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header))
			f->runtime = (struct symbol){ header.sh_addr, header.sh_size };
	}
}

/* Bytes of the file at one of its addresses. */
static bool read_at(Elf *elf, int fd, uint64_t address, void *bytes, size_t size)
{
	size_t nr;

	if (elf_getphdrnum(elf, &nr))
		return false;
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz ||
		    size > header.p_filesz - (address - header.p_vaddr))
			continue;
		return pread(fd, bytes, size, header.p_offset + (address - header.p_vaddr)) ==
		       (ssize_t)size;
	}
	return false;
}

/* PY_VERSION_HEX: 0x030b02f0 is 3.11.2; the last byte is the level and its serial. */
static void take_hex(struct python_build *build, uint32_t hex)
{
	static const char *const levels[] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
	unsigned level = hex >> 4 & 15;

	build->major = hex >> 24;
	build->minor = hex >> 16 & 255;
	build->micro = hex >> 8 & 255;
	if (level >= 0xa && level <= 0xc)
		snprintf(build->version, sizeof(build->version), "%u.%u.%u%s%u", build->major,
			 build->minor, build->micro, levels[level], hex & 15);
	else
		snprintf(build->version, sizeof(build->version), "%u.%u.%u", build->major,
			 build->minor, build->micro);
}

static bool read_number(const char **at, const char *end, unsigned *ret_number)
{
	unsigned number = 0, digits = 0;

	while (*at < end && isdigit((unsigned char)**at) && digits++ < 3)
		number = number * 10 + (*(*at)++ - '0');
	*ret_number = number;
	return digits && digits <= 3;
}

/* "3.8" at `at`, "3.8.18" if there is more. */
static bool read_version(const char *at, const char *end, struct python_build *build,
			 const char **ret_end)
{
	unsigned major, minor, micro;

	if (!read_number(&at, end, &major) || major < 2 || major > 3 || at == end || *at++ != '.' ||
	    !read_number(&at, end, &minor) || minor > 254)
		return false;
	build->major = major;
	build->minor = minor;
	build->micro = UINT8_MAX;
	*ret_end = at;
	if (at < end && *at++ == '.' && read_number(&at, end, &micro) && micro < UINT8_MAX) {
		build->micro = micro;
		*ret_end = at;
	}
	return true;
}

/* The version in "libpython3.8.so.1.0" or "python3.8". */
static bool version_in_name(const char *path, struct python_build *build)
{
	const char *name = strrchr(path, '/'), *at = strstr(name ? name : path, "python"), *end;
	struct python_build found;

	if (!at)
		return false;
	at += strlen("python");
	if (!read_version(at, at + strlen(at), &found, &end))
		return false;
	build->major = found.major;
	build->minor = found.minor;
	build->micro = UINT8_MAX;
	return true;
}

/* The version at the end of a string, such as "3.8.18" or "3.9.0+". */
static bool version_at_end(const char *start, const char *end, struct python_build *build)
{
	const char *at = end > start && end[-1] == '+' ? end - 1 : end, *stop = at, *after;

	while (at > start && (isdigit((unsigned char)at[-1]) || at[-1] == '.'))
		at--;
	if (!read_version(at, stop, build, &after) || after != stop || build->micro == UINT8_MAX)
		return false;
	snprintf(build->version, sizeof(build->version), "%.*s", (int)(end - at), at);
	return true;
}

/*
 * PY_VERSION is a string in .rodata, which linkers merge with any other that ends with it, as the
 * path of an installation may. Other libraries linked in have versions too: only one of
 * the minor version that is known counts, else of any that has a layout.
 */
static void version_in_strings(Elf *elf, struct python_build *build)
{
	Elf_Scn *section = elf_section_find(elf, ".rodata");
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	const char *at = data ? data->d_buf : NULL, *end = at ? at + data->d_size : NULL, *stop;
	struct python_layout layout;

	for (; at && at < end && (stop = memchr(at, '\0', end - at)); at = stop + 1) {
		struct python_build found;

		if (!version_at_end(at, stop, &found) ||
		    (build->major &&
		     (found.major != build->major || found.minor != build->minor)) ||
		    python_layout_of(found.major, found.minor, &layout))
			continue;
		build->major = found.major;
		build->minor = found.minor;
		build->micro = found.micro;
		memcpy(build->version, found.version, sizeof(build->version));
		return;
	}
}

static void find_version(Elf *elf, int fd, const struct findings *f, struct python_build *build)
{
	uint32_t hex;

	if (f->version.address && read_at(elf, fd, f->version.address, &hex, sizeof(hex))) {
		take_hex(build, hex);
		return;
	}
	version_in_name(build->path, build);
	version_in_strings(elf, build);
	if (!build->version[0] && build->major)
		snprintf(build->version, sizeof(build->version), "%u.%u", build->major,
			 build->minor);
}

static uint64_t placed(const struct symbol *symbol, uint64_t bias)
{
	return symbol->address ? symbol->address + bias : 0;
}

static int read_elf(Elf *elf, int fd, const char *path, uint64_t bias,
		    struct python_build *ret_build)
{
	struct python_build build = { .micro = UINT8_MAX };
	struct findings f = { 0 };
	struct python_layout layout;

	read_symbols(elf, &f);
	if (!f.runtime.address && !f.generation0.address)
		return -ENOENT;
	build.path = strdup(path);
	if (!build.path)
		return -ENOMEM;
	find_version(elf, fd, &f, &build);
	build.runtime = placed(&f.runtime, bias);
	build.runtime_size = f.runtime.size;
	build.generation0 = placed(&f.generation0, bias);
	build.enabled = placed(&f.enabled, bias);
	build.collecting = placed(&f.collecting, bias);
	build.garbage = placed(&f.garbage, bias);
	build.generation_stats = placed(&f.generation_stats, bias);
	*ret_build = build;
	return python_layout_of(build.major, build.minor, &layout) ? -ENOTSUP : 0;
}

int python_build_read(int fd, const char *path, uint64_t bias, struct python_build *ret_build)
{
	Elf *elf;
	int err;

	elf = elf_open(fd);
	if (!elf)
		return -ENOENT;
	err = elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64
		      ? read_elf(elf, fd, path, bias, ret_build)
		      : -ENOENT;
	elf_end(elf);
	return err;
}

void python_build_release(struct python_build *build)
{
	free(build->path);
	build->path = NULL;
}

static int read_mapped(pid_t pid, const struct mapping *mapping, struct python_build *ret_build)
{
	__cleanup(close_fd)
	int fd = maps_open(pid, mapping);
	struct image image;
	uint64_t address;
	bool placed;

	if (fd == -EACCES || fd == -EPERM)
		return -EACCES;
	if (fd < 0)
		return fd == -ENOMEM ? fd : -ENOENT;
	if (image_read(fd, &image))
		return -ENOENT;
	placed = image_address(&image, mapping->offset, mapping->end - mapping->start,
			       mapping->executable, &address);
	image_free(&image);
	if (!placed)
		return -ENOENT;
	return python_build_read(fd, mapping->path, mapping->start - address, ret_build);
}

static bool looks_like_python(const char *path)
{
	const char *name = strrchr(path, '/');

	/* Extension modules, of which there may be hundreds, are "_json.cpython-311-x86_64....so".
	 */
	return name && strcasestr(name, "python") && !strstr(name, ".cpython-");
}

/* Tries the files of one kind: those with "python" in their name, or the program itself. */
static int try_files(pid_t pid, const struct maps *maps, const char *program,
		     struct python_build *ret_build)
{
	int tried = 0;

	for (size_t i = 0; i < maps->nr && tried < MAX_CANDIDATES; i++) {
		const struct mapping *m = &maps->items[i];
		int err;

		if (!m->executable || !m->inode ||
		    (program ? strcmp(m->path, program) != 0 : !looks_like_python(m->path)))
			continue;
		tried++;
		err = read_mapped(pid, m, ret_build);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

int python_build_find(pid_t pid, const struct maps *maps, struct python_build *ret_build)
{
	__cleanup(free_text)
	char *program = NULL;
	bool deleted;
	int err = try_files(pid, maps, NULL, ret_build);

	if (err != -ENOENT)
		return err;
	program = process_exe(pid, &deleted);
	return program ? try_files(pid, maps, program, ret_build) : -ENOENT;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which runtime a process is of as far as its options go, and reads where it keeps them. A
 * JVM is whoever has libjvm.so mapped, node by its name, a Go program by the note with its build
 * id, which stripping leaves in. The environment is that of the process's start: what a program
 * sets later does not show.
 */
#include "runtime/settings.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/proc_file.h"

enum { TEXT_BOUND = 1 << 20, MAPS_BOUND = 16 << 20, NOTE_BOUND = 4096, PHDR_BOUND = 64 };

static bool has_go_note(const unsigned char *bytes, size_t size)
{
	while (size >= sizeof(Elf64_Nhdr) + 4) {
		Elf64_Nhdr note;
		size_t name, all;

		memcpy(&note, bytes, sizeof(note));
		if (note.n_namesz > NOTE_BOUND || note.n_descsz > NOTE_BOUND)
			return false;
		name = (note.n_namesz + 3u) & ~3u;
		all = sizeof(note) + name + ((note.n_descsz + 3u) & ~3u);
		if (note.n_namesz == 4 && memcmp(bytes + sizeof(note), "Go\0", 4) == 0)
			return true;
		if (all > size)
			return false;
		bytes += all;
		size -= all;
	}
	return false;
}

static bool is_go_file(int fd)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	unsigned char note[NOTE_BOUND];

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_phentsize != sizeof(part) || head.e_phnum > PHDR_BOUND)
		return false;
	for (int i = 0; i < head.e_phnum; i++) {
		ssize_t got;

		if (pread(fd, &part, sizeof(part),
			  (off_t)(head.e_phoff + (uint64_t)i * sizeof(part))) != sizeof(part))
			return false;
		if (part.p_type != PT_NOTE || part.p_filesz > sizeof(note))
			continue;
		got = pread(fd, note, part.p_filesz, (off_t)part.p_offset);
		if (got > 0 && has_go_note(note, (size_t)got))
			return true;
	}
	return false;
}

static bool base_name_is(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, name) == 0;
}

/* By the executable: node by its name, Go by its note. */
static enum settings_kind kind_of_file(const char *root, pid_t pid)
{
	char link[256], target[4096];
	__cleanup(close_fd)
	int fd = -1;
	ssize_t length;

	if (snprintf(link, sizeof(link), "%s/proc/%d/exe", root, (int)pid) >= (int)sizeof(link))
		return SETTINGS_NONE;
	length = readlink(link, target, sizeof(target) - 1);
	if (length <= 0)
		return SETTINGS_NONE;
	target[length] = '\0';
	if (base_name_is(target, "node") || base_name_is(target, "nodejs"))
		return SETTINGS_NODE;
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && is_go_file(fd) ? SETTINGS_GO : SETTINGS_NONE;
}

static int read_of(const char *root, pid_t pid, const char *name, size_t bound, char **ret_text,
		   size_t *ret_length)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	err = proc_file_read_under(root, path, bound, ret_text, ret_length);
	return err == -ENOENT ? -ESRCH : err;
}

int settings_read(const char *root, pid_t pid, struct settings *ret_settings)
{
	__cleanup(free_text)
	char *maps = NULL;
	__cleanup(free_text)
	char *cmdline = NULL;
	__cleanup(free_text)
	char *environ = NULL;
	size_t maps_length, cmdline_length, environ_length;
	enum settings_kind kind;
	int err = read_of(root, pid, "maps", MAPS_BOUND, &maps, &maps_length);

	err = err ?: read_of(root, pid, "cmdline", TEXT_BOUND, &cmdline, &cmdline_length);
	err = err ?: read_of(root, pid, "environ", TEXT_BOUND, &environ, &environ_length);
	if (err)
		return err;
	kind = strstr(maps, "/libjvm.so") ? SETTINGS_JVM : kind_of_file(root, pid);
	settings_parse(kind, cmdline, cmdline_length, environ, environ_length, ret_settings);
	return 0;
}

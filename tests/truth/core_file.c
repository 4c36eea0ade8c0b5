// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Format: System V gABI, "Program Header" (PT_LOAD, PT_NOTE), and for the notes elf(5) and
 * <sys/procfs.h>; NT_FILE as in linux/fs/binfmt_elf.c: count, page size, then start, end and
 * offset in pages of each, then the names.
 */
#include "core_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"

enum {
	PAGE = 4096,
	MAPPING_MOST = 16 << 20,
	RELOCATED_MOST = 4 << 20,
	TOTAL_MOST = 128 << 20,
	NOTES_MOST = 4 << 20,
};

struct mapping {
	uint64_t start, end, offset;
	bool writable, code, vdso;
	char *file; /* NULL: none */
};

struct core {
	const struct stopped *stopped;
	struct mapping *mappings;
	size_t nr_mappings, cap_mappings;
	uint8_t *notes;
	size_t notes_bytes;
};

static int read_mappings(struct core *core)
{
	__cleanup(free_text)
	char *line = NULL;
	__cleanup(close_file)
	FILE *file = NULL;
	size_t capacity = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/maps", core->stopped->hit->tgid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (getline(&line, &capacity, file) > 0) {
		unsigned long long start, end, offset;
		struct mapping *mapping;
		char readable, writable, code;
		int name = 0;

		if (sscanf(line, "%llx-%llx %c%c%c%*c %llx %*s %*s %n", &start, &end, &readable,
			   &writable, &code, &offset, &name) < 6 ||
		    readable != 'r')
			continue;
		mapping = vec_push(&core->mappings, &core->nr_mappings, &core->cap_mappings);
		if (!mapping)
			return -ENOMEM;
		*mapping = (struct mapping){ .start = start, .end = end, .offset = offset };
		mapping->writable = writable == 'w';
		mapping->code = code == 'x';
		line[strcspn(line, "\n")] = '\0';
		mapping->vdso = name && !strcmp(line + name, "[vdso]");
		mapping->file = name && line[name] == '/' ? strdup(line + name) : NULL;
	}
	return 0;
}

static void release(struct core *core)
{
	for (size_t i = 0; i < core->nr_mappings; i++)
		free(core->mappings[i].file);
	free(core->mappings);
	free(core->notes);
}

static void add_note(struct core *core, uint32_t type, const void *data, size_t size)
{
	Elf64_Nhdr header = { .n_namesz = 5, .n_descsz = size, .n_type = type };
	size_t padded = (size + 3) & ~(size_t)3;
	uint8_t *to = core->notes + core->notes_bytes;

	if (core->notes_bytes + sizeof(header) + 8 + padded > NOTES_MOST)
		return;
	memcpy(to, &header, sizeof(header));
	memcpy(to + sizeof(header), "CORE\0\0\0", 8);
	memcpy(to + sizeof(header) + 8, data, size);
	core->notes_bytes += sizeof(header) + 8 + padded;
}

/* The registers as the kernel has them now, but those that the allocation had. */
static int add_registers(struct core *core)
{
	const struct witness_hit *hit = core->stopped->hit;
	const __u64 *r = hit->registers;
	struct elf_prstatus status = { .pr_pid = hit->tid };
	struct user_regs_struct now;

	if (ptrace(PTRACE_GETREGS, hit->tid, 0, &now))
		return -errno;
	now.rax = r[0], now.rdx = r[1], now.rcx = r[2], now.rbx = r[3], now.rsi = r[4];
	now.rdi = r[5], now.rbp = r[6], now.rsp = r[7], now.r8 = r[8], now.r9 = r[9];
	now.r10 = r[10], now.r11 = r[11], now.r12 = r[12], now.r13 = r[13];
	now.r14 = r[14], now.r15 = r[15], now.rip = r[16];
	memcpy(&status.pr_reg, &now, sizeof(now));
	add_note(core, NT_PRSTATUS, &status, sizeof(status));
	return 0;
}

static void add_auxiliary_vector(struct core *core)
{
	char path[64], vector[4096];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/auxv", core->stopped->hit->tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, vector, sizeof(vector));
	close(fd);
	if (got > 0)
		add_note(core, NT_AUXV, vector, got);
}

static void add_files(struct core *core)
{
	size_t nr = 0, size = 16;
	uint64_t *numbers;
	char *names;

	for (size_t i = 0; i < core->nr_mappings; i++) {
		nr += core->mappings[i].file != NULL;
		if (core->mappings[i].file)
			size += 24 + strlen(core->mappings[i].file) + 1;
	}
	numbers = malloc(size);
	if (!numbers)
		return;
	numbers[0] = nr;
	numbers[1] = PAGE;
	names = (char *)(numbers + 2 + nr * 3);
	for (size_t i = 0, n = 2; i < core->nr_mappings; i++) {
		const struct mapping *mapping = &core->mappings[i];

		if (!mapping->file)
			continue;
		numbers[n++] = mapping->start;
		numbers[n++] = mapping->end;
		numbers[n++] = mapping->offset / PAGE;
		names = stpcpy(names, mapping->file) + 1;
	}
	add_note(core, NT_FILE, numbers, size);
	free(numbers);
}

static bool has_stack(const struct core *core, const struct mapping *mapping)
{
	uint64_t sp = core->stopped->hit->registers[WITNESS_SP];

	return sp >= mapping->start && sp < mapping->end;
}

/* The part of a mapping that is written: of a huge stack only what was read of it. */
static bool extent(const struct core *core, const struct mapping *mapping, uint64_t *ret_start,
		   uint64_t *ret_end)
{
	bool large = mapping->end - mapping->start > MAPPING_MOST;

	*ret_start = mapping->start;
	*ret_end = mapping->end;
	if (large && has_stack(core, mapping)) {
		*ret_start = core->stopped->hit->registers[WITNESS_SP] & ~(uint64_t)(PAGE - 1);
		*ret_end = *ret_start + STOPPED_STACK < mapping->end ? *ret_start + STOPPED_STACK
								     : mapping->end;
		return true;
	}
	/* What is read-only since it was relocated leads debuggers to the list of libraries. */
	return (mapping->writable || mapping->vdso ||
		(!mapping->code && mapping->end - mapping->start <= RELOCATED_MOST)) &&
	       !large;
}

/* What was read of the stack goes over what is there now. */
static int write_memory(const struct core *core, int fd, uint64_t start, uint64_t end, off_t offset)
{
	uint64_t sp = core->stopped->hit->registers[WITNESS_SP];
	size_t size = end - start, stack;
	uint8_t *bytes = calloc(1, size);
	int err = 0;

	if (!bytes)
		return -ENOMEM;
	stopped_bytes(core->stopped, start, bytes, size);
	if (sp >= start && sp < end) {
		stack = core->stopped->stack_bytes < end - sp ? core->stopped->stack_bytes
							      : end - sp;
		memcpy(bytes + (sp - start), core->stopped->stack, stack);
	}
	if (pwrite(fd, bytes, size, offset) != (ssize_t)size)
		err = -EIO;
	free(bytes);
	return err;
}

static int write_header(int fd, size_t nr_segments)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = nr_segments,
	};

	return pwrite(fd, &header, sizeof(header), 0) == sizeof(header) ? 0 : -EIO;
}

static int write_segment(int fd, size_t index, const Elf64_Phdr *segment)
{
	off_t offset = sizeof(Elf64_Ehdr) + index * sizeof(*segment);

	return pwrite(fd, segment, sizeof(*segment), offset) == sizeof(*segment) ? 0 : -EIO;
}

static int write_core(const struct core *core, int fd)
{
	size_t headers = sizeof(Elf64_Ehdr) + (core->nr_mappings + 1) * sizeof(Elf64_Phdr), nr = 1;
	off_t offset = (headers + core->notes_bytes + PAGE - 1) & ~(off_t)(PAGE - 1);
	Elf64_Phdr notes = { .p_type = PT_NOTE,
			     .p_offset = headers,
			     .p_filesz = core->notes_bytes };
	uint64_t start, end;
	int err = write_segment(fd, 0, &notes);

	if (pwrite(fd, core->notes, core->notes_bytes, headers) != (ssize_t)core->notes_bytes)
		err = -EIO;
	for (size_t i = 0; !err && i < core->nr_mappings; i++) {
		Elf64_Phdr load = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_align = PAGE };

		if (!extent(core, &core->mappings[i], &start, &end) || offset > TOTAL_MOST)
			continue;
		load.p_vaddr = start;
		load.p_offset = offset;
		load.p_filesz = load.p_memsz = end - start;
		err = write_memory(core, fd, start, end, offset);
		err = err ?: write_segment(fd, nr++, &load);
		offset += end - start;
	}
	return err ?: write_header(fd, nr);
}

int core_file_write(const struct stopped *stopped, const char *path)
{
	struct core core = { .stopped = stopped, .notes = calloc(1, NOTES_MOST) };
	int fd, err = core.notes ? read_mappings(&core) : -ENOMEM;

	err = err ?: add_registers(&core);
	if (!err) {
		add_auxiliary_vector(&core);
		add_files(&core);
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		err = fd < 0 ? -errno : write_core(&core, fd);
		close_fd(&fd);
	}
	release(&core);
	return err;
}

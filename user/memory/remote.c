// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of other processes' memory. process_vm_readv is the fast way (no
 * bounce page, up to 1,024 parts a call); /proc/PID/mem is there for kernels and filters that
 * refuse it. Both need the same right (PTRACE_MODE_ATTACH), and neither stops the process. A pid
 * may come to mean another process, or the process another program: nothing read here
 * proves that it has not, so who reads checks what it makes of it.
 */
#include "memory/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

struct remote {
	const struct remote_ops *ops;
	void *context;
	uint64_t bytes_read;
};

struct remote *remote_new(const struct remote_ops *ops, void *context)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (!remote)
		return NULL;
	remote->ops = ops;
	remote->context = context;
	return remote;
}

void remote_free(struct remote *remote)
{
	if (!remote)
		return;
	if (remote->ops->close)
		remote->ops->close(remote->context);
	free(remote);
}

static void count_bytes(struct remote *remote, size_t bytes)
{
	__atomic_fetch_add(&remote->bytes_read, bytes, __ATOMIC_RELAXED);
}

ssize_t remote_read_some(struct remote *remote, uint64_t address, void *bytes, size_t size)
{
	ssize_t got;

	/* A range that wraps around ends at the last address. */
	if (size && address > UINT64_MAX - (size - 1))
		size = UINT64_MAX - address;
	got = size ? remote->ops->read(remote->context, address, bytes, size) : 0;
	if (got > 0)
		count_bytes(remote, got);
	return got;
}

int remote_read(struct remote *remote, uint64_t address, void *bytes, size_t size)
{
	ssize_t got = remote_read_some(remote, address, bytes, size);

	if (got < 0)
		return got;
	return (size_t)got == size ? 0 : -EFAULT;
}

int remote_read_many(struct remote *remote, struct remote_part *parts, size_t nr)
{
	int err;

	if (remote->ops->read_many) {
		err = remote->ops->read_many(remote->context, parts, nr);
		for (size_t i = 0; !err && i < nr; i++)
			count_bytes(remote, parts[i].got);
		return err;
	}
	for (size_t i = 0; i < nr; i++) {
		ssize_t got =
			remote_read_some(remote, parts[i].address, parts[i].bytes, parts[i].size);

		if (got < 0)
			return got;
		parts[i].got = got;
	}
	return 0;
}

uint64_t remote_bytes_read(const struct remote *remote)
{
	return __atomic_load_n(&remote->bytes_read, __ATOMIC_RELAXED);
}

/* A process. */

enum { MAX_PARTS = IOV_MAX };

struct process_memory {
	pid_t pid;
	int file; /* /proc/PID/mem; -1: process_vm_readv works */
};

/* EFAULT, EIO: nothing is there to be read. */
static ssize_t result_of(int error)
{
	switch (error) {
	case EFAULT:
	case EIO:
		return 0;
	case EPERM:
		return -EACCES;
	default:
		return -error;
	}
}

static ssize_t read_file(const struct process_memory *memory, uint64_t address, void *bytes,
			 size_t size)
{
	size_t done = 0;

	if (address > INT64_MAX)
		return 0;
	while (done < size) {
		ssize_t got = pread(memory->file, (char *)bytes + done, size - done,
				    (off_t)(address + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && !done)
			return result_of(errno);
		/* No byte and no error: the memory is gone with its process (mem_rw,
		 * fs/proc/base.c). */
		if (!got && !done)
			return -ESRCH;
		if (got <= 0)
			break;
		done += got;
	}
	return done;
}

static ssize_t process_read_memory(void *context, uint64_t address, void *bytes, size_t size)
{
	struct process_memory *memory = context;
	struct iovec local = { bytes, size }, foreign = { (void *)(uintptr_t)address, size };
	ssize_t got;

	if (memory->file >= 0)
		return read_file(memory, address, bytes, size);
	got = process_vm_readv(memory->pid, &local, 1, &foreign, 1, 0);
	return got < 0 ? result_of(errno) : got;
}

/* `nr` parts, 1 at least, in one call; the number of parts that it dealt with, or -errno. */
static ssize_t read_batch(const struct process_memory *memory, struct remote_part *parts, size_t nr)
{
	struct iovec local[MAX_PARTS], foreign[MAX_PARTS];
	ssize_t got;
	size_t i = 0;

	do {
		local[i] = (struct iovec){ parts[i].bytes, parts[i].size };
		foreign[i] = (struct iovec){ (void *)(uintptr_t)parts[i].address, parts[i].size };
		parts[i].got = 0;
	} while (++i < nr);
	got = process_vm_readv(memory->pid, local, nr, foreign, nr, 0);
	if (got < 0)
		got = result_of(errno);
	if (got < 0)
		return got;
	/* It ends at the first part that cannot be read in full. */
	for (i = 0; i < nr; i++) {
		parts[i].got = (size_t)got < parts[i].size ? (size_t)got : parts[i].size;
		got -= parts[i].got;
		if (parts[i].got < parts[i].size)
			return i + 1;
	}
	return nr;
}

static int process_read_many(void *context, struct remote_part *parts, size_t nr)
{
	struct process_memory *memory = context;
	ssize_t done;

	for (size_t i = 0; i < nr; i += done) {
		if (memory->file >= 0) {
			ssize_t got =
				read_file(memory, parts[i].address, parts[i].bytes, parts[i].size);

			if (got < 0)
				return got;
			parts[i].got = got;
			done = 1;
			continue;
		}
		done = read_batch(memory, parts + i, nr - i < MAX_PARTS ? nr - i : MAX_PARTS);
		if (done < 0)
			return done;
	}
	return 0;
}

static void process_close(void *context)
{
	struct process_memory *memory = context;

	if (memory->file >= 0)
		close(memory->file);
	free(memory);
}

static const struct remote_ops process_ops = {
	.read = process_read_memory,
	.read_many = process_read_many,
	.close = process_close,
};

static int open_file(pid_t pid)
{
	char path[sizeof("/proc//mem") + 12];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -ESRCH : errno == EPERM ? -EACCES : -errno;
}

int remote_open(pid_t pid, struct remote **ret_remote)
{
	struct process_memory *memory = malloc(sizeof(*memory));
	struct iovec local, foreign = { NULL, 1 };
	char byte;
	int file = -1;

	if (!memory)
		return -ENOMEM;
	/* Nothing is mapped at 0, so EFAULT is the answer to who is allowed. */
	local = (struct iovec){ &byte, 1 };
	if (process_vm_readv(pid, &local, 1, &foreign, 1, 0) < 0 && errno != EFAULT) {
		file = errno == ESRCH ? -ESRCH : open_file(pid);
		if (file < 0) {
			free(memory);
			return file;
		}
	}
	memory->pid = pid;
	memory->file = file;
	*ret_remote = remote_new(&process_ops, memory);
	if (!*ret_remote) {
		process_close(memory);
		return -ENOMEM;
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory of another process, read and never written. Where it comes from is an ops
 * table, so that an image of memory can stand for a process in tests.
 *
 * Whatever is read may be torn, stale or hostile: the process runs on meanwhile.
 */
#ifndef SEEP_MEMORY_REMOTE_H
#define SEEP_MEMORY_REMOTE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct remote;

/* One of many reads that are done together. */
struct remote_part {
	uint64_t address;
	void *bytes;
	size_t size;
	size_t got; /* set by the read: `size`, or fewer, from the first on */
};

struct remote_ops {
	/*
	 * Reads up to `size` bytes: how many, from the first one on, up to the first that
	 * cannot be read; -ESRCH (gone), -EACCES (not allowed), another -errno.
	 */
	ssize_t (*read)(void *context, uint64_t address, void *bytes, size_t size);
	/* Fills `got` of every part. NULL: they are read one by one. 0 or as above. */
	int (*read_many)(void *context, struct remote_part *parts, size_t nr);
	void (*close)(void *context); /* may be NULL */
};

/*
 * The memory of a process, by process_vm_readv, or by /proc/PID/mem where that is refused.
 * Several threads may read it at once.
 * 0, -ESRCH, -EACCES, -ENOMEM. Free with remote_free.
 */
int remote_open(pid_t pid, struct remote **ret_remote);
/*
 * Of anything else; several threads may read it if its ops let them. `context` is closed by
 * remote_free. NULL when out of memory.
 */
struct remote *remote_new(const struct remote_ops *ops, void *context);
void remote_free(struct remote *remote);

/* All bytes: 0, -EFAULT (not mapped, or not readable), -ESRCH, -EACCES. */
int remote_read(struct remote *remote, uint64_t address, void *bytes, size_t size);
/* As many as there are: their number, 0 when not even the first; -ESRCH, -EACCES. */
ssize_t remote_read_some(struct remote *remote, uint64_t address, void *bytes, size_t size);
/* Many small reads in few calls. A part that cannot be read has `got` < `size`. */
int remote_read_many(struct remote *remote, struct remote_part *parts, size_t nr);

static inline int remote_read_u64(struct remote *remote, uint64_t address, uint64_t *ret_value)
{
	return remote_read(remote, address, ret_value, sizeof(*ret_value));
}

/* Bytes read so far. */
uint64_t remote_bytes_read(const struct remote *remote);

#endif

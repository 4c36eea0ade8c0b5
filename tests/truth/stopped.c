// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the copy of a stopped thread's stack. By the time that it stops, the kernel has put the
 * trampoline of seep's return probe in place of a return address; here it is put right.
 */
#include "stopped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

size_t stopped_bytes(const struct stopped *stopped, uint64_t address, void *buffer, size_t size)
{
	struct iovec local = { buffer, size };
	struct iovec remote = { (void *)address, size };
	ssize_t got = process_vm_readv(stopped->hit->tid, &local, 1, &remote, 1, 0);

	return got > 0 ? got : 0;
}

static void put_right(struct stopped *stopped, uint64_t slot, uint64_t address)
{
	uint64_t distance = slot - stopped->hit->registers[WITNESS_SP];

	if (distance < stopped->stack_bytes && distance + 8 <= stopped->stack_bytes)
		memcpy(stopped->stack + distance, &address, 8);
}

int stopped_read(const struct witness_hit *hit, struct stopped *ret_stopped)
{
	uint64_t sp = hit->registers[WITNESS_SP];
	struct stopped stopped = { .hit = hit, .stack = malloc(STOPPED_STACK) };

	if (!stopped.stack)
		return -ENOMEM;
	stopped.stack_bytes = stopped_bytes(&stopped, sp, stopped.stack, STOPPED_STACK);
	put_right(&stopped, sp, hit->return_address);
	for (uint32_t i = 0; i < hit->nr_returns && i < WITNESS_RETURNS; i++)
		put_right(&stopped, hit->returns[i].slot, hit->returns[i].address);
	*ret_stopped = stopped;
	return 0;
}

void stopped_release(struct stopped *stopped)
{
	free(stopped->stack);
	stopped->stack = NULL;
}

bool stopped_word(const struct stopped *stopped, uint64_t address, uint64_t *ret_word)
{
	uint64_t distance = address - stopped->hit->registers[WITNESS_SP];

	if (distance < stopped->stack_bytes && distance + 8 <= stopped->stack_bytes) {
		memcpy(ret_word, stopped->stack + distance, 8);
		return true;
	}
	for (uint32_t i = 0; i < stopped->hit->nr_returns && i < WITNESS_RETURNS; i++)
		if (stopped->hit->returns[i].slot == address) {
			*ret_word = stopped->hit->returns[i].address;
			return true;
		}
	return stopped_bytes(stopped, address, ret_word, 8) == 8;
}

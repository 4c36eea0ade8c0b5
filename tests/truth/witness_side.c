// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the loaded witness and its links. It learns of seep's probe sites where seep attaches
 * them: the linker puts __wrap_link_multi in the place of link_multi (attach/link.h), which is
 * called through, so that seep's probes are as they always are.
 */
#include "witness_side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../bpf/event.h"
#include "attach/link.h"
#include "base/vec.h"
#include "return_probes.h"
#include "witness.skel.h"

enum { RETURN_PROBES_MOST = 256 };

static struct witness_bpf *witness;
static int *links;
static size_t nr_links, cap_links;

int __real_link_multi(int program, int attach_type, int at_return,
		      const struct link_probes *probes);
int __wrap_link_multi(int program, int attach_type, int at_return,
		      const struct link_probes *probes);

int witness_open(uint32_t every)
{
	int err;

	witness = witness_bpf__open();
	if (!witness)
		return -errno;
	witness->rodata->tester = getpid();
	witness->data->every = every;
	err = witness_bpf__load(witness);
	if (err)
		witness_close();
	return err;
}

void witness_close(void)
{
	while (nr_links)
		close(links[--nr_links]);
	free(links);
	links = NULL;
	cap_links = 0;
	witness_bpf__destroy(witness);
	witness = NULL;
}

void witness_rest(void)
{
	witness->data->every = 0;
}

bool witness_take(pid_t tid, struct witness_hit *ret_hit)
{
	int map = bpf_map__fd(witness->maps.hits);
	uint32_t key = tid;

	return !bpf_map_lookup_and_delete_elem(map, &key, ret_hit);
}

uint64_t witness_lost(void)
{
	return witness->bss->lost;
}

static bool is_release(uint64_t cookie)
{
	return SEEP_COOKIE_OP(cookie) == SEEP_OP_FREE || SEEP_COOKIE_OP(cookie) == SEEP_OP_RELEASE;
}

static int keep_link(int fd)
{
	int *slot;

	if (fd < 0)
		return fd;
	slot = vec_push(&links, &nr_links, &cap_links);
	if (!slot) {
		close(fd);
		return -ENOMEM;
	}
	*slot = fd;
	return 0;
}

int witness_probe_returns(const char *functions)
{
	unsigned long offsets[RETURN_PROBES_MOST];
	const char *pattern = strrchr(functions, ':');
	struct link_probes probes = { .offsets = offsets };
	char *path;
	int nr;

	if (!pattern)
		return -EINVAL;
	path = strndup(functions, pattern - functions);
	if (!path)
		return -ENOMEM;
	nr = return_probes_find(path, pattern + 1, offsets, RETURN_PROBES_MOST);
	probes.path = path;
	probes.nr = nr > 0 ? nr : 0;
	if (nr > 0)
		nr = keep_link(__real_link_multi(bpf_program__fd(witness->progs.let_return),
						 LINK_UPROBE_MULTI, 1, &probes));
	free(path);
	return nr;
}

/* After seep's own: a hit of the witness alone would find no stack to be compared with. */
static void attach_beside(const struct link_probes *probes)
{
	int program = bpf_program__fd(witness->progs.stop_at_allocation);
	unsigned long *offsets = calloc(probes->nr, sizeof(*offsets));
	struct link_probes beside = { probes->path, probes->pid, offsets, NULL, 0 };

	/* Of the end of a thread seep takes no stack. */
	for (size_t i = 0; offsets && i < probes->nr; i++)
		if (SEEP_COOKIE_OP(probes->cookies[i]) != SEEP_OP_PURGE)
			offsets[beside.nr++] = probes->offsets[i];
	if (beside.nr)
		keep_link(__real_link_multi(program, LINK_UPROBE_MULTI, 0, &beside));
	free(offsets);
}

int __wrap_link_multi(int program, int attach_type, int at_return, const struct link_probes *probes)
{
	int fd = __real_link_multi(program, attach_type, at_return, probes);

	/* A link is all of releases, or all of allocations (attach/attachment.c). */
	if (fd >= 0 && witness && !at_return && probes->cookies && probes->nr &&
	    !is_release(probes->cookies[0]))
		attach_beside(probes);
	return fd;
}

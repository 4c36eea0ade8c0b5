// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the probes of one file. Releases go in before allocations, so that no block is
 * seen born whose end could be missed, and out after them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "attach/kernel_internal.h"
#include "attach/link.h"
#include "attach/unlink.h"
#include "base/log.h"
#include "base/vec.h"

enum { AT_ONCE = 64 }; /* attachments taken out together */

struct attachment {
	struct probe_link *links; /* in the order of attaching */
	size_t nr, cap;
};

static int add_link(struct attachment *a, int fd, struct bpf_link *link)
{
	struct probe_link *slot = vec_push(&a->links, &a->nr, &a->cap);

	if (!slot) {
		if (fd >= 0)
			close(fd);
		bpf_link__destroy(link);
		return -ENOMEM;
	}
	slot->fd = fd;
	slot->link = link;
	return 0;
}

/* The last link of each that is left, into `links`; how many there are. */
static size_t take_last_links(struct attachment **attachments, size_t nr, struct probe_link *links)
{
	size_t taken = 0;

	for (size_t i = 0; i < nr; i++)
		if (attachments[i] && attachments[i]->nr)
			links[taken++] = attachments[i]->links[--attachments[i]->nr];
	return taken;
}

static void free_some(struct attachment **attachments, size_t nr)
{
	struct probe_link links[AT_ONCE];
	size_t taken;

	while ((taken = take_last_links(attachments, nr, links)))
		unlink_together(links, taken);
	for (size_t i = 0; i < nr; i++) {
		if (attachments[i])
			free(attachments[i]->links);
		free(attachments[i]);
	}
}

void attachments_free(struct attachment **attachments, size_t nr)
{
	for (size_t i = 0; i < nr; i += AT_ONCE)
		free_some(attachments + i, nr - i < AT_ONCE ? nr - i : AT_ONCE);
}

struct unlinking *attachments_free_later(struct attachment **attachments, size_t nr)
{
	struct unlinking *unlinking = NULL;
	struct probe_link *links;
	size_t most = 0, taken = 0;

	for (size_t i = 0; i < nr; i++)
		most += attachments[i] ? attachments[i]->nr : 0;
	links = calloc(most + 1, sizeof(*links));
	for (size_t i = 0; links && i < nr; i++)
		while (attachments[i] && attachments[i]->nr)
			links[taken++] = attachments[i]->links[--attachments[i]->nr];
	if (taken)
		unlinking = unlink_begin(links, taken);
	free(links);
	attachments_free(attachments, nr);
	return unlinking;
}

void attachment_free(struct attachment *a)
{
	attachments_free(&a, 1);
}

enum { THROWING = 1, OTHERS = 2 };

/* Which probes of a plan are attached, and for whom. */
struct part {
	pid_t pid; /* 0 all */
	unsigned int of; /* THROWING, OTHERS or both */
	uint32_t shared; /* the number under which they are counted; 0 everywhere */
};

/* What a set of probes is attached with. */
struct set {
	struct bpf_program *program;
	int attach_type;
	bool at_return;
	bool releases; /* the plan's releases, else its allocations */
};

static bool throws(const struct plan_probe *probe)
{
	return probe->cookie & SEEP_COOKIE_THROWS;
}

static size_t collect(const struct plan *plan, const struct part *part, bool releases,
		      unsigned long *offsets, uint64_t *cookies)
{
	size_t nr = 0;

	for (size_t i = 0; i < plan->nr_probes; i++) {
		const struct plan_probe *probe = &plan->probes[i];

		if (probe->is_release != releases ||
		    !(part->of & (throws(probe) ? THROWING : OTHERS)))
			continue;
		offsets[nr] = probe->file_offset;
		cookies[nr++] = probe->cookie | SEEP_COOKIE_SHARED(part->shared);
	}
	return nr;
}

static int attach_set(struct attachment *a, const struct set *set, const struct plan *plan,
		      const char *path, const struct part *part, size_t *ret_failed)
{
	unsigned long *offsets = calloc(plan->nr_probes, sizeof(*offsets));
	uint64_t *cookies = calloc(plan->nr_probes, sizeof(*cookies));
	struct link_probes probes = { path, part->pid, offsets, cookies, 0 };
	int fd, err = 0;

	if (!offsets || !cookies) {
		err = -ENOMEM;
		goto out;
	}
	probes.nr = collect(plan, part, set->releases, offsets, cookies);
	if (!probes.nr)
		goto out;
	fd = link_multi(bpf_program__fd(set->program), set->attach_type, set->at_return, &probes);
	log_debug("%s: %zu probes of %s: %d", plan->path, probes.nr,
		  bpf_program__name(set->program), fd);
	err = fd < 0 ? fd : add_link(a, fd, NULL);
	if (err)
		*ret_failed += probes.nr;
out:
	free(offsets);
	free(cookies);
	return err;
}

static int attach_by_multi(struct kernel *kernel, struct attachment *a, const struct plan *plan,
			   const char *path, const struct part *part, size_t *ret_failed)
{
	struct tracer_bpf *bpf = kernel->bpf;
	const struct set releases = { bpf->progs.seep_release_multi, LINK_UPROBE_MULTI, false,
				      true };
	const struct set leave = { bpf->progs.seep_leave_multi, LINK_UPROBE_MULTI, true, false };
	const struct set enter = { bpf->progs.seep_enter_multi, LINK_UPROBE_MULTI, false, false };
	const struct set session = { bpf->progs.seep_session, LINK_UPROBE_SESSION, false, false };
	int err = attach_set(a, &releases, plan, path, part, ret_failed);

	if (err)
		return err;
	if (kernel->mode == ATTACH_SESSION)
		return attach_set(a, &session, plan, path, part, ret_failed);
	err = attach_set(a, &leave, plan, path, part, ret_failed);
	return err ?: attach_set(a, &enter, plan, path, part, ret_failed);
}

/* The program of an operation where there are no cookies; NULL: it needs one. */
static struct bpf_program *plain_program(struct tracer_bpf *bpf, const struct plan_probe *probe)
{
	if (SEEP_COOKIE_ARG(probe->cookie))
		return NULL;
	switch (SEEP_COOKIE_OP(probe->cookie)) {
	case SEEP_OP_MALLOC:
		return bpf->progs.seep_enter_malloc;
	case SEEP_OP_CALLOC:
		return bpf->progs.seep_enter_calloc;
	case SEEP_OP_REALLOC:
		return bpf->progs.seep_enter_realloc;
	case SEEP_OP_REALLOCARRAY:
		return bpf->progs.seep_enter_reallocarray;
	case SEEP_OP_MEMALIGN:
		return bpf->progs.seep_enter_memalign;
	case SEEP_OP_POSIX_MEMALIGN:
		return bpf->progs.seep_enter_posix_memalign;
	case SEEP_OP_PURGE:
		return bpf->progs.seep_enter_purge;
	case SEEP_OP_FREE:
		return bpf->progs.seep_release_plain;
	default:
		return NULL;
	}
}

static int attach_one(struct attachment *a, struct bpf_program *program, bool at_return,
		      const struct plan_probe *probe, const char *path, pid_t pid, bool cookies)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = at_return,
		    .bpf_cookie = cookies ? probe->cookie : 0);
	struct bpf_link *link;

	if (!program)
		return -EOPNOTSUPP;
	link = bpf_program__attach_uprobe_opts(program, pid ? pid : -1, path, probe->file_offset,
					       &opts);
	return link ? add_link(a, -1, link) : -errno;
}

static int attach_probe(struct kernel *kernel, struct attachment *a, const struct plan_probe *probe,
			const char *path, pid_t pid)
{
	struct tracer_bpf *bpf = kernel->bpf;
	bool cookies = kernel->mode == ATTACH_PERF_COOKIE;
	struct bpf_program *program;
	int err;

	if (cookies)
		program = probe->is_release ? bpf->progs.seep_release : bpf->progs.seep_enter;
	else
		program = plain_program(bpf, probe);
	if (!program)
		return -EOPNOTSUPP;
	if (!probe->is_release) {
		err = attach_one(a, bpf->progs.seep_leave, true, probe, path, pid, cookies);
		if (err)
			return err;
	}
	return attach_one(a, program, false, probe, path, pid, cookies);
}

static int attach_by_perf(struct kernel *kernel, struct attachment *a, const struct plan *plan,
			  const char *path, pid_t pid, size_t *ret_failed)
{
	size_t attached = 0;
	int err = 0;

	/* The plan lists releases first. */
	for (size_t i = 0; i < plan->nr_probes; i++) {
		int result = attach_probe(kernel, a, &plan->probes[i], path, pid);

		log_debug("%s: %s: %d", plan->path, plan->probes[i].symbol, result);
		if (result) {
			err = result;
			(*ret_failed)++;
		} else {
			attached++;
		}
	}
	return attached ? 0 : err;
}

static int attach_part(struct kernel *kernel, const struct plan *plan, int fd,
		       const struct part *part, struct attachment **ret_attachment,
		       size_t *ret_failed)
{
	struct attachment *a = calloc(1, sizeof(*a));
	size_t failed = 0;
	char path[64];
	int err;

	if (!a)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (kernel->mode == ATTACH_SESSION || kernel->mode == ATTACH_MULTI)
		err = attach_by_multi(kernel, a, plan, path, part, &failed);
	else
		err = attach_by_perf(kernel, a, plan, path, part->pid, &failed);
	*ret_failed = failed;
	if (err) {
		attachment_free(a);
		return err;
	}
	*ret_attachment = a;
	return 0;
}

int kernel_attach(struct kernel *kernel, const struct plan *plan, int fd, pid_t pid,
		  struct attachment **ret_attachment, size_t *ret_failed)
{
	bool leave_out = pid && kernel->mode == ATTACH_SESSION;
	const struct part part = { pid, leave_out ? OTHERS : THROWING | OTHERS, 0 };

	return attach_part(kernel, plan, fd, &part, ret_attachment, ret_failed);
}

int kernel_attach_shared(struct kernel *kernel, const struct plan *plan, int fd, uint32_t number,
			 struct attachment **ret_attachment, size_t *ret_failed)
{
	const struct part part = { 0, THROWING, number };

	return attach_part(kernel, plan, fd, &part, ret_attachment, ret_failed);
}

bool kernel_must_share(const struct kernel *kernel, const struct plan *plan)
{
	for (size_t i = 0; kernel->mode == ATTACH_SESSION && i < plan->nr_probes; i++)
		if (throws(&plan->probes[i]))
			return true;
	return false;
}

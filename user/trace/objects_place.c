// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the attachments of objects: one for the host, or one for each process that is traced
 * alone. Functions that may throw are the exception: what is attached to these is shared by all
 * processes (kernel_must_share), goes in when the first of them has its releases probed, and out
 * after the last.
 */
#include "trace/objects_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "attach/unlink.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/vec.h"

void objects_detach(struct objects *o)
{
	struct attachment **all = calloc(o->nr_placed + 1, sizeof(*all));

	for (size_t i = 0; i < o->nr_placed; i++) {
		if (all)
			all[i] = o->placed[i].attachment;
		else
			attachment_free(o->placed[i].attachment);
	}
	if (all && !o->unlinking)
		o->unlinking = attachments_free_later(all, o->nr_placed);
	else if (all)
		attachments_free(all, o->nr_placed);
	free(all);
	o->nr_placed = 0;
}

bool objects_is_placed(const struct objects *o, pid_t pid, size_t object)
{
	for (size_t i = 0; i < o->nr_placed; i++)
		if (o->placed[i].pid == pid && o->placed[i].object == object)
			return true;
	return false;
}

static uint32_t shared_number(size_t object)
{
	return object + 1;
}

static bool is_shared(const struct objects *o, const struct placed *placed)
{
	return !placed->pid && !o->host_wide;
}

static int attach(struct objects *o, struct placed *placed)
{
	struct object *object = &o->items[placed->object];
	size_t failed = 0;

	placed->waits = false;
	if (is_shared(o, placed))
		object->error = kernel_attach_shared(o->kernel, object->plan, object->fd,
						     shared_number(placed->object),
						     &placed->attachment, &failed);
	else
		object->error = kernel_attach(o->kernel, object->plan, object->fd, placed->pid,
					      &placed->attachment, &failed);
	if (failed > object->failed)
		object->failed = failed;
	log_debug("%s: attach for %d: %d, %zu failed", object->plan->path, placed->pid,
		  object->error, failed);
	return object->error;
}

static int add(struct objects *o, pid_t pid, size_t object)
{
	struct placed *placed = vec_push(&o->placed, &o->nr_placed, &o->cap_placed);

	if (!placed)
		return -ENOMEM;
	placed->pid = pid;
	placed->object = object;
	placed->waits = o->paused;
	o->items[object].processes += !!pid;
	return o->paused ? 0 : attach(o, placed);
}

/* After the process's own: what it frees is seen by now. */
static int share(struct objects *o, pid_t pid, size_t object)
{
	int err = 0;

	if (o->host_wide || !kernel_must_share(o->kernel, o->items[object].plan))
		return 0;
	if (!objects_is_placed(o, 0, object))
		err = add(o, 0, object);
	return err ?: kernel_count_shared(o->kernel, pid, shared_number(object), true);
}

int objects_place(struct objects *o, pid_t pid, size_t index, int fd)
{
	struct object *object = &o->items[index];
	int err;

	if (object->fd < 0)
		object->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (object->fd < 0)
		return -errno;
	err = add(o, pid, index);
	return err ?: share(o, pid, index);
}

void objects_pause(struct objects *o)
{
	struct attachment **list = calloc(o->nr_placed + 1, sizeof(*list));

	o->paused = true;
	for (size_t i = 0; i < o->nr_placed; i++) {
		struct placed *placed = &o->placed[i];

		placed->waits |= placed->attachment != NULL;
		if (list)
			list[i] = placed->attachment;
		else
			attachment_free(placed->attachment);
		placed->attachment = NULL;
	}
	if (list)
		unlink_end(attachments_free_later(list, o->nr_placed));
	free(list);
}

static void attach_again(void *context, size_t index)
{
	struct objects *o = context;

	if (o->placed[index].waits)
		attach(o, &o->placed[index]);
}

int objects_resume(struct objects *o)
{
	o->paused = false;
	parallel_each(o->nr_placed, attach_again, o);
	for (size_t i = 0; i < o->nr_placed; i++)
		if (!o->placed[i].attachment && o->items[o->placed[i].object].error)
			return o->items[o->placed[i].object].error;
	return 0;
}

static void take_out(struct objects *o, size_t i)
{
	attachment_free(o->placed[i].attachment);
	o->placed[i] = o->placed[--o->nr_placed];
}

void objects_forget(struct objects *o, pid_t pid)
{
	if (o->host_wide)
		return;
	for (size_t i = o->nr_placed; i-- > 0;) {
		if (o->placed[i].pid != pid)
			continue;
		kernel_count_shared(o->kernel, pid, shared_number(o->placed[i].object), false);
		o->items[o->placed[i].object].processes--;
		take_out(o, i);
	}
	for (size_t i = o->nr_placed; i-- > 0;)
		if (is_shared(o, &o->placed[i]) && !o->items[o->placed[i].object].processes)
			take_out(o, i);
}

size_t objects_probes(const struct objects *o)
{
	size_t probes = 0;

	for (size_t i = 0; i < o->nr_placed; i++)
		if ((o->placed[i].attachment || o->placed[i].waits) && !is_shared(o, &o->placed[i]))
			probes += o->items[o->placed[i].object].plan->nr_probes;
	return probes;
}

size_t objects_sharers(const struct objects *o)
{
	size_t most = 1;

	for (size_t i = 0; i < o->nr; i++)
		if (o->items[i].processes > most)
			most = o->items[i].processes;
	return most;
}

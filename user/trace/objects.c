// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the plans of the files seen so far, by (device, inode). Knows processes only as the pids
 * that map those files, and nothing of how the plans are attached (objects_place.c).
 *
 * Containers of one image map one file under a device each (overlayfs), and a probe in it is
 * hit by all of them. So where the kernel can say that what is new to us is a file that it has
 * probes in already, it is that one, with another path perhaps.
 */
#include "trace/objects_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/kernel_unwind.h"
#include "attach/unlink.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/vec.h"
#include "heap/profile.h"
#include "proc/maps.h"
#include "proc/process.h"

struct objects *objects_new(struct kernel *kernel, const struct plan_options *options,
			    const struct features *features, bool host_wide)
{
	struct objects *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->kernel = kernel;
	o->options = options;
	o->features = features;
	o->host_wide = host_wide;
	o->by_file = hashmap_new();
	if (!o->by_file) {
		free(o);
		return NULL;
	}
	return o;
}

void objects_free(struct objects *o)
{
	if (!o)
		return;
	objects_detach(o);
	unlink_end(o->unlinking);
	for (size_t i = 0; i < o->nr; i++) {
		plan_free(o->items[i].plan);
		if (o->items[i].fd >= 0)
			close(o->items[i].fd);
	}
	for (size_t i = 0; i < o->nr_names; i++)
		free(o->names[i].path);
	hashmap_free(o->by_file);
	free(o->items);
	free(o->names);
	free(o->placed);
	free(o);
}

static uint64_t file_key(const struct mapping *m)
{
	uint64_t device = (uint64_t)m->device_major << 20 | m->device_minor;

	return hash_mix(m->inode) ^ device;
}

static int add_name(struct objects *o, const char *path, size_t object)
{
	struct name *name;

	for (size_t i = 0; i < o->nr_names; i++)
		if (o->names[i].object == object && !strcmp(o->names[i].path, path))
			return 0;
	name = vec_push(&o->names, &o->nr_names, &o->cap_names);
	if (!name)
		return -ENOMEM;
	name->object = object;
	name->path = strdup(path);
	if (name->path)
		return 0;
	o->nr_names--;
	return -ENOMEM;
}

/*
 * The object that the kernel knows under the number, of those with a probe: only these keep
 * it from giving the number to another file. -ENOENT none.
 */
static ssize_t find_probed(const struct objects *o, uint64_t number)
{
	for (size_t i = 0; number && i < o->nr_placed; i++)
		/* A file that waits to be probed again is open. */
		if ((o->placed[i].attachment || o->placed[i].waits) &&
		    o->items[o->placed[i].object].number == number)
			return o->placed[i].object;
	return -ENOENT;
}

/* The index of a new object, planned. -ENOMEM. */
static ssize_t add_object(struct objects *o, const struct mapping *m, int fd, uint64_t number)
{
	struct object *object = vec_push(&o->items, &o->nr, &o->cap);

	if (!object)
		return -ENOMEM;
	object->number = number;
	object->fd = -1;
	object->error = plan_make(fd, m->path, o->options, &object->plan);
	log_debug("%s: %zu probes (%d)", m->path, object->plan ? object->plan->nr_probes : 0,
		  object->error);
	return o->nr - 1;
}

/* The index of the mapped file's object, planned when it is new. -errno. */
static ssize_t find_object(struct objects *o, const struct mapping *m, int fd)
{
	uint64_t key = file_key(m), index, number = 0;
	ssize_t found;

	if (hashmap_get(o->by_file, key, &index))
		return index;
	if (kernel_file_number(o->kernel, fd, &number))
		number = 0;
	found = find_probed(o, number);
	if (found < 0)
		found = add_object(o, m, fd, number);
	else
		log_debug("%s: known as %s", m->path, o->items[found].plan->path);
	if (found < 0)
		return found;
	if (hashmap_put(o->by_file, key, found) ||
	    (o->items[found].plan && add_name(o, m->path, found)))
		return -ENOMEM;
	return found;
}

bool objects_stepped(const struct objects *o, bool releases)
{
	uint8_t op = releases ? SEEP_OP_FREE : SEEP_OP_MALLOC;

	for (size_t i = 0; i < o->nr_placed; i++) {
		const struct plan *plan = o->items[o->placed[i].object].plan;

		for (size_t j = 0; j < plan->nr_probes; j++)
			if (SEEP_COOKIE_OP(plan->probes[j].cookie) == op &&
			    plan->probes[j].site.class == SITE_STEPPED)
				return true;
	}
	return false;
}

/* Known already and with nothing to do: spares opening the file. */
static bool is_settled(const struct objects *o, pid_t pid, const struct mapping *m)
{
	uint64_t index;
	const struct object *object;

	if (!hashmap_get(o->by_file, file_key(m), &index))
		return false;
	object = &o->items[index];
	return !object->plan || !object->plan->nr_probes || objects_is_placed(o, pid, index);
}

static int scan_mapping(struct objects *o, pid_t pid, const struct mapping *m, size_t *attached)
{
	pid_t for_pid = o->host_wide ? 0 : pid;
	ssize_t index;
	int fd, err = 0;

	if (!m->executable || !m->inode || is_settled(o, for_pid, m))
		return 0;
	fd = maps_open(pid, m);
	if (fd < 0) {
		log_debug("%s: cannot be opened: %d", m->path, fd);
		return fd == -ENOMEM ? fd : 0;
	}
	index = find_object(o, m, fd);
	if (index < 0) {
		err = index;
	} else if (o->items[index].plan && o->items[index].plan->nr_probes &&
		   !objects_is_placed(o, for_pid, index)) {
		err = objects_place(o, for_pid, index, fd);
		*attached += !err;
	}
	close(fd);
	return err;
}

/* A return probe kills it: see features.h. */
static bool would_kill(const struct objects *o, pid_t pid)
{
	struct process_info info;

	return o->features->returns_kill_filtered && !process_read(pid, &info) &&
	       info.seccomp_filter;
}

int objects_scan(struct objects *o, pid_t pid, size_t *ret_attached)
{
	size_t attached = 0;
	struct maps maps;
	int err, result = 0;

	if (would_kill(o, pid))
		return -EPERM;
	err = maps_read(pid, &maps);
	if (err)
		return err;
	for (size_t i = 0; i < maps.nr; i++) {
		err = scan_mapping(o, pid, &maps.items[i], &attached);
		if (err)
			result = err;
	}
	maps_free(&maps);
	if (ret_attached)
		*ret_attached = attached;
	return attached ? 0 : result;
}

uint8_t objects_family(const struct objects *o, const char *path)
{
	for (size_t i = 0; path && i < o->nr_names; i++)
		if (!strcmp(o->names[i].path, path))
			return o->items[o->names[i].object].plan->family;
	return 0;
}

static bool plan_covers(const struct plan *plan, uint64_t address)
{
	for (size_t i = 0; i < plan->nr_probes; i++)
		if (address - plan->probes[i].address < plan->probes[i].size)
			return true;
	return false;
}

bool objects_is_probed(const struct objects *o, const char *path, uint64_t address)
{
	for (size_t i = 0; path && i < o->nr_names; i++)
		if (!strcmp(o->names[i].path, path) &&
		    plan_covers(o->items[o->names[i].object].plan, address))
			return true;
	return false;
}

static int add_skip(struct profile *profile, const char *module, const char *symbol,
		    const char *reason)
{
	struct profile_health *health = &profile->health;
	struct profile_skipped_probe *skip = vec_push(
		&health->skipped_probes, &health->nr_skipped_probes, &health->cap_skipped_probes);

	if (!skip)
		return -ENOMEM;
	skip->module = profile_string(profile, module);
	skip->symbol = profile_string(profile, symbol);
	skip->reason = profile_string(profile, reason);
	return 0;
}

int objects_report_skips(const struct objects *o, struct profile *profile)
{
	int err = 0;

	for (size_t i = 0; i < o->nr && !err; i++) {
		const struct object *object = &o->items[i];

		if (!object->plan)
			continue;
		for (size_t j = 0; j < object->plan->nr_skips && !err; j++) {
			const struct plan_skip *skip = &object->plan->skips[j];

			if (!skip->covered)
				err = add_skip(profile, object->plan->path, skip->symbol,
					       skip->reason);
		}
		if (!err && object->failed)
			err = add_skip(profile, object->plan->path, "all probes",
				       object->error ? strerror(-object->error)
						     : "some could not be attached");
	}
	return err;
}

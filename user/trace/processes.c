// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "trace/processes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "proc/process.h"

struct processes {
	struct traced_process *items;
	size_t nr, cap;
	struct hashmap *by_space; /* space -> index */
	struct hashmap *living; /* pid -> space */
	struct traced_process *met; /* that have no space yet */
	size_t nr_met, cap_met;
};

struct processes *processes_new(void)
{
	struct processes *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->by_space = hashmap_new();
	p->living = hashmap_new();
	if (!p->by_space || !p->living) {
		processes_free(p);
		return NULL;
	}
	return p;
}

static void free_all(struct traced_process *items, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		free(items[i].comm);
		free(items[i].exe);
		free(items[i].cgroup);
		free(items[i].container);
	}
	free(items);
}

void processes_free(struct processes *p)
{
	if (!p)
		return;
	free_all(p->items, p->nr);
	free_all(p->met, p->nr_met);
	hashmap_free(p->by_space);
	hashmap_free(p->living);
	free(p);
}

static struct traced_process *find(const struct processes *p, uint32_t space)
{
	uint64_t index;

	return hashmap_get(p->by_space, space, &index) ? &p->items[index] : NULL;
}

const struct traced_process *processes_find(const struct processes *p, uint32_t space)
{
	return find(p, space);
}

uint32_t processes_space_of(const struct processes *p, pid_t pid)
{
	uint64_t space;

	return hashmap_get(p->living, pid, &space) ? space : 0;
}

bool processes_seen(const struct processes *p, pid_t pid)
{
	for (size_t i = 0; i < p->nr; i++)
		if (p->items[i].pid == pid)
			return true;
	return false;
}

size_t processes_living(const struct processes *p)
{
	return hashmap_size(p->living);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* A child that ended before it could be looked at is its parent's program. */
static void inherit(struct traced_process *process, const struct traced_process *parent)
{
	if (!process->exe)
		process->exe = copy(parent->exe);
	if (!process->cgroup)
		process->cgroup = copy(parent->cgroup);
	if (!process->container)
		process->container = copy(parent->container);
}

/* What /proc says of it; nothing once it is gone. */
static void look_at(struct traced_process *process)
{
	struct process_info info;
	bool deleted;

	process->exe = process_exe(process->pid, &deleted);
	process->cgroup = process_cgroup(process->pid, &process->container);
	if (process_read(process->pid, &info))
		return;
	process->started = process_started(&info);
	process->rss_start = info.rss_bytes;
	process->rss_last = info.rss_bytes;
}

static size_t find_met(const struct processes *p, pid_t pid)
{
	size_t i = 0;

	while (i < p->nr_met && p->met[i].pid != pid)
		i++;
	return i;
}

int processes_meet(struct processes *p, pid_t pid)
{
	struct traced_process *process;

	if (processes_seen(p, pid) || find_met(p, pid) < p->nr_met)
		return 0;
	process = vec_push(&p->met, &p->nr_met, &p->cap_met);
	if (!process)
		return -ENOMEM;
	process->pid = pid;
	look_at(process);
	return 0;
}

/* As it was met, if it was; a process that has called exec since then is looked at anew. */
static void recognise(struct processes *p, struct traced_process *process, bool same_program)
{
	size_t i = find_met(p, process->pid);
	struct traced_process *met = &p->met[i];

	if (i == p->nr_met) {
		look_at(process);
		return;
	}
	if (same_program) {
		process->exe = met->exe;
		process->cgroup = met->cgroup;
		process->container = met->container;
		process->started = met->started;
		process->rss_start = met->rss_start;
		process->rss_last = met->rss_last;
	} else {
		free(met->exe);
		free(met->cgroup);
		free(met->container);
		look_at(process);
	}
	*met = p->met[--p->nr_met];
}

static int begin(struct processes *p, const struct seep_space *space)
{
	struct traced_process *process = vec_push(&p->items, &p->nr, &p->cap);
	const struct traced_process *parent;
	char comm[SEEP_COMM_LEN + 1] = "";

	if (!process)
		return -ENOMEM;
	memcpy(comm, space->comm, SEEP_COMM_LEN);
	process->space = space->space;
	process->pid = space->tgid;
	process->exit_status = -1;
	process->comm = strdup(comm);
	if (!process->comm || hashmap_put(p->by_space, space->space, p->nr - 1) ||
	    hashmap_put(p->living, space->tgid, space->space))
		return -ENOMEM;
	recognise(p, process, space->reason == SEEP_SPACE_SEEN);
	parent = find(p, space->parent);
	if (parent && space->reason == SEEP_SPACE_FORK)
		inherit(process, parent);
	return 0;
}

int processes_note(struct processes *p, const struct seep_space *space)
{
	struct traced_process *process = find(p, space->space);

	if (space->kind == SEEP_SPACE_BEGIN)
		return process ? 0 : begin(p, space);
	if (process)
		process->ended = true;
	if (processes_space_of(p, space->tgid) == space->space)
		hashmap_remove(p->living, space->tgid);
	return 0;
}

uint64_t processes_rss(struct processes *p, uint32_t space)
{
	struct traced_process *process = find(p, space);
	uint64_t rss;

	if (!process)
		return 0;
	rss = process->ended ? 0 : process_rss(process->pid);
	if (rss)
		process->rss_last = rss;
	return process->rss_last;
}

uint32_t processes_last_space_of(const struct processes *p, pid_t pid)
{
	for (size_t i = p->nr; i-- > 0;)
		if (p->items[i].pid == pid)
			return p->items[i].space;
	return 0;
}

void processes_set_exit_status(struct processes *p, pid_t pid, int status)
{
	for (size_t i = p->nr; i-- > 0;) {
		if (p->items[i].pid != pid)
			continue;
		p->items[i].exit_status = status;
		return;
	}
}

void processes_each(const struct processes *p,
		    void (*fn)(void *context, const struct traced_process *process), void *context)
{
	for (size_t i = 0; i < p->nr; i++)
		if (!p->items[i].ended)
			fn(context, &p->items[i]);
}

void processes_describe(struct processes *p, uint32_t space, struct profile *profile,
			struct profile_process *row)
{
	const struct traced_process *process = find(p, space);

	if (!process)
		return;
	row->exe = profile_string(profile, process->exe);
	row->cgroup = profile_string(profile, process->cgroup);
	row->container = profile_string(profile, process->container);
	row->started = process->started;
	row->exit_status = process->exit_status;
	row->rss_start_bytes = process->rss_start;
	row->rss_bytes = processes_rss(p, space);
	row->exited |= process->ended;
}

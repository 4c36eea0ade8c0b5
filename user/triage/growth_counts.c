// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of the probe's tables, and their cleaning: ended processes stay in them, to be
 * asked about, until somebody found no room. A number of a process that came back is told from
 * the one before by when it was started.
 */
#include "triage/growth_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/vec.h"
#include "proc/maps.h"
#include "proc/process.h"

struct site_list {
	struct seep_growth_key *items;
	size_t nr, cap;
};

struct process_list {
	struct seep_growth_process *items;
	size_t nr, cap;
};

/* All keys of the map of sites: what changes meanwhile may be missed. */
static int list_sites(const struct growth_probe *probe, struct site_list *list)
{
	int fd = bpf_map__fd(probe->bpf->maps.sites);
	struct seep_growth_key key, *last = NULL, *item;

	/* A key that was taken out makes the kernel begin again: there must be an end. */
	while (list->nr < bpf_map__max_entries(probe->bpf->maps.sites) &&
	       bpf_map_get_next_key(fd, last, &key) == 0) {
		item = vec_push(&list->items, &list->nr, &list->cap);
		if (!item)
			return -ENOMEM;
		*item = key;
		last = &key;
	}
	return 0;
}

static int list_processes(const struct growth_probe *probe, struct process_list *list)
{
	int fd = bpf_map__fd(probe->bpf->maps.processes);
	struct seep_growth_process key, *last = NULL, *item;

	while (list->nr < bpf_map__max_entries(probe->bpf->maps.processes) &&
	       bpf_map_get_next_key(fd, last, &key) == 0) {
		item = vec_push(&list->items, &list->nr, &list->cap);
		if (!item)
			return -ENOMEM;
		*item = key;
		last = &key;
	}
	return 0;
}

/* The sum over all CPUs. */
static int read_counts(int fd, const void *key, struct seep_growth_counts *ret_counts)
{
	int nr = libbpf_num_possible_cpus();
	struct seep_growth_counts sum = { 0 }, *values;
	int err = 0;

	if (nr < 1)
		return -EINVAL;
	values = calloc((size_t)nr, sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, key, values) != 0)
		err = -errno;
	for (int i = 0; i < nr && !err; i++) {
		sum.faults += values[i].faults;
		sum.mapped += values[i].mapped;
		sum.unmapped += values[i].unmapped;
		sum.raised += values[i].raised;
		sum.lowered += values[i].lowered;
	}
	free(values);
	if (!err)
		*ret_counts = sum;
	return err;
}

static bool is_same(const struct seep_growth_process *a, const struct seep_growth_process *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks;
}

static bool is_living(const struct seep_growth_process *process)
{
	struct process_info info;

	return process_read((pid_t)process->pid, &info) == 0 &&
	       (uint32_t)info.start_ticks == process->start_ticks;
}

/* Stacks are shared: one goes when nobody living has it. */
static void drop_stacks(struct growth_probe *probe, const struct site_list *gone,
			const struct site_list *stay)
{
	int fd = bpf_map__fd(probe->bpf->maps.stacks);
	size_t bound = bpf_map__max_entries(probe->bpf->maps.stacks);
	uint8_t *used = calloc(bound + 1, 1);

	if (!used)
		return;
	for (size_t i = 0; i < stay->nr; i++)
		if (stay->items[i].stack >= 0 && (size_t)stay->items[i].stack < bound)
			used[stay->items[i].stack] = 1;
	for (size_t i = 0; i < gone->nr; i++)
		if (gone->items[i].stack >= 0 && (size_t)gone->items[i].stack < bound &&
		    !used[gone->items[i].stack])
			bpf_map_delete_elem(fd, &gone->items[i].stack);
	free(used);
}

static int by_process(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct seep_growth_process));
}

/* Parts the sites: those of living processes stay. */
static int drop_sites(struct growth_probe *probe, const struct process_list *living)
{
	struct site_list all = { 0 }, gone = { 0 }, stay = { 0 };
	int err = list_sites(probe, &all);

	for (size_t i = 0; i < all.nr && !err; i++) {
		bool lives = living->nr && bsearch(&all.items[i].process, living->items, living->nr,
						   sizeof(*living->items), by_process);
		struct site_list *list = lives ? &stay : &gone;
		struct seep_growth_key *item = vec_push(&list->items, &list->nr, &list->cap);

		if (!item)
			err = -ENOMEM;
		else
			*item = all.items[i];
	}
	for (size_t i = 0; i < gone.nr && !err; i++)
		bpf_map_delete_elem(bpf_map__fd(probe->bpf->maps.sites), &gone.items[i]);
	if (!err)
		drop_stacks(probe, &gone, &stay);
	free(all.items);
	free(gone.items);
	free(stay.items);
	return err;
}

int growth_forget_ended(struct growth_probe *probe)
{
	int fd = bpf_map__fd(probe->bpf->maps.processes);
	struct process_list list = { 0 };
	size_t kept = 0;
	int err = list_processes(probe, &list);

	for (size_t i = 0; i < list.nr && !err; i++) {
		if (is_living(&list.items[i]))
			list.items[kept++] = list.items[i];
		else
			bpf_map_delete_elem(fd, &list.items[i]);
	}
	list.nr = kept;
	if (list.nr)
		qsort(list.items, list.nr, sizeof(*list.items), by_process);
	err = err ?: drop_sites(probe, &list);
	free(list.items);
	return err;
}

/* The one that has the number now, or had it last. */
static int find_process(const struct growth_probe *probe, pid_t pid,
			struct seep_growth_process *ret_process)
{
	struct process_list list = { 0 };
	struct process_info info;
	int err = list_processes(probe, &list);
	const struct seep_growth_process *found = NULL;

	if (!err && process_read(pid, &info) != 0)
		info.start_ticks = UINT64_MAX;
	for (size_t i = 0; i < list.nr && !err; i++) {
		const struct seep_growth_process *one = &list.items[i];

		if (one->pid != (uint32_t)pid || (info.start_ticks != UINT64_MAX &&
						  one->start_ticks != (uint32_t)info.start_ticks))
			continue;
		if (!found || one->start_ticks > found->start_ticks)
			found = one;
	}
	if (found)
		*ret_process = *found;
	free(list.items);
	return err ? err : found ? 0 : -ENOENT;
}

static void read_frames(const struct growth_probe *probe, int32_t id, struct growth_stack *stack)
{
	uint64_t addresses[SEEP_GROWTH_FRAMES] = { 0 };

	if (id < 0 || bpf_map_lookup_elem(bpf_map__fd(probe->bpf->maps.stacks), &id, addresses))
		return;
	while (stack->nr_frames < GROWTH_FRAMES && addresses[stack->nr_frames]) {
		stack->frames[stack->nr_frames].address = addresses[stack->nr_frames];
		stack->nr_frames++;
	}
}

static int by_size(const void *left, const void *right)
{
	const struct growth_stack *a = left, *b = right;

	if (a->faults != b->faults)
		return a->faults > b->faults ? -1 : 1;
	return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

static int read_stacks(const struct growth_probe *probe, const struct seep_growth_process *process,
		       struct growth_counts *counts)
{
	int fd = bpf_map__fd(probe->bpf->maps.sites);
	struct site_list sites = { 0 };
	size_t cap = 0;
	int err = list_sites(probe, &sites);

	for (size_t i = 0; i < sites.nr && !err; i++) {
		struct seep_growth_counts sum;
		struct growth_stack *stack;

		if (!is_same(&sites.items[i].process, process) ||
		    read_counts(fd, &sites.items[i], &sum) != 0)
			continue;
		stack = vec_push(&counts->stacks, &counts->nr_stacks, &cap);
		if (!stack) {
			err = -ENOMEM;
			break;
		}
		stack->faults = sum.faults;
		stack->bytes = sum.mapped + sum.raised;
		read_frames(probe, sites.items[i].stack, stack);
	}
	free(sites.items);
	return err;
}

static void name_modules(pid_t pid, struct growth_counts *counts)
{
	struct maps maps;

	if (maps_read(pid, &maps) != 0)
		return;
	for (size_t i = 0; i < counts->nr_stacks; i++) {
		struct growth_stack *stack = &counts->stacks[i];

		for (size_t j = 0; j < stack->nr_frames; j++) {
			struct growth_frame *frame = &stack->frames[j];
			const struct mapping *mapping = maps_find(&maps, frame->address);

			if (!mapping || !mapping->path[0])
				continue;
			frame->module = strdup(mapping->path);
			frame->offset = frame->address - mapping->start + mapping->offset;
		}
	}
	maps_free(&maps);
}

int growth_probe_read(struct growth_probe *probe, pid_t pid, size_t max_stacks,
		      struct growth_counts *ret_counts)
{
	struct growth_counts counts = { 0 };
	struct seep_growth_process process;
	struct seep_growth_counts sum;
	int err = find_process(probe, pid, &process);

	err = err ?: read_counts(bpf_map__fd(probe->bpf->maps.processes), &process, &sum);
	err = err ?: read_stacks(probe, &process, &counts);
	if (err) {
		growth_counts_release(&counts);
		return err;
	}
	counts.faults = sum.faults;
	counts.mapped = (int64_t)(sum.mapped - sum.unmapped);
	counts.broken = (int64_t)(sum.raised - sum.lowered);
	if (counts.nr_stacks)
		qsort(counts.stacks, counts.nr_stacks, sizeof(*counts.stacks), by_size);
	if (counts.nr_stacks > max_stacks)
		counts.nr_stacks = max_stacks;
	name_modules(pid, &counts);
	*ret_counts = counts;
	return 0;
}

void growth_counts_release(struct growth_counts *counts)
{
	for (size_t i = 0; i < counts->nr_stacks; i++)
		for (size_t j = 0; j < counts->stacks[i].nr_frames; j++)
			free(counts->stacks[i].frames[j].module);
	free(counts->stacks);
	*counts = (struct growth_counts){ 0 };
}

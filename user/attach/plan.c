/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a file's allocator entry points to probes: what is left out and why, where each
 * probe sits, and what its cookie says. What --alloc means is in known_names.c.
 *
 * Left out are:
 * - functions that only jump to another entry point (operator delete to free): the other
 *   one's probe sees the call, with the same arguments;
 * - releases that end in another release in every case, for one call would be told twice;
 * - wrappers in sampled mode: an inner call is not recorded, but its draw would be a
 *   second chance;
 * - what may throw, unless asked for: an exception that passes a return probe's trampoline
 *   ends the process;
 * - an ending thread's cache in sampled mode: nothing of it is a sample;
 * - IFUNCs: the symbol's code picks the function and is no entry point.
 */
#include <elf.h>
#include <errno.h>
#include <linux/types.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/event.h"
#include "attach/entry_points.h"
#include "attach/forward.h"
#include "attach/known_names.h"
#include "attach/plan.h"
#include "base/vec.h"

/* How much to look at of a function whose size the symbol does not tell. */
enum { UNKNOWN_SIZE_LOOK = SITE_PROLOGUE_MOST };

struct making {
	const struct elf_file *file;
	const struct plan_options *options;
	const struct entry_points *points;
	struct plan *plan;
};

static int skip(struct plan *plan, const char *symbol, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int skip(struct plan *plan, const char *symbol, const char *format, ...)
{
	struct plan_skip *item = vec_push(&plan->skips, &plan->nr_skips, &plan->cap_skips);
	va_list arguments;
	int length;

	if (!item)
		return -ENOMEM;
	item->symbol = strdup(symbol);
	va_start(arguments, format);
	length = vasprintf(&item->reason, format, arguments);
	va_end(arguments);
	if (length < 0)
		item->reason = NULL;
	return item->symbol && item->reason ? 0 : -ENOMEM;
}

static bool is_release(uint8_t op)
{
	return op == SEEP_OP_FREE || op == SEEP_OP_RELEASE;
}

static bool is_pair(const struct entry_point *point)
{
	return point->op >= SEEP_OP_ACQUIRE;
}

/* The argument registers that a probe reads, as bits: the shapes of enum seep_op. */
static uint8_t argument_mask(const struct entry_point *point)
{
	static const uint8_t masks[SEEP_OP_COUNT] = {
		[SEEP_OP_MALLOC] = 1 << 0,
		[SEEP_OP_CALLOC] = 1 << 0 | 1 << 1,
		[SEEP_OP_REALLOC] = 1 << 0 | 1 << 1,
		[SEEP_OP_REALLOCARRAY] = 1 << 0 | 1 << 1 | 1 << 2,
		[SEEP_OP_MEMALIGN] = 1 << 1,
		[SEEP_OP_POSIX_MEMALIGN] = 1 << 0 | 1 << 2,
		[SEEP_OP_RESIZE] = 1 << 0 | 1 << 1,
		[SEEP_OP_STRDUP] = 1 << 0,
		[SEEP_OP_STRNDUP] = 1 << 0 | 1 << 1,
		[SEEP_OP_FREE] = 1 << 0,
	};

	if (point->op == SEEP_OP_ACQUIRE)
		return 0;
	if (is_pair(point))
		return 1 << (point->argument - 1);
	return masks[point->op] << point->argument;
}

static uint64_t cookie_of(const struct entry_point *point)
{
	uint64_t bits = 0;

	if (point->op == SEEP_OP_REALLOC && point->family->null_realloc_frees)
		bits |= SEEP_COOKIE_NULL_FREES;
	if (point->throws)
		bits |= SEEP_COOKIE_THROWS;
	return SEEP_COOKIE(point->op, point->family->id, point->argument, bits);
}

static const struct entry_point *point_at(const struct entry_points *points, uint64_t address)
{
	for (size_t i = 0; i < points->nr; i++)
		if (points->items[i].address == address && !is_pair(&points->items[i]))
			return &points->items[i];
	return NULL;
}

/*
 * The name of the entry point that an exit leads to; NULL when it is none. It may be
 * another file's: what is behind the PLT is whatever the loader finds first.
 */
static const char *exit_name(const struct making *making, const struct forward_exit *exit,
			     bool release)
{
	const struct entry_point *point;

	if (exit->symbol) {
		bool known = release ? known_names_is_release(exit->symbol)
				     : known_names_is_known(exit->symbol);

		return known ? exit->symbol : NULL;
	}
	point = point_at(making->points, exit->address);
	return point && is_release(point->op) == release ? point->symbol : NULL;
}

/* The entry point in which every way through the function ends; NULL when there is none. */
static const char *always_ends_in(const struct making *making, const struct forward *forward,
				  bool release)
{
	const char *name = NULL;

	if (forward->unknown && !forward->only_jumps)
		return NULL;
	for (size_t i = 0; i < forward->nr_jumps; i++) {
		name = exit_name(making, &forward->jumps[i], release);
		if (!name)
			return NULL;
	}
	/* A release may also call the other one and return. */
	for (size_t i = 0; release && !name && i < forward->nr_calls; i++)
		name = exit_name(making, &forward->calls[i], release);
	return name;
}

/* Sets *ret_left_out when the function hands its work over to another that is probed. */
static int check_forward(struct making *making, const struct entry_point *point, bool *ret_left_out)
{
	bool release = is_release(point->op), wrapper = point->wrapper;
	const char *target;
	struct forward forward;
	int err = 0;

	*ret_left_out = false;
	if (is_pair(point) || point->op == SEEP_OP_PURGE)
		return 0;
	forward_read(making->file, point->address, point->size, &forward);
	target = always_ends_in(making, &forward, release);
	if (target && (forward.only_jumps || release)) {
		*ret_left_out = true;
		err = skip(making->plan, point->symbol, "%s %s",
			   forward.only_jumps ? "only jumps to" : "ends in", target);
	} else if (making->options->sampled && (target || wrapper)) {
		*ret_left_out = true;
		err = skip(making->plan, point->symbol, "calls %s, where its blocks are sampled",
			   target ? target : "another entry point");
	}
	if (*ret_left_out && !err)
		making->plan->skips[making->plan->nr_skips - 1].covered = true;
	forward_free(&forward);
	return err;
}

static void choose_site(const struct making *making, const struct entry_point *point,
			struct plan_probe *probe)
{
	struct site_wish wish = {
		.machine = making->file->machine,
		.arguments = argument_mask(point),
		.needs_return = probe->needs_return,
		.nop5_is_free = making->options->nop5_is_free,
	};
	uint64_t look = point->size ? point->size : UNKNOWN_SIZE_LOOK;
	uint8_t code[SITE_CODE_MOST];
	size_t size;

	if (look > sizeof(code))
		look = sizeof(code);
	size = elf_file_read(making->file, point->address, code, look);
	if (making->options->entry_sites_only)
		site_entry(&wish, code, size, &probe->site);
	else
		site_choose(&wish, code, size, &probe->site);
}

static int add_probe(struct making *making, const struct entry_point *point)
{
	const struct elf_segment *segment = elf_file_code_segment(making->file, point->address);
	struct plan *plan = making->plan;
	struct plan_probe *probe = vec_push(&plan->probes, &plan->nr_probes, &plan->cap_probes);

	if (!probe)
		return -ENOMEM;
	probe->address = point->address;
	probe->size = point->size;
	probe->cookie = cookie_of(point);
	probe->is_release = is_release(point->op);
	probe->needs_return = !probe->is_release;
	choose_site(making, point, probe);
	probe->file_offset =
		point->address - segment->address + segment->offset + probe->site.offset;
	probe->symbol = strdup(point->symbol);
	if (point->aliases)
		probe->aliases = strdup(point->aliases);
	return probe->symbol && (!point->aliases || probe->aliases) ? 0 : -ENOMEM;
}

static int plan_point(struct making *making, const struct entry_point *point)
{
	struct plan *plan = making->plan;
	bool left_out;
	int err;

	if (point->op == SEEP_OP_PURGE && making->options->sampled)
		return 0;
	if (point->indirect)
		return skip(
			plan, point->symbol,
			"an indirect function (IFUNC): which one it stands for is not in the file");
	if (!elf_file_code_segment(making->file, point->address))
		return skip(plan, point->symbol, "its address is in no executable segment");
	err = check_forward(making, point, &left_out);
	if (err || left_out)
		return err;
	if (point->throws && !making->options->allow_throwing)
		return skip(plan, point->symbol,
			    "may throw, and an exception must not meet a return probe");
	return add_probe(making, point);
}

static int plan_points(struct making *making, bool releases)
{
	int err = 0;

	for (size_t i = 0; !err && i < making->points->nr; i++)
		if (is_release(making->points->items[i].op) == releases)
			err = plan_point(making, &making->points->items[i]);
	return err;
}

static bool defines(const struct entry_points *points, const char *symbol, bool release)
{
	for (size_t i = 0; i < points->nr; i++) {
		const struct entry_point *point = &points->items[i];

		if (is_pair(point) && is_release(point->op) == release &&
		    (strcmp(point->symbol, symbol) == 0 ||
		     (point->aliases && strstr(point->aliases, symbol))))
			return true;
	}
	return false;
}

/* A pair whose library this is and whose function is not there is a mistake to be told. */
static int check_pairs(struct making *making)
{
	int err = 0;

	for (size_t i = 0; !err && i < making->options->nr_pairs; i++) {
		const struct pair *pair = &making->options->pairs[i];

		if (!known_names_is_library(pair->library, making->plan->path))
			continue;
		if (!defines(making->points, pair->acquire, false))
			err = skip(making->plan, pair->acquire,
				   "this file defines no such function");
		if (!err && !defines(making->points, pair->release, true))
			err = skip(making->plan, pair->release,
				   "this file defines no such function");
	}
	return err;
}

static uint8_t main_family(const struct entry_points *points)
{
	if (points->owner)
		return points->owner->id;
	for (size_t i = 0; i < points->nr; i++)
		if (!is_pair(&points->items[i]))
			return points->items[i].family->id;
	return 0;
}

static int fill_plan(struct making *making)
{
	const struct entry_points *points = making->points;
	struct plan *plan = making->plan;
	int err = 0;

	plan->machine = making->file->machine;
	if (points->nr_symbols == 0)
		err = skip(plan, "*", "the file has no symbols: it is stripped");
	if (points->overflow)
		err = err
			      ?: skip(plan, "*", "more than %d entry points: the rest is left out",
				      ENTRY_POINTS_MOST);
	if (points->loader)
		return err;
	plan->family = main_family(points);
	err = err ?: plan_points(making, true);
	err = err ?: plan_points(making, false);
	return err ?: check_pairs(making);
}

int plan_make(int fd, const char *path, const struct plan_options *options, struct plan **ret_plan)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	struct entry_points points = { 0 };
	struct elf_file file;
	struct making making = { &file, options, &points, plan };
	int err = plan ? elf_file_open(fd, &file) : -ENOMEM;

	if (err) {
		free(plan);
		return err;
	}
	plan->path = strdup(path);
	err = plan->path ? entry_points_find(&file, path, options, &points) : -ENOMEM;
	if (!err)
		err = fill_plan(&making);
	entry_points_free(&points);
	elf_file_close(&file);
	if (err)
		plan_free(plan);
	else
		*ret_plan = plan;
	return err;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->nr_probes; i++) {
		free((char *)plan->probes[i].symbol);
		free(plan->probes[i].aliases);
	}
	for (size_t i = 0; i < plan->nr_skips; i++) {
		free(plan->skips[i].symbol);
		free(plan->skips[i].reason);
	}
	free(plan->probes);
	free(plan->skips);
	free(plan->path);
	free(plan);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the looks at objects have shown becomes rows of the profile. Knows which allocations
 * are the interpreter's own: those whose caller outside of allocators is in its file.
 */
#include "trace/tracer_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "trace/inner_cause.h"

enum {
	PLACE_TEXT = 240,
	LEAST_UNCLEAR = 100,
	TELLING_SHARE = 20, /* one in so many */
};

struct telling {
	struct profile *profile;
	uint32_t process; /* index */
	int error;
};

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "?";
}

static const char *module_name(const struct profile *profile, const struct profile_frame *frame)
{
	return frame->module == PROFILE_NONE ? NULL
					     : base_name(profile->modules[frame->module].path);
}

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/* "python3.11" and "libpython3.11.so" of "python", but no module of "cpython-311". */
static bool is_interpreter(const char *module, const char *runtime)
{
	return begins(module, runtime) ||
	       (begins(module, "lib") && begins(module + strlen("lib"), runtime));
}

/* What calls for others, or is called by all: not who is to blame. */
static bool is_go_between(const char *module)
{
	static const char *const names[] = { "libc.so", "libc-", "ld-", "libpthread", "libffi" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (begins(module, names[i]))
			return true;
	return false;
}

/* The frame that is to blame, and the interpreted function that called it; NULL none. */
struct blame {
	const struct profile_frame *native, *interpreted;
	bool own; /* the native one is the interpreter's */
};

static struct blame blame_of(const struct profile *profile, const struct profile_site *site,
			     const char *runtime)
{
	const struct profile_stack *stack =
		site->stack == PROFILE_NONE ? NULL : &profile->stacks[site->stack];
	struct blame blame = { .own = true };

	for (uint32_t i = 0; stack && i < stack->nr_frames && !blame.interpreted; i++) {
		const struct profile_frame *frame = &profile->frames[stack->frames[i]];
		const char *module = module_name(profile, frame);

		if (frame->flags & FRAME_ALLOCATOR)
			continue;
		if (!module) {
			blame.interpreted =
				frame->language && !strcmp(frame->language, runtime) ? frame : NULL;
			continue;
		}
		if (is_go_between(module) || !blame.own)
			continue;
		if (!blame.native || !is_interpreter(module, runtime)) {
			blame.native = frame;
			blame.own = is_interpreter(module, runtime);
		}
	}
	return blame;
}

static void name_place(const struct profile *profile, const struct blame *blame, char *text,
		       size_t size)
{
	const struct profile_frame *native = blame->native, *caller = blame->interpreted;
	size_t used = 0;

	text[0] = '\0';
	if (native && native->function)
		used = snprintf(text, size, "%.80s (%.60s)", native->function,
				module_name(profile, native));
	else if (native)
		used = snprintf(text, size, "%.60s+0x%" PRIx64, module_name(profile, native),
				native->offset);
	if (caller && caller->function && used < size)
		snprintf(text + used, size - used, "%s%.60s (%.60s:%" PRIu32 ")",
			 used ? ", called by " : "", caller->function, base_name(caller->file),
			 caller->line);
}

static bool is_memory(const struct profile_site *site)
{
	return strcmp(site->family, PROFILE_HANDLES) != 0 &&
	       strcmp(site->family, PROFILE_MAPPINGS) != 0;
}

static bool grows(const struct profile_site *site)
{
	return is_memory(site) && site->verdict == VERDICT_GROWING && site->growth_rate > 0 &&
	       site->live_count;
}

/* Rises, and hardly anything of it was given back; but more cannot be said. */
static bool may_grow(const struct profile_site *site)
{
	return is_memory(site) && site->verdict == VERDICT_TOO_LITTLE_DATA &&
	       site->growth_rate > 0 && site->live_count >= LEAST_UNCLEAR &&
	       site->free_count < site->live_count / 10;
}

/* Sums over the sites that grow; `place` is of PLACE_TEXT. */
static struct inner_native sum_sites(const struct telling *telling, const char *runtime, bool own,
				     bool (*wanted)(const struct profile_site *site), char *place)
{
	const struct profile *profile = telling->profile;
	struct inner_native sum = { .rate = 0 };
	double most = 0;

	for (size_t i = 0; i < profile->nr_sites; i++) {
		const struct profile_site *site = &profile->sites[i];
		struct blame blame;

		if (site->process != telling->process || !wanted(site))
			continue;
		blame = blame_of(profile, site, runtime);
		if (blame.own != own)
			continue;
		sum.rate += site->growth_rate;
		sum.blocks += site->growth_rate * (double)site->live_count /
			      (double)(site->live_bytes ? site->live_bytes : 1);
		if (site->growth_rate <= most)
			continue;
		most = site->growth_rate;
		name_place(profile, &blame, place, PLACE_TEXT);
		sum.place = *place ? place : NULL;
	}
	return sum;
}

static struct inner_container container_of(const struct why_container *c)
{
	return (struct inner_container){
		.path = c->path,
		.type = c->type,
		.holds = c->nr_holds && c->holds[0].share >= 0.5 ? c->holds[0].type : NULL,
		.length = c->length,
		.bytes = c->bytes,
		.growth = c->growth.delta,
		.capacity = c->capacity,
	};
}

/* The growing ones as the cause of the look has it; of those that grew once the largest. */
static void take_containers(const struct why *why, struct inner_cause_numbers *n)
{
	bool fills = why->cause.kind == CAUSE_FILLING;

	for (size_t i = 0; i < why->nr_containers; i++) {
		const struct why_container *c = &why->containers[i];

		if (c->own || !c->has_growth || c->growth.delta <= 0)
			continue;
		if (c->growth.trend == TREND_GROWING && (c->capacity > 0) == fills &&
		    c->growth.delta > n->growing.growth)
			n->growing = container_of(c);
		if (c->growth.trend == TREND_STEP && c->bytes > n->loaded.bytes)
			n->loaded = container_of(c);
	}
}

/* What each object is made of says less than whose objects they are. */
static bool is_common(const char *type)
{
	static const char *const names[] = {
		"tuple", "list",   "dict",	"set",	 "cell",      "function",
		"frame", "method", "traceback", "deque", "generator", "builtin_function_or_method",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(type, names[i]))
			return true;
	return false;
}

/* The commonest one that tells something, unless it is rare among all. */
static const char *telling_type(const struct census *census)
{
	for (size_t i = 0; i < census->nr_types; i++) {
		if (census->types[i].count * TELLING_SHARE < census->objects)
			break;
		if (!is_common(census->types[i].name))
			return census->types[i].name;
	}
	return census->nr_types ? census->types[0].name : NULL;
}

/* It called no allocator that was watched all the time, and its memory did not become more. */
static bool is_still(const struct profile *profile, const struct profile_process *process)
{
	return !profile->nr_bursts && !process->alloc_count && !process->free_count &&
	       process->rss_bytes <= process->rss_start_bytes;
}

/*
 * A list or a set has no limit of its own, whoever holds it. A dict may be that of an lru_cache,
 * and what has another name may be anything.
 */
static void take_unnamed(const struct inner_seen *seen, struct inner_cause_numbers *n)
{
	const char *type = seen->container.type;

	if (!type || seen->container.named ||
	    (strcmp(type, "list") != 0 && strcmp(type, "set") != 0))
		return;
	n->growing = (struct inner_container){
		.type = type,
		.length = seen->container.length,
		.growth = seen->container.growth,
		.capacity = -1,
	};
	n->cause = (struct cause){
		.kind = CAUSE_CONTAINER,
		.objects = seen->container.growth,
		.rate = seen->seconds > 0 ? (double)seen->container.growth / seen->seconds : 0,
	};
}

static struct inner_cause_numbers numbers_of(const struct telling *telling,
					     const struct inner_seen *seen)
{
	const struct profile_process *process = &telling->profile->processes[telling->process];
	const struct why *why = seen->counted_only ? NULL : seen->why;
	struct inner_cause_numbers n = {
		.looks = seen->looks,
		.seconds = seen->seconds,
		.holder_looks = seen->holder_looks,
		.counted_only = seen->counted_only,
		.grew = seen->grew,
		.objects = seen->objects,
		.objects_growth = seen->objects_growth,
		.type = seen->type,
		.type_growth = seen->type_growth,
		.gc_enabled = seen->gc_enabled,
		.cause = { .kind = CAUSE_NONE },
		.verdict = process->verdict,
		.still = is_still(telling->profile, process),
		.cpu_share = seen->cpu_share,
		.live_bytes = process->live_bytes,
		.rss_bytes = process->rss_bytes,
	};

	if (why) {
		n.cause = why->cause;
		n.modules_growth = why->modules_growth;
		n.dead_type = telling_type(why->dead);
		n.held_type = telling_type(why->held);
		n.garbage_type = telling_type(why->garbage);
		take_containers(why, &n);
	}
	if (n.cause.kind == CAUSE_NONE || n.cause.kind == CAUSE_TOO_LITTLE)
		take_unnamed(seen, &n);
	return n;
}

/* Of the cause: what leads to it. */
static void put_leader(struct profile *profile, const struct inner_cause_numbers *n,
		       enum inner_cause_kind kind, struct profile_objects *row)
{
	const struct inner_container *c = kind == INNER_OVERFLOW ? &n->loaded : &n->growing;

	if ((kind == INNER_CONTAINER || kind == INNER_FILLING || kind == INNER_OVERFLOW ||
	     (kind == INNER_NONE && c->path)) &&
	    c->type) {
		row->path = profile_string(profile, c->path);
		row->container = profile_string(profile, c->type);
		row->length = c->length;
		row->length_growth = (double)c->growth;
		row->type = profile_string(profile, c->holds);
	} else if (kind == INNER_CYCLE || kind == INNER_UNCOLLECTABLE ||
		   kind == INNER_HELD_FROM_C) {
		row->type = profile_string(profile, kind == INNER_CYCLE		? n->dead_type
						    : kind == INNER_HELD_FROM_C ? n->held_type
										: n->garbage_type);
		row->type_growth = (double)n->cause.objects;
	} else if (n->type) {
		row->type = profile_string(profile, n->type);
		row->type_growth = (double)n->type_growth;
	}
}

static int put_row(struct telling *telling, const struct inner_seen *seen,
		   const struct inner_cause_numbers *n, const struct inner_cause *cause)
{
	struct profile *profile = telling->profile;
	struct profile_objects *row =
		vec_push(&profile->objects, &profile->nr_objects, &profile->cap_objects);

	if (!row)
		return -ENOMEM;
	row->process = telling->process;
	row->collected_by = profile_string(profile, seen->runtime);
	row->cause = profile_string(profile, inner_cause_name(cause->kind));
	row->reason = profile_string(profile, cause->reason);
	row->looks = seen->looks;
	row->look_seconds = seen->seconds;
	row->look_cost = seen->cost;
	row->objects = seen->objects;
	row->objects_before = seen->objects - (uint64_t)seen->objects_growth;
	if (seen->gc_enabled >= 0)
		row->collector = profile_string(profile, seen->gc_enabled ? "on" : "off");
	if (seen->why && !seen->counted_only) {
		row->held = seen->why->held->objects;
		row->dead = seen->why->dead->objects;
		row->garbage = seen->why->garbage->objects;
	}
	row->native_rate = n->native.rate;
	row->place = profile_string(profile, n->native.place);
	put_leader(profile, n, cause->kind, row);
	return row->collected_by && row->cause ? 0 : -ENOMEM;
}

/* The memory of what fills up to its limit, or of code, is no leak. */
static void excuse_sites(const struct telling *telling, const char *runtime, bool loading)
{
	struct profile *profile = telling->profile;

	for (size_t i = 0; i < profile->nr_sites; i++) {
		struct profile_site *site = &profile->sites[i];

		if (site->process != telling->process || site->verdict != VERDICT_GROWING ||
		    !strcmp(site->family, PROFILE_HANDLES) || !blame_of(profile, site, runtime).own)
			continue;
		site->verdict = VERDICT_FILLING;
		site->evidence = profile_string(
			profile,
			loading ? "It is the interpreter's own memory, for imported modules."
				: "It is the interpreter's own memory, and a container fills up.");
	}
}

static void tell(void *context, const struct inner_seen *seen)
{
	struct telling *telling = context;
	struct profile_process *process = &telling->profile->processes[telling->process];
	char native_place[PLACE_TEXT], own_place[PLACE_TEXT], unclear_place[PLACE_TEXT];
	struct inner_cause_numbers n = numbers_of(telling, seen);
	struct inner_cause cause;

	n.native = sum_sites(telling, seen->runtime_name, false, grows, native_place);
	n.own = sum_sites(telling, seen->runtime_name, true, grows, own_place);
	n.unclear = sum_sites(telling, seen->runtime_name, false, may_grow, unclear_place);
	inner_cause_decide(&n, &cause);
	telling->error = put_row(telling, seen, &n, &cause);
	if (telling->error || process->exited)
		return;
	if (cause.verdict == process->verdict)
		return;
	if (cause.verdict == VERDICT_FILLING) {
		excuse_sites(telling, seen->runtime_name, cause.kind == INNER_LOADING);
		process->limit_seconds = process->limit_seconds_low = 0;
		process->limit_seconds_high = 0;
	}
	process->verdict = cause.verdict;
	process->evidence = profile_string(
		telling->profile, cause.kind == INNER_TOO_LITTLE
					  ? "Its objects were not looked at for long enough."
					  : "Its objects say so.");
}

/* An exec leaves rows of the same pid: the objects are of the last program. */
static bool is_last_of_pid(const struct profile *profile, size_t i)
{
	for (size_t j = 0; j < profile->nr_processes; j++)
		if (profile->processes[j].pid == profile->processes[i].pid &&
		    (profile->processes[j].generation > profile->processes[i].generation ||
		     (profile->processes[i].exited && !profile->processes[j].exited)))
			return false;
	return true;
}

int tracer_add_objects(struct tracer *t, struct profile *profile)
{
	for (size_t i = 0; t->inner && i < profile->nr_processes; i++) {
		struct telling telling = { .profile = profile, .process = i };

		if (is_last_of_pid(profile, i))
			inner_tell(t->inner, (pid_t)profile->processes[i].pid, tell, &telling);
		if (telling.error)
			return telling.error;
	}
	return 0;
}

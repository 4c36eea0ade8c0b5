// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the order of causes and their sentences. What a container or a leaked reference holds
 * may own memory of C, so that both grow: then the objects are the cause, unless C takes more
 * blocks than there are new objects, and more bytes than those hold. Memory that the
 * interpreter allocates for its objects proves nothing by itself: a cache that fills up to its
 * limit takes it too.
 */
#include "trace/inner_cause.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "heap/verdict.h"

enum {
	LEAST_LOOKS = 3,
	LEAST_OBJECTS = 1000, /* a second look at all types sees some hundred come and go */
	LOADED_BYTES = 16 << 20, /* as for an overflow of sites */
	BLOCKS_PER_OBJECT = 2, /* that an object of C may own */
	LEAST_MODULES = 20,
	MODULE_BYTES = 512 << 10, /* that one may take: code, names, tables */
	MODULE_OBJECTS = 3000,
};

static const double IDLE_SHARE = 0.0002; /* of a processor: who wakes up once in a second */

/* "12,300", in at most 27 characters */
static const char *count(uint64_t value, char *text)
{
	char digits[24];
	size_t length, to = 0;

	length = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[to++] = ',';
		text[to++] = digits[i];
	}
	text[to] = '\0';
	return text;
}

static const char *growth(int64_t value, char *text)
{
	text[0] = value < 0 ? '-' : '+';
	count(value < 0 ? -(uint64_t)value : (uint64_t)value, text + 1);
	return text;
}

__attribute__((format(printf, 2, 3))) static void say(struct inner_cause *c, const char *format,
						      ...)
{
	size_t used = strlen(c->reason);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(c->reason + used, sizeof(c->reason) - used, format, arguments);
	va_end(arguments);
}

static void say_place(struct inner_cause *c, const struct inner_native *n)
{
	char rate[16];

	verdict_bytes(n->rate, rate);
	say(c, "%s/s", rate);
	if (n->place)
		say(c, ", at %.240s", n->place);
}

/* Bytes a second that the objects which are the cause account for. */
static double objects_rate(const struct inner_cause_numbers *n)
{
	const struct inner_container *c = &n->growing;

	if (n->cause.kind != CAUSE_CONTAINER || !c->type || !c->length || n->seconds <= 0)
		return 0;
	return (double)c->bytes / (double)c->length * (double)c->growth / n->seconds;
}

static bool native_leads(const struct inner_cause_numbers *n)
{
	return n->native.rate > objects_rate(n) &&
	       n->native.blocks > BLOCKS_PER_OBJECT * n->cause.rate;
}

static bool is_loaded(const struct inner_cause_numbers *n)
{
	const struct inner_container *c = &n->loaded;

	return c->path && c->length && c->growth > 0 &&
	       (double)c->bytes / (double)c->length * (double)c->growth >= LOADED_BYTES;
}

/* What is imported takes memory, and stays, and comes to an end. */
static bool is_loading(const struct inner_cause_numbers *n)
{
	return n->modules_growth >= LEAST_MODULES &&
	       n->own.rate * n->seconds <= (double)n->modules_growth * MODULE_BYTES &&
	       n->objects_growth <= n->modules_growth * MODULE_OBJECTS;
}

static enum inner_cause_kind by_objects(const struct inner_cause_numbers *n)
{
	switch (n->cause.kind) {
	case CAUSE_CONTAINER:
		return INNER_CONTAINER;
	case CAUSE_CYCLE:
		return INNER_CYCLE;
	case CAUSE_UNCOLLECTABLE:
		return INNER_UNCOLLECTABLE;
	case CAUSE_HELD_FROM_C:
		return INNER_HELD_FROM_C;
	case CAUSE_FILLING:
		return INNER_FILLING;
	case CAUSE_NONE:
	case CAUSE_TOO_LITTLE:
		break;
	}
	return INNER_NONE;
}

static enum inner_cause_kind decide(const struct inner_cause_numbers *n)
{
	enum inner_cause_kind kind = by_objects(n);
	bool enough = n->looks >= LEAST_LOOKS;

	if (enough && n->native.rate > 0 && native_leads(n))
		return INNER_C_MODULE;
	if (kind != INNER_NONE)
		return kind;
	if (!enough)
		return INNER_TOO_LITTLE;
	if (is_loaded(n) || n->verdict == VERDICT_OVERFLOW)
		return INNER_OVERFLOW;
	if (is_loading(n))
		return INNER_LOADING;
	if (n->type && n->type_growth >= LEAST_OBJECTS)
		return INNER_OBJECTS;
	if (n->verdict == VERDICT_RETENTION)
		return INNER_RETENTION;
	if (n->own.rate > 0)
		return INNER_UNTRACKED;
	return INNER_NONE;
}

/*
 * CPython's own allocator calls malloc once for thousands of objects, and memory that was freed
 * before is filled without one more page: only who hardly ran has done nothing.
 */
static bool is_idle(const struct inner_cause_numbers *n)
{
	return n->still && n->objects_growth <= 0 && n->cpu_share < IDLE_SHARE;
}

/* Memory grows, and that no container of plain values does takes three answers to tell. */
static bool was_asked_too_little(const struct inner_cause_numbers *n)
{
	return n->grew && n->holder_looks < LEAST_LOOKS;
}

static enum profile_verdict verdict_of(const struct inner_cause_numbers *n,
				       enum inner_cause_kind kind)
{
	switch (kind) {
	case INNER_CONTAINER:
	case INNER_CYCLE:
	case INNER_UNCOLLECTABLE:
	case INNER_HELD_FROM_C:
	case INNER_C_MODULE:
		return VERDICT_LEAK;
	case INNER_FILLING:
		if (n->verdict == VERDICT_NONE || n->verdict == VERDICT_TOO_LITTLE_DATA)
			return VERDICT_FILLING;
		/* fall through */
	case INNER_LOADING:
		return n->verdict == VERDICT_LEAK && !n->native.rate ? VERDICT_FILLING : n->verdict;
	case INNER_OVERFLOW:
		return n->verdict == VERDICT_NONE || n->verdict == VERDICT_TOO_LITTLE_DATA
			       ? VERDICT_OVERFLOW
			       : n->verdict;
	case INNER_TOO_LITTLE:
		/* Objects may grow where no allocator's call tells of it; not where there is none.
		 */
		return n->verdict == VERDICT_NONE && !is_idle(n) ? VERDICT_TOO_LITTLE_DATA
								 : n->verdict;
	case INNER_OBJECTS:
		/* They may be of a cache whose limit was not seen; but nothing clears it. */
		return n->verdict == VERDICT_NONE ? VERDICT_TOO_LITTLE_DATA : n->verdict;
	case INNER_NONE:
		return n->verdict == VERDICT_NONE && was_asked_too_little(n)
			       ? VERDICT_TOO_LITTLE_DATA
			       : n->verdict;
	default:
		return n->verdict;
	}
}

static void say_container(struct inner_cause *cause, const struct inner_cause_numbers *n,
			  const struct inner_container *c, const char *what)
{
	char grown[33], length[32], capacity[32];

	if (!c->type)
		return;
	if (c->path)
		say(cause, "%s: %.240s (%.60s)", what, c->path, c->type);
	else
		say(cause, "%s: one of type %.60s,", what, c->type);
	say(cause, " %s items in %.0f s, now %s", growth(c->growth, grown), n->seconds,
	    count(c->length, length));
	if (c->holds)
		say(cause, ", mostly %.60s", c->holds);
	if (c->capacity > 0)
		say(cause, "; it stops at %s", count((uint64_t)c->capacity, capacity));
	say(cause, ".");
}

static const char *of_type(const char *type, char text[80])
{
	snprintf(text, 80, "%s%.60s", type ? ", mostly " : "", type ? type : "");
	return text;
}

static void say_objects(struct inner_cause *c, const struct inner_cause_numbers *n)
{
	char objects[32], type[80];

	count(n->cause.objects > 0 ? (uint64_t)n->cause.objects : 0, objects);
	if (c->kind == INNER_CYCLE)
		say(c, "Cycles are not collected: %s; %s dead objects%s.",
		    n->gc_enabled == 0 ? "gc is disabled" : "gc.freeze() is called again and again",
		    objects, of_type(n->dead_type, type));
	else if (c->kind == INNER_UNCOLLECTABLE)
		say(c, "The collector gave up %s objects in cycles, which are in gc.garbage%s.",
		    objects, of_type(n->garbage_type, type));
	else
		say(c,
		    "Objects are held by C alone: %s more in %.0f s%s. A C module does not give "
		    "references back (a missing DECREF).",
		    objects, n->seconds, of_type(n->held_type, type));
}

static void say_flat(struct inner_cause *c, const struct inner_cause_numbers *n)
{
	char objects[32], grown[33];

	say(c, "Objects: %s, %s in %.0f s", count(n->objects, objects),
	    growth(n->objects_growth, grown), n->seconds);
}

/* Nothing is proven, but something may come of it. */
static void say_unclear(struct inner_cause *c, const struct inner_cause_numbers *n)
{
	const struct inner_container *rising = &n->growing;
	char grown[33];

	if (c->kind == INNER_NONE && c->verdict == VERDICT_TOO_LITTLE_DATA &&
	    was_asked_too_little(n))
		say(c, "; resident memory grows, and it was asked too seldom who holds it: trace "
		       "for longer.");
	else if (c->kind == INNER_NONE && rising->path && rising->growth < CAUSE_LEAST)
		say(c,
		    "; %.240s (%.60s) rises, %s items, which is too few to tell: trace for longer.",
		    rising->path, rising->type ? rising->type : "?", growth(rising->growth, grown));
	else
		say(c, "; no container keeps growing.");
	if (n->unclear.rate <= 0)
		return;
	say(c, " Memory of C rises by ");
	say_place(c, &n->unclear);
	say(c, ", but may be given back later: trace for longer.");
}

static void say_memory(struct inner_cause *c, const struct inner_cause_numbers *n)
{
	char live[16], rss[16], grown[33];

	if (c->kind == INNER_OVERFLOW && is_loaded(n)) {
		say_container(c, n, &n->loaded, "A container was loaded at once");
		return;
	}
	say_flat(c, n);
	switch (c->kind) {
	case INNER_C_MODULE:
		say(c, "; memory of C grows by ");
		say_place(c, &n->native);
		say(c, ": a C module leaks.");
		break;
	case INNER_UNTRACKED:
		say(c, "; the interpreter's own memory grows by ");
		say_place(c, &n->own);
		say(c, ": strings, bytes or buffers, which the collector does not list.");
		break;
	case INNER_LOADING:
		say(c, "; modules are imported, %s so far.", growth(n->modules_growth, grown));
		break;
	case INNER_RETENTION:
		verdict_bytes(n->live_bytes, live);
		verdict_bytes(n->rss_bytes, rss);
		say(c, "; %s outstanding, %s resident: the allocators keep what was freed.", live,
		    rss);
		break;
	case INNER_OBJECTS:
		say(c, "; %.60s %s, in no container that grows by itself%s.", n->type,
		    growth(n->type_growth, grown),
		    n->holder_looks < LEAST_LOOKS ? ", as far as it was asked" : "");
		break;
	case INNER_OVERFLOW:
		say(c, "; much was loaded at once, and no container keeps growing.");
		break;
	default:
		say_unclear(c, n);
	}
}

static void explain(struct inner_cause *c, const struct inner_cause_numbers *n)
{
	switch (c->kind) {
	case INNER_TOO_LITTLE:
		say(c,
		    "Its objects were looked at %s only, and three looks tell what grows: trace "
		    "for longer.",
		    n->looks == 1 ? "once" : "twice");
		break;
	case INNER_CONTAINER:
		say_container(c, n, &n->growing, "A container grows");
		break;
	case INNER_FILLING:
		say_container(c, n, &n->growing, "A container fills up");
		break;
	case INNER_CYCLE:
	case INNER_UNCOLLECTABLE:
	case INNER_HELD_FROM_C:
		say_objects(c, n);
		break;
	default:
		say_memory(c, n);
	}
	if (n->counted_only)
		say(c, " There are too many objects to ask who holds them: seep why does.");
	if (c->kind != INNER_CYCLE && n->gc_enabled == 0)
		say(c, " gc is disabled.");
}

void inner_cause_decide(const struct inner_cause_numbers *n, struct inner_cause *ret_cause)
{
	struct inner_cause cause = { .kind = decide(n) };

	cause.verdict = verdict_of(n, cause.kind);
	explain(&cause, n);
	*ret_cause = cause;
}

const char *inner_cause_name(enum inner_cause_kind kind)
{
	static const char *const names[] = {
		[INNER_TOO_LITTLE] = "too little data",
		[INNER_NONE] = "none",
		[INNER_CONTAINER] = "container",
		[INNER_FILLING] = "filling",
		[INNER_LOADING] = "loading",
		[INNER_CYCLE] = "cycle",
		[INNER_UNCOLLECTABLE] = "uncollectable",
		[INNER_HELD_FROM_C] = "held from C",
		[INNER_C_MODULE] = "C module",
		[INNER_OVERFLOW] = "overflow",
		[INNER_RETENTION] = "retention",
		[INNER_OBJECTS] = "objects",
		[INNER_UNTRACKED] = "untracked",
	};

	return names[kind];
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the look of holders on a terminal. Knows no runtime by name. */
#include "report/why.h"

#include "report/objects_text.h"
#include "report/words.h"

static const char *grown(struct words *words, const struct why_container *c)
{
	return c->has_growth ? words_signed_count(words, c->growth.delta) : "-";
}

static void put_holds(FILE *out, const struct why_container *c)
{
	for (size_t i = 0; i < c->nr_holds; i++) {
		struct words share;

		fputs(i ? ", " : "", out);
		objects_text_name(out, c->holds[i].type);
		fprintf(out, " %s", words_share(&share, c->holds[i].share, 1));
	}
}

static void put_container(FILE *out, const struct why_container *c)
{
	struct words length, growth, bytes, limit;
	bool moves = c->has_growth && c->growth.trend != TREND_FLAT &&
		     c->growth.trend != TREND_UNKNOWN;

	fprintf(out, "  %12s %12s %12s  ", words_count(&length, c->length), grown(&growth, c),
		words_bytes(&bytes, c->bytes));
	objects_text_name(out, c->type);
	fputs("  ", out);
	objects_text_name(out, c->path);
	fputs("\n", out);
	if (!c->nr_holds && c->capacity < 0 && !moves)
		return;
	fprintf(out, "  %40s", "");
	if (c->nr_holds)
		fputs("of ", out);
	put_holds(out, c);
	if (c->capacity > 0)
		fprintf(out, "%sup to %s", c->nr_holds ? "; " : "",
			words_count(&limit, (uint64_t)c->capacity));
	if (moves)
		fprintf(out, "%s%s", c->nr_holds || c->capacity > 0 ? "; " : "",
			growth_trend_name(c->growth.trend));
	fputs("\n", out);
}

static void put_containers(FILE *out, const struct why *why)
{
	fputs("\n  Containers: those that grew, then the longest and those that hold most\n", out);
	fputs("        length        grown        holds  type  path\n", out);
	for (size_t i = 0; i < why->nr_containers; i++)
		put_container(out, &why->containers[i]);
	if (!why->nr_containers)
		fputs("  none of 16 items or more\n", out);
}

static void put_types(FILE *out, const struct census *census, size_t limit)
{
	size_t nr = limit && limit < census->nr_types ? limit : census->nr_types;

	for (size_t i = 0; i < nr; i++) {
		struct words count;

		fputs(i ? ", " : ": ", out);
		objects_text_name(out, census->types[i].name);
		fprintf(out, " %s", words_count(&count, census->types[i].count));
	}
	if (nr < census->nr_types)
		fprintf(out, " and %zu more types", census->nr_types - nr);
	fputs("\n", out);
}

static void put_unreached(FILE *out, const struct why *why, size_t limit)
{
	struct words count, bytes;

	fputs("\n  Reached from no module, thread or variable of C:\n", out);
	fprintf(out, "  %12s objects held from C, with what they hold %s",
		words_count(&count, why->held->objects), words_bytes(&bytes, why->held_bytes));
	put_types(out, why->held, limit);
	fprintf(out, "  %12s objects in dead cycles, to be collected, %s",
		words_count(&count, why->dead->objects), words_bytes(&bytes, why->dead_bytes));
	put_types(out, why->dead, limit);
	if (!why->garbage->objects)
		return;
	fprintf(out, "  %12s objects that the collector gave up",
		words_count(&count, why->garbage->objects));
	put_types(out, why->garbage, limit);
}

static void put_paths(FILE *out, const struct why *why, const char *type, size_t limit)
{
	size_t nr = limit && limit < why->nr_paths ? limit : why->nr_paths;
	struct words of_type, sampled;

	fprintf(out, "\n  %s objects of type ", words_count(&of_type, why->of_type));
	objects_text_name(out, type);
	fprintf(out, "; the paths to %s of them:\n", words_count(&sampled, why->sampled));
	for (size_t i = 0; i < nr; i++) {
		struct words count;

		fprintf(out, "  %12s  ", words_count(&count, why->paths[i].count));
		objects_text_name(out, why->paths[i].shape);
		fprintf(out, "\n  %12s  such as ", "");
		objects_text_name(out, why->paths[i].example);
		fputs("\n", out);
	}
	if (nr < why->nr_paths)
		fprintf(out, "  and %zu more kinds of path\n", why->nr_paths - nr);
}

/* The container that the cause is about: the first that grows steadily. */
static const struct why_container *leader(const struct why *why, bool limited)
{
	for (size_t i = 0; i < why->nr_containers; i++) {
		const struct why_container *c = &why->containers[i];

		if (c->has_growth && c->growth.trend == TREND_GROWING &&
		    (c->capacity > 0) == limited)
			return c;
	}
	return NULL;
}

static void put_container_cause(FILE *out, const struct why *why)
{
	bool fills = why->cause.kind == CAUSE_FILLING;
	const struct why_container *c = leader(why, fills);
	struct words length, delta, rate, capacity;

	if (!c)
		return;
	fprintf(out, fills ? "filling: a " : "container: a ");
	objects_text_name(out, c->type);
	fprintf(out, fills ? " fills up, " : " keeps growing, ");
	objects_text_name(out, c->path);
	fprintf(out, ": %s items, %s, %s a second", words_count(&length, c->length),
		grown(&delta, c),
		words_count(&rate, c->growth.rate > 0 ? (uint64_t)c->growth.rate : 0));
	if (fills)
		fprintf(out, "; it stops at %s", words_count(&capacity, (uint64_t)c->capacity));
	fputs("\n", out);
}

static void put_verdict(FILE *out, const struct why *why)
{
	struct words objects, rate;

	words_count(&objects, (uint64_t)why->cause.objects);
	words_count(&rate, why->cause.rate > 0 ? (uint64_t)why->cause.rate : 0);
	fputs("\n  Verdict: ", out);
	switch (why->cause.kind) {
	case CAUSE_TOO_LITTLE:
		fputs("too little data: three looks tell what grows (--every 10 --count 4)\n", out);
		break;
	case CAUSE_NONE:
		fputs("none: no container keeps growing, nor does what is held from C\n", out);
		break;
	case CAUSE_CONTAINER:
	case CAUSE_FILLING:
		put_container_cause(out, why);
		break;
	case CAUSE_CYCLE:
		fprintf(out,
			"cycle: the collector is off, and %s objects in dead cycles wait for it",
			objects.text);
		put_types(out, why->dead, 3);
		break;
	case CAUSE_UNCOLLECTABLE:
		fprintf(out, "uncollectable: the collector gave up %s objects", objects.text);
		put_types(out, why->garbage, 3);
		break;
	case CAUSE_HELD_FROM_C:
		fprintf(out,
			"held from C: %s more objects that only C holds, %s a second (a missing "
			"DECREF?)",
			objects.text, rate.text);
		put_types(out, why->held, 3);
		break;
	}
}

static void put_how(FILE *out, const struct why_process *p)
{
	struct words objects, bytes, seconds;

	fprintf(out, "  %s objects, %s; looked at in %s, not stopped\n",
		words_count(&objects, p->why->objects), words_bytes(&bytes, p->why->bytes),
		words_seconds(&seconds, p->why->seconds));
	if (!p->why->consistent)
		fputs("  Not exact: it was collecting garbage each time it was looked at\n", out);
	if (p->why->cut)
		fputs("  Not complete: it took too long, or there was too much\n", out);
}

static void put_process(FILE *out, const struct why_report *report, const struct why_process *p)
{
	objects_text_title(out, p->pid, p->comm, p->runtime, p->version);
	if (p->error)
		fprintf(out, "  %s\n", p->error);
	if (!p->why)
		return;
	put_how(out, p);
	if (report->type)
		put_paths(out, p->why, report->type, report->limit);
	else
		put_containers(out, p->why);
	put_unreached(out, p->why, report->limit);
	put_verdict(out, p->why);
}

int why_write_text(const struct why_report *report, FILE *out)
{
	for (size_t i = 0; i < report->nr; i++) {
		if (i)
			fputs("\n", out);
		put_process(out, report, &report->processes[i]);
	}
	return objects_text_end(out);
}

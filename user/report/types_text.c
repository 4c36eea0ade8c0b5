// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the look of a census on a terminal. Knows no runtime by name. */
#include "report/types.h"

#include <inttypes.h>

#include "report/objects_text.h"
#include "report/words.h"

static const char *rate(struct words *words, double value)
{
	double size = value < 0 ? -value : value;
	int digits = size >= 100 || size == 0 ? 0 : size >= 1 ? 1 : 3;

	snprintf(words->text, sizeof(words->text), "%+.*f", digits, value == 0 ? 0 : value);
	return words->text;
}

static const char *known(struct words *words, int64_t value)
{
	if (value < 0)
		snprintf(words->text, sizeof(words->text), "?");
	else
		words_count(words, (uint64_t)value);
	return words->text;
}

static size_t counted(const struct types_report *report)
{
	size_t nr = 0;

	for (size_t i = 0; i < report->nr; i++)
		nr += report->processes[i].census && !report->processes[i].error;
	return nr;
}

static void put_title(FILE *out, const struct types_report *report, const struct types_process *p)
{
	if (!p->pid) {
		fprintf(out, "All %zu processes together\n", counted(report));
		return;
	}
	objects_text_title(out, p->pid, p->comm, p->runtime, p->version);
}

static void put_how(FILE *out, const struct types_process *p)
{
	const struct census *census = p->census;
	struct words objects, bytes, seconds, held;

	fprintf(out, "  %s objects, %s of their own; counted in %s, ",
		words_count(&objects, census->objects), words_bytes(&bytes, census->bytes),
		words_seconds(&seconds, census->seconds));
	if (census->paused)
		fprintf(out, "held for %s\n", words_seconds(&held, census->pause_seconds));
	else
		fputs("not stopped\n", out);
	if (!census->consistent)
		fputs("  Not exact: it was collecting garbage or giving memory back each time it "
		      "was "
		      "looked at\n",
		      out);
	if (census->types_dropped)
		fprintf(out, "  Not exact: %s objects of more types than there is room for\n",
			words_count(&objects, census->types_dropped));
}

static void put_generations(FILE *out, const struct runtime_gc *gc)
{
	fputs("  generation  threshold       count   collections     collected  uncollectable\n",
	      out);
	for (size_t i = 0; i < gc->nr_generations; i++) {
		const struct runtime_generation *g = &gc->generations[i];
		struct words threshold, count, collections, collected, uncollectable;

		fprintf(out, "  %10zu %10s %11s %13s %13s %14s\n", i,
			known(&threshold, g->threshold), known(&count, g->count),
			known(&collections, g->collections), known(&collected, g->collected),
			known(&uncollectable, g->uncollectable));
	}
}

static void put_collector(FILE *out, const struct runtime_gc *gc)
{
	struct words garbage, frozen;

	fprintf(out, "  Collector %s; in gc.garbage %s, frozen %s",
		gc->enabled < 0 ? "not known to be on or off"
		: gc->enabled	? "on"
				: "OFF: cycles are never freed",
		known(&garbage, gc->garbage), known(&frozen, gc->frozen));
	if (gc->interpreters > 1)
		fprintf(out, "; %zu interpreters", gc->interpreters);
	fputs("\n", out);
	if (gc->caveat)
		fprintf(out, "  Note: %s\n", gc->caveat);
	put_generations(out, gc);
}

static size_t shown(const struct types_report *report, size_t nr)
{
	return report->limit && report->limit < nr ? report->limit : nr;
}

static void put_rest(FILE *out, size_t nr, size_t rows)
{
	if (rows < nr)
		fprintf(out, "  and %zu more types (--limit 0 shows all)\n", nr - rows);
}

static void put_types(FILE *out, const struct types_report *report, const struct census *census)
{
	size_t rows = shown(report, census->nr_types);

	fputs("\n         count        bytes  type\n", out);
	for (size_t i = 0; i < rows; i++) {
		const struct census_type *type = &census->types[i];
		struct words count, bytes;

		fprintf(out, "  %12s %12s  ", words_count(&count, type->count),
			words_bytes(&bytes, type->bytes));
		objects_text_name(out, type->name);
		fputs("\n", out);
	}
	put_rest(out, census->nr_types, rows);
}

/* Types that are as they were say nothing here. */
static size_t changed_types(const struct growth *growth)
{
	size_t nr = 0;

	for (size_t i = 0; i < growth->nr_types; i++)
		nr += growth->types[i].delta || growth->types[i].last_delta;
	return nr;
}

static void put_change(FILE *out, const struct growth_type *type)
{
	struct words count, delta, last, per_second, bytes;

	fprintf(out, "  %12s %12s %12s %10s %12s  %-9s  ", words_count(&count, type->count),
		words_signed_count(&delta, type->delta),
		words_signed_count(&last, type->last_delta), rate(&per_second, type->rate),
		words_signed_bytes(&bytes, type->bytes_delta), growth_trend_name(type->trend));
	objects_text_name(out, type->name);
	fputs(type->is_new ? " (new)\n" : "\n", out);
}

static void put_growth(FILE *out, const struct types_report *report, const struct growth *growth)
{
	size_t changed = changed_types(growth), rows = shown(report, changed), put = 0;

	fputs("\n         count        grown    last time   a second        bytes  trend      "
	      "type\n",
	      out);
	for (size_t i = 0; i < growth->nr_types && put < rows; i++) {
		const struct growth_type *type = &growth->types[i];

		if (!type->delta && !type->last_delta)
			continue;
		put_change(out, type);
		put++;
	}
	put_rest(out, changed, rows);
}

static void put_verdict(FILE *out, const struct growth *growth)
{
	struct words delta, per_second, seconds, leads, leads_rate;

	fputs("\n  Verdict: ", out);
	switch (growth->verdict) {
	case GROWTH_TOO_LITTLE:
		fputs("too little data: three censuses at least tell growth from chance\n", out);
		return;
	case GROWTH_NONE:
		fputs("no type keeps growing", out);
		break;
	case GROWTH_ONCE:
		fputs("grew, and has stopped or slows down", out);
		break;
	case GROWTH_STEADY:
		fprintf(out, "objects keep growing, ");
		objects_text_name(out, growth->leader->name);
		fprintf(out, " most: %s (%s a second)",
			words_signed_count(&leads, growth->leader->delta),
			rate(&leads_rate, growth->leader->rate));
		break;
	}
	fprintf(out, "; all objects %s in %s (%s a second)\n",
		words_signed_count(&delta, growth->delta), words_seconds(&seconds, growth->seconds),
		rate(&per_second, growth->rate));
}

static void put_process(FILE *out, const struct types_report *report, const struct types_process *p)
{
	put_title(out, report, p);
	if (p->error)
		fprintf(out, "  %s\n", p->error);
	if (!p->census)
		return;
	put_how(out, p);
	if (p->gc)
		put_collector(out, p->gc);
	if (p->growth && p->growth->censuses > 1) {
		put_growth(out, report, p->growth);
		put_verdict(out, p->growth);
	} else {
		put_types(out, report, p->census);
	}
}

int types_write_text(const struct types_report *report, FILE *out)
{
	if (report->together) {
		put_process(out, report, report->together);
		fputs("\n", out);
	}
	for (size_t i = 0; i < report->nr; i++) {
		if (i)
			fputs("\n", out);
		put_process(out, report, &report->processes[i]);
	}
	return objects_text_end(out);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way from the functions that call frame information lists to the rows of a
 * table. Functions are taken by address, in one sweep over the text:
 *
 *   - where two overlap, the one that starts later holds from its start (search tables
 *     give the same answer), but .debug_frame only fills what .eh_frame leaves;
 *   - text between functions gets rule 0, or that of signals where a C library's signal
 *     restorer, which has no call frame information of its own, is found by its bytes;
 *   - what Go's functions that change stacks do is known better than it is described;
 *   - for a call-site table, a row is only kept where a call may be. A dropped row leaves
 *     its addresses to the row before.
 *
 * Files are hostile: the numbers of functions, rows, rules and pages are bounded, and the
 * text and every program are looked at once.
 */
#include "stack/cfi_compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "stack/cfi_code.h"
#include "stack/cfi_pages.h"
#include "stack/cfi_program.h"
#include "stack/go_stacks.h"

enum {
	MAX_SOURCES = 4,
	MAX_LOOK_AHEAD = 64, /* functions that may start inside another */
	KEPT_ANYWAY = 1 << SEEP_PAGE_SHIFT, /* bytes without call frame information */
};

/* Executable addresses; ranges are ascending and apart. */
struct range {
	uint64_t start, end;
};

struct compile {
	const struct cfi_image *image;
	bool full;
	struct cfi_section sources[MAX_SOURCES];
	size_t nr_sources;
	struct cfi_entries entries;
	struct go_stacks go;
	size_t nr_eh; /* FDEs of .eh_frame: the first by order */
	struct cfi_code *code;
	struct range *ranges;
	size_t nr_ranges, cap_ranges;
	size_t range; /* the first that the sweep has not passed */
	struct cfi_rows rows; /* of the function at hand */
	struct cfi_rules *kept_rules; /* of rows that are kept */
	uint16_t *kept_id; /* by number in rows.rules; 0 not yet */
	struct cfi_pages pages;
	struct unwind_table_stats stats;
};

static int add_source(struct compile *compile,
		      int (*find)(const struct cfi_image *image, struct cfi_section *ret_section))
{
	struct cfi_section *section = &compile->sources[compile->nr_sources];
	int err = find(compile->image, section);

	/* A damaged section is as good as none. */
	if (err)
		return err == -ENOMEM ? err : 0;
	compile->nr_sources++;
	return cfi_entries_add(&compile->entries, section);
}

static int add_known(struct compile *compile)
{
	struct go_stacks *go = &compile->go;
	int err = go_stacks_find(compile->image, go);

	for (size_t i = 0; !err && i < go->nr; i++)
		err = cfi_entries_add_known(&compile->entries, go->changes[i].start,
					    go->changes[i].end, go->changes[i].cfa);
	return err;
}

static int collect(struct compile *compile)
{
	int err = add_known(compile);
	size_t known = compile->entries.nr_fdes;

	if (!err)
		err = add_source(compile, cfi_image_eh_section);
	if (!err && compile->entries.nr_fdes == known)
		err = add_source(compile, cfi_image_eh_header);
	if (!err && compile->entries.nr_fdes == known)
		err = add_source(compile, cfi_image_eh_search);
	compile->nr_eh = compile->entries.nr_fdes;
	if (!err)
		err = add_source(compile, cfi_image_debug_section);
	if (!err)
		cfi_entries_sort(&compile->entries);
	return err;
}

static int collect_ranges(struct compile *compile)
{
	for (size_t i = 0; i < compile->image->nr_segments; i++) {
		const struct cfi_segment *segment = &compile->image->segments[i];
		struct range *last, *range;
		uint64_t end = segment->address + segment->size;

		if (!segment->executable)
			continue;
		last = compile->nr_ranges ? &compile->ranges[compile->nr_ranges - 1] : NULL;
		if (last && segment->address <= last->end) {
			last->end = end > last->end ? end : last->end;
			continue;
		}
		range = vec_push(&compile->ranges, &compile->nr_ranges, &compile->cap_ranges);
		if (!range)
			return -ENOMEM;
		range->start = segment->address;
		range->end = end;
	}
	return compile->nr_ranges ? 0 : -ENOENT;
}

/* `rule` as numbered while programs run. */
static int add_row(struct compile *compile, uint64_t pc, uint16_t rule)
{
	uint16_t *id = &compile->kept_id[rule];
	const struct seep_unwind_rule *all;
	size_t nr;

	if (rule && !*id) {
		int err;

		all = cfi_rules_all(compile->rows.rules, &nr);
		err = cfi_rules_add(compile->kept_rules, &all[rule], id);
		if (err)
			return err;
	}
	return cfi_pages_add(&compile->pages, pc, *id);
}

/* Signal restorers in text that nothing is known of. */
static int add_restorers(struct compile *compile, uint64_t start, uint64_t end)
{
	static const struct seep_unwind_rule signal_rule = { .cfa = SEEP_CFA_SIGNAL };
	uint64_t address;
	size_t length;
	uint16_t id;
	int err = cfi_rules_add(compile->rows.rules, &signal_rule, &id);

	if (err)
		return err == -ENOSPC ? 0 : err;
	while ((length = cfi_code_find_restorer(compile->code, start, end, &address))) {
		/* A handler returns to its first byte, and is looked up one before. */
		err = add_row(compile, address > start ? address - 1 : address, id);
		if (!err)
			err = add_row(compile, address + length, SEEP_UNWIND_NO_RULE);
		if (err)
			return err;
		compile->stats.restorers++;
		start = address + length;
	}
	return 0;
}

/* Text of one range that no function covers. */
static int add_gap(struct compile *compile, uint64_t start, uint64_t end)
{
	int err = 0;

	if (start == end)
		return 0;
	if (compile->full || end - start >= KEPT_ANYWAY ||
	    cfi_code_has_call(compile->code, start, end))
		err = add_row(compile, start, SEEP_UNWIND_NO_RULE);
	return err ? err : add_restorers(compile, start, end);
}

/* From where the sweep is to the next function, or to the end of all text. */
static int add_gaps(struct compile *compile, uint64_t start, uint64_t end)
{
	for (; compile->range < compile->nr_ranges; compile->range++) {
		const struct range *range = &compile->ranges[compile->range];
		uint64_t from = start > range->start ? start : range->start;
		uint64_t to = end < range->end ? end : range->end;
		int err = from < to ? add_gap(compile, from, to) : 0;

		if (err)
			return err;
		if (end <= range->end && end != UINT64_MAX)
			return 0;
		err = add_row(compile, range->end, SEEP_UNWIND_NO_RULE);
		if (err)
			return err;
	}
	return 0;
}

static bool is_signal(const struct compile *compile, uint16_t rule)
{
	size_t nr;

	return cfi_rules_all(compile->rows.rules, &nr)[rule].cfa == SEEP_CFA_SIGNAL;
}

static int add_known_function(struct compile *compile, const struct cfi_fde *fde, uint64_t start)
{
	const struct seep_unwind_rule rule = { .cfa = fde->known_cfa };
	uint16_t id = SEEP_UNWIND_NO_RULE;
	int err = 0;

	if (rule.cfa != SEEP_CFA_NONE)
		err = cfi_rules_add(compile->rows.rules, &rule, &id);
	compile->stats.functions += !err;
	return err == -ENOSPC ? 0 : err ?: add_row(compile, start, id);
}

/* Is this one of Go's functions, whose frame pointers .debug_frame does not speak of? */
static bool is_of_go(const struct compile *compile, const struct cfi_fde *fde)
{
	return fde->order >= compile->nr_eh && fde->start >= compile->go.text_start &&
	       fde->start < compile->go.text_end;
}

/* Adds where the frame pointer is, if the function has saved it; *rule is the new one's number. */
static int complete_rule(struct compile *compile, uint16_t *rule)
{
	size_t nr;
	struct seep_unwind_rule full = cfi_rules_all(compile->rows.rules, &nr)[*rule];
	int err;

	if (full.cfa != SEEP_CFA_SP || full.cfa_offset < 16 || full.fp != SEEP_WHERE_SAME ||
	    full.ra != SEEP_WHERE_CFA)
		return 0;
	full.fp = SEEP_WHERE_CFA;
	full.fp_offset = full.ra_offset - 8;
	err = cfi_rules_add(compile->rows.rules, &full, rule);
	return err == -ENOSPC ? 0 : err;
}

/* The rows of a function, of which [start, end) is wanted. */
static int add_function(struct compile *compile, const struct cfi_fde *fde, uint64_t start,
			uint64_t end)
{
	struct cfi_rows *rows = &compile->rows;
	bool of_go = is_of_go(compile, fde);
	int err;

	if (fde->is_known)
		return add_known_function(compile, fde, start);
	err = cfi_program_run(&compile->entries, fde, rows);
	if (err == -EINVAL) {
		compile->stats.bad_programs++;
		return add_row(compile, start, CFI_RULE_UNSUPPORTED);
	}
	for (size_t i = 0; !err && i < rows->nr; i++) {
		uint64_t from = rows->items[i].pc,
			 to = i + 1 < rows->nr ? rows->items[i + 1].pc : end;
		uint16_t rule = rows->items[i].rule;

		from = from > start ? from : start;
		to = to < end ? to : end;
		if (from >= to)
			continue;
		compile->stats.rows_seen++;
		if (of_go)
			err = complete_rule(compile, &rule);
		if (err)
			break;
		if (compile->full || cfi_code_has_call(compile->code, from, to) ||
		    is_signal(compile, rule))
			err = add_row(compile, from, rule);
	}
	compile->stats.functions++;
	return err;
}

/* Where the function ends, or another one that is to be believed more starts inside it. */
static uint64_t end_of(struct compile *compile, size_t i, uint64_t start)
{
	const struct cfi_entries *entries = &compile->entries;
	const struct cfi_fde *fde = &entries->fdes[i];
	bool is_eh = fde->order < compile->nr_eh;

	for (size_t k = i + 1; k < entries->nr_fdes && k <= i + MAX_LOOK_AHEAD; k++) {
		const struct cfi_fde *other = &entries->fdes[k];

		if (other->start >= fde->end)
			break;
		if (other->start > start && (!is_eh || other->order < compile->nr_eh)) {
			compile->stats.overlaps++;
			return other->start;
		}
	}
	return fde->end;
}

static int sweep(struct compile *compile)
{
	uint64_t done = compile->ranges[0].start;
	int err = 0;

	for (size_t i = 0; !err && i < compile->entries.nr_fdes; i++) {
		const struct cfi_fde *fde = &compile->entries.fdes[i];
		uint64_t start = fde->start > done ? fde->start : done, end;

		if (start >= fde->end)
			continue;
		end = end_of(compile, i, start);
		if (start > done)
			err = add_gaps(compile, done, start);
		if (!err)
			err = add_function(compile, fde, start, end);
		done = end;
	}
	return err ? err : add_gaps(compile, done, UINT64_MAX);
}

static void collect_stats(struct compile *compile)
{
	struct unwind_table_stats *stats = &compile->stats;
	const size_t *unsupported = compile->rows.unsupported;

	stats->bad_entries = compile->entries.bad_entries;
	stats->cfa_register = unsupported[CFI_CFA_REGISTER];
	stats->cfa_expression = unsupported[CFI_CFA_EXPRESSION];
	stats->sp_rule = unsupported[CFI_SP_RULE];
	stats->ra_rule = unsupported[CFI_RA_RULE];
	stats->signal_layout = unsupported[CFI_SIGNAL_LAYOUT];
	stats->too_far = unsupported[CFI_TOO_FAR];
	stats->rules_full = compile->rows.rules_full;
}

/* Hands the parts over, without room to spare. */
static int finish(struct compile *compile, struct unwind_table_view *ret_view)
{
	const struct seep_unwind_rule *rules;
	struct seep_unwind_rule *copy;
	size_t nr_rules;
	uint32_t *rows;
	int err = cfi_pages_finish(&compile->pages);

	if (err)
		return err;
	if (!compile->pages.nr_rows)
		return -ENOENT;
	collect_stats(compile);
	rules = cfi_rules_all(compile->kept_rules, &nr_rules);
	copy = malloc(nr_rules * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, rules, nr_rules * sizeof(*copy));
	rows = realloc(compile->pages.rows, compile->pages.nr_rows * sizeof(*rows));
	compile->pages.rows = rows ? rows : compile->pages.rows;
	*ret_view = (struct unwind_table_view){
		.machine = compile->image->machine,
		.full = compile->full,
		.first_page = compile->pages.first_page,
		.nr_pages = compile->pages.nr_pages,
		.nr_rows = (uint32_t)compile->pages.nr_rows,
		.nr_rules = (uint32_t)nr_rules,
		.pages = compile->pages.pages,
		.rows = compile->pages.rows,
		.rules = copy,
		.stats = compile->stats,
	};
	compile->pages.pages = NULL;
	compile->pages.rows = NULL;
	return 0;
}

static int make_room(struct compile *compile)
{
	compile->code = cfi_code_new(compile->image);
	compile->rows.rules = cfi_rules_new();
	compile->kept_rules = cfi_rules_new();
	compile->kept_id = calloc(SEEP_UNWIND_RULES_MAX, sizeof(*compile->kept_id));
	if (!compile->code || !compile->rows.rules || !compile->kept_rules || !compile->kept_id)
		return -ENOMEM;
	return cfi_pages_begin(&compile->pages, compile->ranges[0].start,
			       compile->ranges[compile->nr_ranges - 1].end);
}

static void free_compile(struct compile *compile)
{
	cfi_entries_free(&compile->entries);
	for (size_t i = 0; i < compile->nr_sources; i++)
		cfi_section_free(&compile->sources[i]);
	cfi_code_free(compile->code);
	cfi_rules_free(compile->rows.rules);
	cfi_rules_free(compile->kept_rules);
	free(compile->rows.items);
	free(compile->ranges);
	free(compile->kept_id);
	free(compile->pages.pages);
	free(compile->pages.rows);
}

int cfi_compile(const struct cfi_image *image, const struct unwind_table_options *options,
		struct unwind_table_view *ret_view)
{
	struct compile compile = { .image = image, .full = options->full };
	int err = cfi_entries_new(image, &compile.entries);

	if (err)
		return err;
	err = collect(&compile);
	if (!err)
		err = collect_ranges(&compile);
	if (!err)
		err = make_room(&compile);
	if (!err)
		err = sweep(&compile);
	if (!err)
		err = finish(&compile, ret_view);
	free_compile(&compile);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns which sites of two captures are the same site. Addresses, offsets, lines and ids
 * change from build to build and host to host, names much less, so a site's signature is
 * its process's program, its allocator's kind and, for each frame, the module's base name
 * and the function. A frame without a function is told by the module's build id and
 * offset. The allocator's own frame is left out: another allocator makes no other site.
 */
#include "report/diff.h"
#include "report/label.h"
#include "report/report.h"
#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LENGTHS_DIFFER 0.1
#define ERRORS_TO_MATTER 2

const char *diff_change_name(enum diff_change change)
{
	static const char *const names[DIFF_CHANGE_COUNT] = {
		[DIFF_NEW] = "new",   [DIFF_GROWN] = "grown", [DIFF_SHRUNK] = "shrunk",
		[DIFF_GONE] = "gone", [DIFF_SAME] = "same",
	};

	return names[change];
}

static const char *program_of(const struct profile_process *process)
{
	return process->exe ? label_base_name(process->exe) : process->comm;
}

static void write_frame_signature(const struct profile *profile, const struct profile_frame *frame,
				  FILE *out)
{
	const struct profile_module *module =
		frame->module == PROFILE_NONE ? NULL : &profile->modules[frame->module];

	if (frame->function)
		fprintf(out, "\n%s\t%s", module ? label_base_name(module->path) : "",
			frame->function);
	else if (module)
		fprintf(out, "\n%s\t+%" PRIx64,
			module->build_id ? module->build_id : label_base_name(module->path),
			frame->offset);
	else
		fputs("\n?", out);
}

/* A string of the diff's pool; NULL when out of memory. */
static const char *signature_of(struct diff *diff, const struct profile *profile,
				const struct profile_site *site)
{
	const struct profile_stack *stack = label_site_stack(profile, site);
	const char *signature = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(program_of(&profile->processes[site->process]), out);
	if (!stack)
		fprintf(out, "\n\n%s", site->operation);
	for (uint32_t i = 0; stack && i < stack->nr_frames; i++)
		if (!(profile->frames[stack->frames[i]].flags & FRAME_ALLOCATOR))
			write_frame_signature(profile, &profile->frames[stack->frames[i]], out);
	if (fclose(out) == 0)
		signature = strpool_add(diff->strings, text);
	free(text);
	return signature;
}

static struct diff_row *row_of(struct diff *diff, struct hashmap *rows, const char *signature,
			       const char *process)
{
	struct diff_row *row;
	uint64_t index;

	/* Equal strings of one pool are equal pointers. */
	if (hashmap_get(rows, (uintptr_t)signature, &index))
		return &diff->rows[index];
	if (hashmap_put(rows, (uintptr_t)signature, diff->nr_rows) < 0)
		return NULL;
	row = vec_push(&diff->rows, &diff->nr_rows, &diff->cap_rows);
	if (!row)
		return NULL;
	row->process = process;
	row->before.site = row->after.site = PROFILE_NONE;
	return row;
}

static int add_sites(struct diff *diff, struct hashmap *rows, const struct profile *profile)
{
	for (size_t i = 0; i < profile->nr_sites; i++) {
		const struct profile_site *site = &profile->sites[i];
		const char *signature = signature_of(diff, profile, site);
		struct diff_side *side;
		struct diff_row *row;

		if (!signature)
			return -ENOMEM;
		row = row_of(diff, rows, signature, program_of(&profile->processes[site->process]));
		if (!row)
			return -ENOMEM;
		side = profile == diff->before ? &row->before : &row->after;
		if (side->site == PROFILE_NONE ||
		    site->live_bytes > profile->sites[side->site].live_bytes)
			side->site = i;
		side->bytes += site->live_bytes;
		side->count += site->live_count;
		side->variance += site->live_bytes_error * site->live_bytes_error;
	}
	return 0;
}

static void judge(const struct diff *diff, struct diff_row *row)
{
	double before_unit = diff->by_rate ? diff->before->capture.seconds : 1;
	double after_unit = diff->by_rate ? diff->after->capture.seconds : 1;
	double error = sqrt(row->before.variance / (before_unit * before_unit) +
			    row->after.variance / (after_unit * after_unit));

	row->delta = row->after.bytes / after_unit - row->before.bytes / before_unit;
	if (fabs(row->delta) <= ERRORS_TO_MATTER * error || row->delta == 0)
		row->change = DIFF_SAME;
	else if (!row->before.count)
		row->change = DIFF_NEW;
	else if (!row->after.count)
		row->change = DIFF_GONE;
	else
		row->change = row->delta > 0 ? DIFF_GROWN : DIFF_SHRUNK;
}

static int compare_rows(const void *left, const void *right)
{
	const struct diff_row *a = left, *b = right;
	double by_a = fabs(a->delta), by_b = fabs(b->delta);

	if ((a->change == DIFF_SAME) != (b->change == DIFF_SAME))
		return a->change == DIFF_SAME ? 1 : -1;
	if (by_a != by_b)
		return by_a < by_b ? 1 : -1;
	if (a->after.site != b->after.site)
		return a->after.site < b->after.site ? -1 : 1;
	return a->before.site < b->before.site ? -1 : a->before.site > b->before.site;
}

static bool lengths_differ(double before, double after)
{
	return before > 0 && after > 0 &&
	       fabs(before - after) > LENGTHS_DIFFER * fmax(before, after);
}

int diff_make(const struct profile *before, const struct profile *after, struct diff *ret_diff)
{
	struct diff diff = { .before = before, .after = after, .strings = strpool_new() };
	struct hashmap *rows = hashmap_new();
	int err = -ENOMEM;

	if (diff.strings && rows)
		err = add_sites(&diff, rows, before);
	if (!err)
		err = add_sites(&diff, rows, after);
	hashmap_free(rows);
	if (err) {
		diff_free(&diff);
		return err;
	}
	diff.by_rate = lengths_differ(before->capture.seconds, after->capture.seconds);
	for (size_t i = 0; i < diff.nr_rows; i++) {
		judge(&diff, &diff.rows[i]);
		diff.counts[diff.rows[i].change]++;
	}
	if (diff.nr_rows)
		qsort(diff.rows, diff.nr_rows, sizeof(*diff.rows), compare_rows);
	*ret_diff = diff;
	return 0;
}

void diff_free(struct diff *diff)
{
	free(diff->rows);
	strpool_free(diff->strings);
}

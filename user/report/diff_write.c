/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns how a comparison is shown, as text and as JSON. */
#include "report/diff.h"
#include "report/formats.h"
#include "report/json.h"
#include "report/label.h"
#include "report/text.h"
#include "report/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct profile_site *shown_site(const struct diff *diff, const struct diff_row *row,
					     const struct profile **ret_profile)
{
	bool after = row->after.site != PROFILE_NONE;

	*ret_profile = after ? diff->after : diff->before;
	return &(*ret_profile)->sites[after ? row->after.site : row->before.site];
}

static const char *delta_words(struct words *words, const struct diff *diff, double delta)
{
	return diff->by_rate ? words_growth(words, delta) : words_signed_bytes(words, delta);
}

/* "3 -> 8 handles", "0 B -> 240 MiB, 0 -> 120 blocks" */
static void say_row(struct text *text, const struct diff *diff, const struct diff_row *row,
		    const struct profile_site *site, enum text_style style)
{
	struct words delta, before, after, count_before, count_after;
	char label[16];

	snprintf(label, sizeof(label), "%-8s", diff_change_name(row->change));
	words_count(&count_before, row->before.count);
	words_count(&count_after, row->after.count);
	if (label_layer(site) == LABEL_HANDLES)
		text_say(text, 0, style, label, "%s in %s: %s -> %s handles, %s",
			 diff->by_rate ? words_handle_growth(&delta, row->delta)
				       : words_signed_handles(&delta, row->delta),
			 row->process, count_before.text, count_after.text,
			 profile_verdict_name(site->verdict));
	else
		text_say(text, 0, style, label, "%s in %s: %s -> %s, %s -> %s blocks, %s",
			 delta_words(&delta, diff, row->delta), row->process,
			 words_bytes(&before, row->before.bytes),
			 words_bytes(&after, row->after.bytes), count_before.text, count_after.text,
			 profile_verdict_name(site->verdict));
}

static void write_row(struct text *text, const struct diff *diff, const struct diff_row *row)
{
	static const enum text_style styles[DIFF_CHANGE_COUNT] = {
		[DIFF_NEW] = TEXT_BAD,	 [DIFF_GROWN] = TEXT_BAD,  [DIFF_SHRUNK] = TEXT_GOOD,
		[DIFF_GONE] = TEXT_GOOD, [DIFF_SAME] = TEXT_PLAIN,
	};
	const struct profile_site *site = shown_site(diff, row, &text->profile);

	fputc('\n', text->out);
	say_row(text, diff, row, site, styles[row->change]);
	text_stack(text, site, 8);
}

static double total(const struct profile *profile)
{
	double bytes = 0;

	for (size_t i = 0; i < profile->nr_sites; i++)
		if (label_layer(&profile->sites[i]) != LABEL_HANDLES)
			bytes += profile->sites[i].live_bytes;
	return bytes;
}

static void write_summary(struct text *text, const struct diff *diff)
{
	double before = total(diff->before), after = total(diff->after);
	double change = diff->by_rate ? after / diff->after->capture.seconds -
						before / diff->before->capture.seconds
				      : after - before;
	struct words from, to, delta;

	text_say(text, 0, change > 0 ? TEXT_BAD : TEXT_GOOD,
		 change > 0   ? "MORE  "
		 : change < 0 ? "LESS  "
			      : "SAME  ",
		 "Outstanding %s -> %s, %s. Of its sites %zu new, %zu grown, %zu shrunk, %zu gone, "
		 "%zu the same.",
		 words_bytes(&from, before), words_bytes(&to, after),
		 delta_words(&delta, diff, change), diff->counts[DIFF_NEW],
		 diff->counts[DIFF_GROWN], diff->counts[DIFF_SHRUNK], diff->counts[DIFF_GONE],
		 diff->counts[DIFF_SAME]);
}

static bool is_sampled(const struct diff *diff)
{
	return diff->before->capture.mode == PROFILE_SAMPLED ||
	       diff->after->capture.mode == PROFILE_SAMPLED;
}

static void write_caveats(struct text *text, const struct diff *diff)
{
	struct words before, after;

	fputc('\n', text->out);
	text_style(text, TEXT_BOLD);
	fputs("How far to trust this\n", text->out);
	text_style(text, TEXT_PLAIN);
	text_say(text, 2, TEXT_PLAIN, "- ", "The captures took %s and %s.",
		 words_seconds(&before, diff->before->capture.seconds),
		 words_seconds(&after, diff->after->capture.seconds));
	if (diff->by_rate)
		text_say(text, 2, TEXT_WARNING, "- ",
			 "That differs, and the longer one sees more: changes are of what was kept "
			 "per hour of capture, not of the bytes beside them.");
	if (is_sampled(diff))
		text_say(text, 2, TEXT_WARNING, "- ",
			 "Sampled: a change within twice its standard error counts as the same.");
	if (diff->before->health.dropped || diff->after->health.dropped)
		text_say(text, 2, TEXT_WARNING, "- ",
			 "Records were dropped: %s before, %s after. A change may come from that; "
			 "'seep report' says more.",
			 words_count(&before, diff->before->health.dropped),
			 words_count(&after, diff->after->health.dropped));
	if (diff->before->health.sites_folded || diff->after->health.sites_folded)
		text_say(text, 2, TEXT_WARNING, "- ",
			 "Small sites were folded into \"other sites\": one of them may look new "
			 "or gone.");
}

static int write_text(const struct diff *diff, const struct report_options *options, FILE *out)
{
	struct text text = { .profile = diff->after, .options = options, .out = out };
	size_t shown = 0, changed = diff->nr_rows - diff->counts[DIFF_SAME];

	text.width = options->width ? options->width : 100;
	if (text.width < 40)
		text.width = 40;
	write_summary(&text, diff);
	for (; shown < changed && (!options->top || shown < options->top); shown++)
		write_row(&text, diff, &diff->rows[shown]);
	if (shown < changed) {
		fputc('\n', out);
		text_say(&text, 8, TEXT_PLAIN, "",
			 "%zu more with a smaller change (-T shows more).", changed - shown);
	}
	write_caveats(&text, diff);
	return text.error ? text.error : report_finish(out);
}

static void put_side(struct json_object *o, const char *key, const struct diff_side *side)
{
	struct json_object part = json_object_new();

	json_put_count(&part, "live_bytes", side->bytes);
	json_put_count(&part, "live_count", side->count);
	json_put_object(o, key, &part);
}

static int write_row_json(const struct diff *diff, const struct diff_row *row, FILE *out)
{
	const struct profile *profile;
	const struct profile_site *site = shown_site(diff, row, &profile);
	struct json_object o = json_object_new();

	json_put_text(&o, "change", diff_change_name(row->change));
	json_put_text(&o, "process", row->process);
	json_put_real(&o, diff->by_rate ? "delta_bytes_per_second" : "delta_bytes", row->delta);
	put_side(&o, "before", &row->before);
	put_side(&o, "after", &row->after);
	json_put_text(&o, "verdict", profile_verdict_name(site->verdict));
	json_put_frames(&o, profile, label_site_stack(profile, site));
	return json_object_end(&o, out, 0);
}

static int write_json(const struct diff *diff, FILE *out)
{
	int err = 0;

	fprintf(out, "{\"schema\":%d,\n\"by_rate\":%s,\n\"before\":", PROFILE_SCHEMA,
		diff->by_rate ? "true" : "false");
	err = json_write_capture(diff->before, out);
	fputs(",\n\"after\":", out);
	if (!err)
		err = json_write_capture(diff->after, out);
	fputs(",\n\"counts\":{", out);
	for (size_t i = 0; i < DIFF_CHANGE_COUNT; i++)
		fprintf(out, "%s\"%s\":%zu", i ? "," : "", diff_change_name(i), diff->counts[i]);
	fputs("},\n\"sites\":[", out);
	for (size_t i = 0; i < diff->nr_rows && !err; i++) {
		fputs(i ? ",\n" : "\n", out);
		err = write_row_json(diff, &diff->rows[i], out);
	}
	fputs("]}\n", out);
	return err ? err : report_finish(out);
}

static bool is_finding(const struct diff *diff, const struct diff_row *row)
{
	const struct profile *profile;
	enum profile_verdict verdict = shown_site(diff, row, &profile)->verdict;

	return (row->change == DIFF_NEW || row->change == DIFF_GROWN) &&
	       (verdict == VERDICT_GROWING || verdict == VERDICT_LOST ||
		verdict == VERDICT_LIVE_AT_EXIT);
}

int report_diff(const struct profile *before, const struct profile *after,
		const struct report_options *options, bool json, FILE *out)
{
	struct diff diff;
	int found = 0;
	int err = diff_make(before, after, &diff);

	if (err)
		return err;
	for (size_t i = 0; i < diff.nr_rows; i++)
		found |= is_finding(&diff, &diff.rows[i]);
	err = json ? write_json(&diff, out) : write_text(&diff, options, out);
	diff_free(&diff);
	return err ? err : found;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flame graph page: one file that opens without a network. The page itself is made
 * by tools/flamegraph at build time; this file owns the rows that are put into it. A
 * build without npm has no page, and the format then fails with -ENOTSUP.
 */
#include "report/formats.h"
#include "report/label.h"
#include "report/words.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* Generated, in the build folder. */
#include <report/flamegraph_page.h>

#ifdef FLAMEGRAPH_PAGE_MISSING

static int write_html(const struct profile *profile, const struct report_options *options,
		      FILE *out)
{
	return -ENOTSUP;
}

#else

/* JSON inside a script element: "<" could end it, and is the same to a JSON reader so. */
static int write_guarded(const char *bytes, size_t size, void *stream)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '<')
			fputs("\\u003c", stream);
		else
			fputc(bytes[i], stream);
	}
	return 0;
}

/* Writes and frees; a NULL value is one that could not be made. */
static int write_value(json_t *value, FILE *out)
{
	int err = -ENOMEM;

	if (value)
		err = json_dump_callback(value, write_guarded, out,
					 JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY)
			      ? -ENOMEM
			      : 0;
	json_decref(value);
	return err;
}

static json_t *text_value(const char *text)
{
	char *clean = label_clean(text);
	json_t *value = clean ? json_string(clean) : NULL;

	free(clean);
	return value;
}

static json_int_t count_value(uint64_t count)
{
	return count > INT64_MAX ? INT64_MAX : (json_int_t)count;
}

static int write_process(const struct profile_process *process, FILE *out)
{
	return write_value(json_pack("{s:I,s:o,s:s,s:o,s:I}", "pid", (json_int_t)process->pid,
				     "comm", text_value(process->comm), "verdict",
				     profile_verdict_name(process->verdict), "evidence",
				     text_value(process->evidence), "live_bytes",
				     count_value(process->live_bytes)),
			   out);
}

static json_t *location_value(const struct profile_frame *frame)
{
	char *location;
	json_t *value;

	if (!frame->file || !frame->line)
		return text_value(frame->file);
	if (asprintf(&location, "%s:%" PRIu32, frame->file, frame->line) < 0)
		return NULL;
	value = text_value(location);
	free(location);
	return value;
}

static int write_frame(const struct profile *profile, const struct profile_frame *frame, FILE *out)
{
	const struct profile_module *module =
		frame->module == PROFILE_NONE ? NULL : &profile->modules[frame->module];
	char *label = label_frame(profile, frame);
	int err = -ENOMEM;

	if (label)
		err = write_value(json_pack("{s:s,s:o,s:o,s:o,s:b,s:b,s:b}", "name", label,
					    "module", text_value(module ? module->path : NULL),
					    "location", location_value(frame), "language",
					    text_value(frame->language), "allocator",
					    !!(frame->flags & FRAME_ALLOCATOR), "inlined",
					    !!(frame->flags & FRAME_INLINED), "deleted",
					    module && module->deleted),
				  out);
	free(label);
	return err;
}

static void write_stack(const struct profile_stack *stack, FILE *out)
{
	fprintf(out, "{\"cut\":%s,\"frames\":[", stack->cut ? "true" : "false");
	for (uint32_t i = 0; i < stack->nr_frames; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", stack->frames[i]);
	fputs("]}", out);
}

static int write_site(const struct profile_site *site, FILE *out)
{
	json_t *stack = site->stack == PROFILE_NONE ? json_null()
						    : json_integer((json_int_t)site->stack);

	return write_value(json_pack("{s:I,s:o,s:I,s:I,s:f,s:s}", "process",
				     (json_int_t)site->process, "stack", stack, "bytes",
				     count_value(site->live_bytes), "count",
				     count_value(site->live_count), "growth",
				     isfinite(site->growth_rate) ? site->growth_rate : 0.0,
				     "verdict", profile_verdict_name(site->verdict)),
			   out);
}

/* One line on what the picture is worth; the text report has it in full. */
static int write_trust(const struct profile *profile, FILE *out)
{
	const struct profile_capture *capture = &profile->capture;
	struct words seconds, records, dropped;
	char *line;
	json_t *value;

	if (asprintf(&line, "seep %s, %s mode, %s on Linux %s. %s records arrived, %s dropped.",
		     capture->seep_version ? capture->seep_version : "?",
		     capture->mode == PROFILE_SAMPLED ? "sampled" : "exact",
		     words_seconds(&seconds, capture->seconds),
		     capture->kernel ? capture->kernel : "?",
		     words_count(&records, profile->health.events),
		     words_count(&dropped, profile->health.dropped)) < 0)
		return -ENOMEM;
	value = text_value(line);
	free(line);
	return write_value(value, out);
}

static int write_sites(const struct profile *profile, FILE *out)
{
	const char *separator = "";
	int err = 0;

	fputs("],\"sites\":[", out);
	for (size_t i = 0; i < profile->nr_sites && !err; i++) {
		if (!profile->sites[i].live_count)
			continue;
		fputs(separator, out);
		err = write_site(&profile->sites[i], out);
		separator = ",\n";
	}
	return err;
}

static int write_profile(const struct profile *profile, FILE *out)
{
	int err;

	fputs("{\"host\":", out);
	err = write_value(text_value(profile->capture.host), out);
	fputs(",\"trust\":", out);
	if (!err)
		err = write_trust(profile, out);
	fputs(",\"processes\":[", out);
	for (size_t i = 0; i < profile->nr_processes && !err; i++) {
		fputs(i ? ",\n" : "", out);
		err = write_process(&profile->processes[i], out);
	}
	fputs("],\"frames\":[", out);
	for (size_t i = 0; i < profile->nr_frames && !err; i++) {
		fputs(i ? ",\n" : "", out);
		err = write_frame(profile, &profile->frames[i], out);
	}
	fputs("],\"stacks\":[", out);
	for (size_t i = 0; i < profile->nr_stacks && !err; i++) {
		fputs(i ? ",\n" : "", out);
		write_stack(&profile->stacks[i], out);
	}
	if (!err)
		err = write_sites(profile, out);
	fputs("]}", out);
	return err;
}

static int write_html(const struct profile *profile, const struct report_options *options,
		      FILE *out)
{
	int err;

	fwrite(page_before_profile, 1, sizeof(page_before_profile), out);
	err = write_profile(profile, out);
	fwrite(page_after_profile, 1, sizeof(page_after_profile), out);
	return err ? err : report_finish(out);
}

#endif

const struct report_format report_html = {
	.name = "html",
	.extension = "html",
	.summary = "a flame graph in one page that opens without a network",
	.write = write_html,
};

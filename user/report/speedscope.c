/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * speedscope's own file format, as its schema describes it
 * (https://www.speedscope.app/file-format-schema.json, type "sampled"): shared frames,
 * and two profiles over the same stacks, one weighed in live bytes, one in live blocks.
 * A sample is a site; its stack runs from the root, which is the process.
 */
#include "report/formats.h"
#include "report/label.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

/* Frame numbers: the profile's frames, then its processes, then the two markers. */
static size_t process_frame(const struct profile *profile, uint32_t process)
{
	return profile->nr_frames + process;
}

static size_t marker_frame(const struct profile *profile, const struct profile_stack *stack)
{
	return profile->nr_frames + profile->nr_processes + (stack ? 0 : 1);
}

static int write_json_text(const char *text, FILE *out)
{
	char *clean = label_clean(text);
	json_t *string = clean ? json_string(clean) : NULL;
	int err = -ENOMEM;

	if (string)
		err = json_dumpf(string, out, JSON_ENCODE_ANY) ? -EIO : 0;
	json_decref(string);
	free(clean);
	return err;
}

static int write_frame(const struct profile *profile, const struct profile_frame *frame, FILE *out)
{
	const char *module = frame->module == PROFILE_NONE ? NULL
							   : profile->modules[frame->module].path;
	char *label = label_frame(profile, frame);
	int err = label ? 0 : -ENOMEM;

	fputs("{\"name\":", out);
	if (!err)
		err = write_json_text(label, out);
	free(label);
	if (!err && (frame->file || module)) {
		fputs(",\"file\":", out);
		err = write_json_text(frame->file ? frame->file : module, out);
	}
	if (frame->file && frame->line)
		fprintf(out, ",\"line\":%" PRIu32, frame->line);
	fputs("},\n", out);
	return err;
}

static int write_process_frame(const struct profile_process *process, FILE *out)
{
	char *name;
	int err;

	if (asprintf(&name, "%s (pid %" PRIu32 ")", process->comm, process->pid) < 0)
		return -ENOMEM;
	fputs("{\"name\":", out);
	err = write_json_text(name, out);
	fputs("},\n", out);
	free(name);
	return err;
}

static int write_frames(const struct profile *profile, FILE *out)
{
	int err = 0;

	for (size_t i = 0; i < profile->nr_frames && !err; i++)
		err = write_frame(profile, &profile->frames[i], out);
	for (size_t i = 0; i < profile->nr_processes && !err; i++)
		err = write_process_frame(&profile->processes[i], out);
	fprintf(out, "{\"name\":\"%s\"},\n{\"name\":\"%s\"}", LABEL_STACK_CUT, LABEL_STACK_UNKNOWN);
	return err;
}

static void write_sample(const struct profile *profile, const struct profile_site *site, FILE *out)
{
	const struct profile_stack *stack = label_site_stack(profile, site);

	fprintf(out, "[%zu", process_frame(profile, site->process));
	if (!stack || stack->cut)
		fprintf(out, ",%zu", marker_frame(profile, stack));
	for (uint32_t i = stack ? stack->nr_frames : 0; i-- > 0;)
		fprintf(out, ",%" PRIu32, stack->frames[i]);
	fputc(']', out);
}

static uint64_t weight(const struct profile_site *site, bool bytes)
{
	return bytes ? site->live_bytes : site->live_count;
}

static void write_profile(const struct profile *profile, const uint32_t *sites, size_t nr,
			  bool bytes, FILE *out)
{
	const char *separator = "";
	uint64_t total = 0;

	fprintf(out, "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"%s\",\"startValue\":0,",
		bytes ? "live bytes" : "live blocks", bytes ? "bytes" : "none");
	fputs("\"samples\":[", out);
	for (size_t i = 0; i < nr; i++) {
		if (!profile->sites[sites[i]].live_count)
			continue;
		fputs(separator, out);
		write_sample(profile, &profile->sites[sites[i]], out);
		separator = ",\n";
	}
	fputs("],\n\"weights\":[", out);
	separator = "";
	for (size_t i = 0; i < nr; i++) {
		if (!profile->sites[sites[i]].live_count)
			continue;
		fprintf(out, "%s%" PRIu64, separator, weight(&profile->sites[sites[i]], bytes));
		total += weight(&profile->sites[sites[i]], bytes);
		separator = ",";
	}
	fprintf(out, "],\n\"endValue\":%" PRIu64 "}", total);
}

static int write_speedscope(const struct profile *profile, const struct report_options *options,
			    FILE *out)
{
	uint32_t *sites;
	size_t nr;
	int err;

	err = report_sort_sites(profile, PROFILE_NONE, options->sort, &sites, &nr);
	if (err)
		return err;
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"name\":",
	      out);
	err = write_json_text(profile->capture.command ? profile->capture.command : "seep", out);
	fputs(",\n\"exporter\":", out);
	if (!err)
		err = write_json_text("seep", out);
	fputs(",\n\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[\n", out);
	if (!err)
		err = write_frames(profile, out);
	fputs("]},\n\"profiles\":[", out);
	write_profile(profile, sites, nr, true, out);
	fputs(",\n", out);
	write_profile(profile, sites, nr, false, out);
	fputs("]}\n", out);
	free(sites);
	return err ? err : report_finish(out);
}

const struct report_format report_speedscope = {
	.name = "speedscope",
	.extension = "speedscope.json",
	.summary = "for https://www.speedscope.app, or its offline copy",
	.write = write_speedscope,
};

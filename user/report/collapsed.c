/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Collapsed stacks, one line a site: "process;root;...;leaf bytes", the form that
 * flamegraph.pl reads (https://github.com/brendangregg/FlameGraph, README, "Fold stacks")
 * and speedscope and others after it. The value is live bytes. A semicolon in a name
 * would split a frame, so it becomes a colon.
 */
#include "report/formats.h"
#include "report/label.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int write_name(const char *name, FILE *out)
{
	char *clean = label_clean_except(name, ";", ':');

	if (!clean)
		return -ENOMEM;
	fputs(clean, out);
	free(clean);
	return 0;
}

static int write_frame(const struct profile *profile, const struct profile_frame *frame, FILE *out)
{
	char *label = label_frame(profile, frame);
	int err;

	if (!label)
		return -ENOMEM;
	err = write_name(label, out);
	free(label);
	return err;
}

static int write_site(const struct profile *profile, const struct profile_site *site, FILE *out)
{
	const struct profile_process *process = &profile->processes[site->process];
	const struct profile_stack *stack = label_site_stack(profile, site);
	int err;

	err = write_name(process->comm, out);
	fprintf(out, "-%" PRIu32, process->pid);
	if (!stack) {
		fprintf(out, ";%s;", LABEL_STACK_UNKNOWN);
		err = err ? err : write_name(site->operation, out);
	} else if (stack->cut) {
		fprintf(out, ";%s", LABEL_STACK_CUT);
	}
	for (uint32_t i = stack ? stack->nr_frames : 0; i-- > 0 && !err;) {
		fputc(';', out);
		err = write_frame(profile, &profile->frames[stack->frames[i]], out);
	}
	fprintf(out, " %" PRIu64 "\n", site->live_bytes);
	return err;
}

static int write_collapsed(const struct profile *profile, const struct report_options *options,
			   FILE *out)
{
	uint32_t *sites;
	size_t nr_sites;
	int err;

	err = report_sort_sites(profile, PROFILE_NONE, options->sort, &sites, &nr_sites);
	if (err)
		return err;
	for (size_t i = 0; i < nr_sites && !err; i++)
		if (profile->sites[sites[i]].live_bytes)
			err = write_site(profile, &profile->sites[sites[i]], out);
	free(sites);
	return err ? err : report_finish(out);
}

const struct report_format report_collapsed = {
	.name = "collapsed",
	.extension = "folded",
	.summary = "one line a stack with its live bytes, for flame graph tools",
	.write = write_collapsed,
};

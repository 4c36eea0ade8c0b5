// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what a sweep counts as found. The verdicts are the profile's, which stays as it is: a store
 * holds what was seen, whoever does not want to hear of it.
 */
#include "sweep/findings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

static bool accuses_site(const struct profile_site *site)
{
	return site->verdict == VERDICT_GROWING || site->verdict == VERDICT_LOST;
}

static bool accuses_process(const struct profile_process *process)
{
	return process->verdict == VERDICT_LEAK || process->verdict == VERDICT_OVERFLOW;
}

static int hide(struct findings *findings, const struct suppression *by, uint64_t bytes)
{
	struct finding_hidden *hidden = NULL;

	for (size_t i = 0; i < findings->nr_hidden && !hidden; i++)
		if (findings->hidden[i].by == by)
			hidden = &findings->hidden[i];
	if (!hidden)
		hidden = vec_push(&findings->hidden, &findings->nr_hidden, &findings->cap_hidden);
	if (!hidden)
		return -ENOMEM;
	hidden->by = by;
	hidden->sites++;
	hidden->live_bytes += bytes;
	findings->suppressed++;
	return 0;
}

static bool has_accused_site(const struct profile *profile, uint32_t process)
{
	for (size_t i = 0; i < profile->nr_sites; i++)
		if (profile->sites[i].process == process && accuses_site(&profile->sites[i]))
			return true;
	return false;
}

int findings_judge(const struct suppressions *suppressions, const struct profile *profile,
		   struct findings *ret_findings)
{
	struct findings findings = { 0 };
	int err = 0;

	for (size_t i = 0; i < profile->nr_sites && !err; i++) {
		const struct profile_site *site = &profile->sites[i];
		const struct suppression *by = NULL;

		if (!accuses_site(site))
			continue;
		if (suppressions)
			by = suppressions_match(suppressions, profile, site);
		if (by)
			err = hide(&findings, by, site->live_bytes);
		else
			findings.nr++;
	}
	for (uint32_t i = 0; i < profile->nr_processes; i++)
		findings.nr += accuses_process(&profile->processes[i]) &&
			       !has_accused_site(profile, i);
	if (err) {
		findings_release(&findings);
		return err;
	}
	*ret_findings = findings;
	return 0;
}

void findings_release(struct findings *findings)
{
	free(findings->hidden);
	*findings = (struct findings){ 0 };
}

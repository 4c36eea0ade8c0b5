/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of a profile is a finding, and what of that is suppressed. */
#ifndef SEEP_SWEEP_FINDINGS_H
#define SEEP_SWEEP_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "sweep/suppressions.h"

/* What one suppression has hidden. */
struct finding_hidden {
	const struct suppression *by;
	uint64_t sites, live_bytes;
};

struct findings {
	/* Sites that grow or are lost; and processes that leak or overflow without such a site. */
	uint64_t nr;
	uint64_t suppressed; /* of sites, not in `nr` */
	struct finding_hidden *hidden;
	size_t nr_hidden, cap_hidden;
};

/* `suppressions` NULL: none. 0 or -ENOMEM. Free with findings_release. */
int findings_judge(const struct suppressions *suppressions, const struct profile *profile,
		   struct findings *ret_findings);
void findings_release(struct findings *findings);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a process or cgroup is a suspect, in one sentence. Pure. */
#ifndef SEEP_TRIAGE_REASON_H
#define SEEP_TRIAGE_REASON_H

#include "triage/ranking.h"

/* Fills suspect->reason from the rest of it. */
void suspect_explain(struct suspect *suspect, const struct host_look *look);

#endif

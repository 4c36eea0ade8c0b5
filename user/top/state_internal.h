/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What state.c and keys.c share. Nobody else includes it. */
#ifndef SEEP_TOP_STATE_INTERNAL_H
#define SEEP_TOP_STATE_INTERNAL_H

#include "top/state.h"

/* Selects and sorts what the present page lists; a failure is said. */
void top_state_sort(struct top_state *state);
/* What is chosen by position on the present page is to stay chosen. */
void top_state_remember(struct top_state *state);

#endif

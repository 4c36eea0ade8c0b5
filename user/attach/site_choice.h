/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between sites.c and the decoders, one a machine: a decoder walks the prologue and offers
 * every place that would do; the rule that picks among them is the same for all machines.
 */
#ifndef SEEP_ATTACH_SITE_CHOICE_H
#define SEEP_ATTACH_SITE_CHOICE_H

#include "attach/sites.h"

struct site_choice {
	const struct site_wish *wish;
	struct site first, nop5, after_null;
	bool has_first, has_nop5, has_after_null;
};

/* Offers a place; `site` is copied. */
void site_offer(struct site_choice *choice, const struct site *site);

/* Also fill in `entry`: the instruction at offset 0, stepped unless it is offered itself. */
void site_walk_x86(struct site_choice *choice, const uint8_t *code, size_t size,
		   struct site *entry);
void site_walk_arm64(struct site_choice *choice, const uint8_t *code, size_t size,
		     struct site *entry);

#endif

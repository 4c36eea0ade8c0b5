/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Draws the state on a canvas. Pure. */
#ifndef SEEP_TOP_VIEW_H
#define SEEP_TOP_VIEW_H

#include "top/canvas.h"
#include "top/state.h"

/* The page that is seen, on an empty canvas; notes in the state how long its list is. */
void top_draw(struct top_state *state, struct canvas *canvas);

/* The parts, for top_draw: the whole canvas but its last line. */
void host_draw(struct top_state *state, struct canvas *canvas);
void sites_draw(struct top_state *state, struct canvas *canvas);
void types_draw(struct top_state *state, struct canvas *canvas);
void help_draw(const struct top_state *state, struct canvas *canvas);

/*
 * The list of processes alone, as --batch prints it: a head and the first `nr` rows of the state.
 * NULL when out of memory; the caller frees it.
 */
char *host_table(const struct top_state *state, size_t nr, int width, bool utf8);
/* The lines above it; the number of lines. */
int host_head(const struct top_state *state, struct canvas *canvas);

/* What is traced and at what cost, in a line; the caller frees it, NULL out of memory. */
char *watch_line(const struct watch_news *watch);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The terminal: shows canvases, tells keys. There is one, since there is one terminal. */
#ifndef SEEP_TOP_SCREEN_H
#define SEEP_TOP_SCREEN_H

#include <stdbool.h>

#include "top/canvas.h"
#include "top/state.h"

/*
 * Takes the terminal over. 0; -ENOTTY: stdin or stdout is none; -ENXIO: its kind ($TERM) is not
 * known; -EOPNOTSUPP: it cannot place the cursor. The terminal is given back by screen_close, by
 * exit(3) and by signals that kill.
 */
int screen_open(bool colour);
void screen_close(void);
int screen_width(void);
int screen_height(void);
bool screen_utf8(void);

void screen_show(const struct canvas *canvas);

/* NOISE: a key that means nothing here; more may wait behind it. */
enum screen_event { SCREEN_NOTHING = 0, SCREEN_KEY, SCREEN_RESIZED, SCREEN_NOISE };

/* Without waiting. With SCREEN_KEY `text` holds what top_state_key wants. */
enum screen_event screen_read(enum top_key *ret_key, char text[8]);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that people write: read whole, in bounds, and taken apart by lines. */
#ifndef SEEP_SWEEP_TEXT_FILE_H
#define SEEP_SWEEP_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { SWEEP_TEXT_MOST = 1 << 20 };

/* The caller frees *ret_text. 0; -errno with a sentence in *ret_message, the caller's to free. */
int sweep_text_read(const char *path, char **ret_text, size_t *ret_length, char **ret_message);

/*
 * The line at *next, without its end ("\n", "\r\n"), and goes on to the following one. False:
 * there is no more.
 */
bool sweep_text_line(const char **next, const char *end, const char **ret_line, size_t *ret_length);

/* Without control characters, but for tabs. */
bool sweep_text_is_plain(const char *line, size_t length);

#endif

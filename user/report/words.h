/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures in the units that people read. Each call fills the caller's buffer and returns it. */
#ifndef SEEP_REPORT_WORDS_H
#define SEEP_REPORT_WORDS_H

#include <stdint.h>

struct words {
	char text[48];
};

/* "512 B", "1.5 KiB", "18.4 MiB": powers of 1024, three significant digits. */
const char *words_bytes(struct words *words, double bytes);
/* The same with its sign always written. */
const char *words_signed_bytes(struct words *words, double bytes);
/* "1 handle", "1,234 handles"; with its sign, and as growth an hour from a rate a second */
const char *words_handles(struct words *words, double handles);
const char *words_signed_handles(struct words *words, double handles);
const char *words_handle_growth(struct words *words, double handles_per_second);
/* "1,234,567" */
const char *words_count(struct words *words, uint64_t count);
/* "+1,234", "-5", "0" */
const char *words_signed_count(struct words *words, int64_t count);
/* "12.5 ms", "4.2 s", "5m 03s", "2h 10m", "3d 4h" */
const char *words_seconds(struct words *words, double seconds);
/* "12%", "0.03%"; "all" and "none" are left to the caller. */
const char *words_share(struct words *words, double part, double whole);
/* A rate of bytes as growth an hour: "+42.1 MiB/h"; "0 B/h" */
const char *words_growth(struct words *words, double bytes_per_second);
/* "block" for 1, "blocks" for all else. */
const char *words_plural(uint64_t count, const char *one, const char *many);

#endif

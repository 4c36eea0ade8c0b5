/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures for narrow columns. Each call fills the caller's buffer and returns it. */
#ifndef SEEP_TOP_FIGURES_H
#define SEEP_TOP_FIGURES_H

#include <stdint.h>

struct figure {
	char text[24];
};

/* "0", "512", "1.2K", "345M", "12.3G": powers of 1024, five characters at most */
const char *figure_bytes(struct figure *figure, double bytes);
/* The same; "-" for unlimited, "?" for unknown (as in overview.h) */
const char *figure_limit(struct figure *figure, uint64_t bytes);
/* "+1.2M", "-345K", "0": what a rate of bytes a second makes of a minute */
const char *figure_growth(struct figure *figure, double bytes_per_second);
/* "45 s", "5m 03s", "2h 10m", "3d 04h", ">100 d"; "-" for never */
const char *figure_time(struct figure *figure, double seconds);
/* "0.03", "0.3", "12.1", "230"; "?" for a negative one */
const char *figure_percent(struct figure *figure, double percent);
/* "2,013" */
const char *figure_count(struct figure *figure, uint64_t count);
/* "14:02:33", of the wall clock here */
const char *figure_clock(struct figure *figure, double time);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Quantities as people write them: "64K", "1.5G"; "90", "30s", "5m", "2h", "30d"; "2", "2%". */
#ifndef SEEP_BASE_QUANTITY_H
#define SEEP_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/* Each: false for a text that is none, with the result untouched. */
bool quantity_bytes(const char *text, uint64_t *ret_bytes); /* units of 1024; at most 1e18 */
bool quantity_seconds(const char *text, double *ret_seconds); /* at most 1e9 */
bool quantity_count(const char *text, uint64_t *ret_count); /* digits alone */
bool quantity_percent(const char *text, double *ret_percent); /* not negative */

#endif

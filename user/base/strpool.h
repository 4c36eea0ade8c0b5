/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Strings that live as long as the pool: each distinct string is kept once, so equal
 * strings of one pool are equal pointers.
 */
#ifndef SEEP_BASE_STRPOOL_H
#define SEEP_BASE_STRPOOL_H

#include <stddef.h>

struct strpool;

struct strpool *strpool_new(void);
void strpool_free(struct strpool *pool);
/* The pool's copy; NULL when out of memory, or for NULL. */
const char *strpool_add(struct strpool *pool, const char *string);
const char *strpool_add_n(struct strpool *pool, const char *string, size_t length);
size_t strpool_bytes(const struct strpool *pool);

#endif

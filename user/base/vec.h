/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Growable arrays of any element type, as three fields of the owner:
 *
 *	struct site *sites; size_t nr_sites, cap_sites;
 *	struct site *s = vec_push(&v->sites, &v->nr_sites, &v->cap_sites);
 *
 * The element is zeroed; NULL when out of memory, the array then unchanged. Pointers
 * into the array end with the next push. The owner frees it with free().
 */
#ifndef SEEP_BASE_VEC_H
#define SEEP_BASE_VEC_H

#include <stdlib.h>
#include <string.h>

static inline void *vec_push_(void **items, size_t *nr, size_t *cap, size_t size)
{
	if (*nr == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		void *grown = reallocarray(*items, want, size);

		if (!grown)
			return NULL;
		*items = grown;
		*cap = want;
	}
	return memset((char *)*items + (*nr)++ * size, 0, size);
}

#define vec_push(items, nr, cap)                                                                   \
	((__typeof__(*(items)))vec_push_((void **)(items), (nr), (cap), sizeof(**(items))))

#endif

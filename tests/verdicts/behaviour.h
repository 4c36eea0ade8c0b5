/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs that use memory in one known way, days of it within seconds. A step is 10 ms; a
 * behaviour is called for each, with its number.
 */
#ifndef SEEP_TESTS_BEHAVIOUR_H
#define SEEP_TESTS_BEHAVIOUR_H

#include <stddef.h>

struct behaviour {
	const char *name;
	void (*step)(int step);
};

enum { STEPS_A_SECOND = 100 };

/* Tuned on, and written when no rule changed any more. Both end with a NULL name. */
extern const struct behaviour first_behaviours[], later_behaviours[];

/* A block of that size, written to. */
void *block(size_t size);
/* Allocates and frees so many at once. */
void churn(int count, size_t size);
/* 0 to 1, always the same course. */
double chance(void);

#endif

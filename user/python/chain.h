/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether a chain of foreign addresses has led back into itself, which ones that are torn do: with
 * one address remembered, R. P. Brent, BIT 20 (1980), 176-184.
 */
#ifndef SEEP_PYTHON_CHAIN_H
#define SEEP_PYTHON_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Begins zeroed. */
struct chain {
	uint64_t met; /* at the last step that was a power of two */
	uint64_t steps;
};

/* The next address of the chain; true, within three rounds of a ring, when it is one. */
static inline bool chain_closes(struct chain *chain, uint64_t at)
{
	if (chain->steps && at == chain->met)
		return true;
	if (!(chain->steps & (chain->steps - 1)))
		chain->met = at;
	chain->steps++;
	return false;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Symbol names as people write them. */
#ifndef SEEP_STACK_DEMANGLE_H
#define SEEP_STACK_DEMANGLE_H

/* The language that the name's mangling tells: "c++", "rust", "d"; NULL none. */
const char *demangle_language(const char *symbol);

/*
 * Readable form of a C++, Rust or D symbol, as `c++filt -i` prints it, without the hash of
 * Rust's old scheme; for the caller to free. NULL for what is not mangled, for damaged
 * names, for those that would grow beyond all reason, and when out of memory.
 */
char *demangle(const char *symbol);

#endif

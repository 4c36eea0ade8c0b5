/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names as signatures compare them. All is by the text alone. */
#ifndef SEEP_HEAP_SIGNATURE_NAME_H
#define SEEP_HEAP_SIGNATURE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* After the last slash; the path itself when that is empty. */
const char *signature_base_name(const char *path);

/* A name of a JIT compiler without its marks of tiers ("LazyCompile:*f"): they come and go. */
char *signature_jit(const char *function, char *out, size_t size);

/* Exported by a language's runtime or the C library, to allocate for its caller. */
bool signature_is_wrapper(const char *function);

/* Where threads and programs begin: _start, start_thread. */
bool signature_is_beginning(const char *function);

/* A module, as signature_module has it, that is a C library or its loader. */
bool signature_is_libc(const char *module);

#endif

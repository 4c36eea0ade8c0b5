/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The runtimes there are; each is defined in its own folder. */
#ifndef SEEP_RUNTIME_RUNTIMES_H
#define SEEP_RUNTIME_RUNTIMES_H

#include "runtime/runtime.h"

extern const struct runtime_ops runtime_python; /* user/python/python.c */

#endif

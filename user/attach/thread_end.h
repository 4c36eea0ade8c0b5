/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where an allocator gives back what it has cached for a thread that ends, through its own
 * entry points, in a file that does not name the function.
 */
#ifndef SEEP_ATTACH_THREAD_END_H
#define SEEP_ATTACH_THREAD_END_H

#include "attach/entry_points.h"

/*
 * The one function that calls this file's free directly and is none of its entry points. 0,
 * with *ret_address 0 when there is none, or more than one, or nothing tells functions apart;
 * -ENOMEM.
 */
int thread_end_find(const struct elf_file *file, const struct entry_points *points,
		    uint64_t *ret_address, uint64_t *ret_size);

#endif

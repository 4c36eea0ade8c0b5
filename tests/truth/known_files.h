/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where seep believes files to be mapped, so that its frames, (file, ELF address), can be
 * told as the addresses that unwinders tell.
 */
#ifndef SEEP_TRUTH_KNOWN_FILES_H
#define SEEP_TRUTH_KNOWN_FILES_H

#include <stdint.h>
#include <linux/types.h>

#include "../../bpf/event.h"

/* 0 or -ENOMEM. */
int known_files_begin(void);
void known_files_end(void);

/*
 * The address of a frame of a SEEP_STACK record. A file may be mapped at several places:
 * `wanted` if it is one of them, else any, 0 when none is known.
 */
uint64_t known_files_address(uint64_t frame, uint64_t wanted);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What kernel.c and attachment.c share; nobody else includes it. */
#ifndef SEEP_ATTACH_KERNEL_INTERNAL_H
#define SEEP_ATTACH_KERNEL_INTERNAL_H

#include "attach/kernel.h"
#include "tracer.skel.h"

struct kernel {
	struct tracer_bpf *bpf;
	struct ring_buffer *ring;
	enum attach_mode mode;
	uint32_t *unwind_rows; /* mmapped; NULL without tables */
	size_t unwind_bytes;
	kernel_record_fn record; /* during kernel_poll */
	void *record_context;
	size_t in_batch; /* records handed over by it so far */
};

#endif

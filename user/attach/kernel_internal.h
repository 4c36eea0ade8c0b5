/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What kernel.c and attachment.c share; nobody else includes it. */
#ifndef SEEP_ATTACH_KERNEL_INTERNAL_H
#define SEEP_ATTACH_KERNEL_INTERNAL_H

#include "attach/kernel.h"
#include "tracer.skel.h"

/* The unwind maps; all zero without tables. */
struct kernel_unwind {
	uint32_t *words; /* room for SEEP_CHUNKS_MAX chunks, of which the first are there */
	size_t nr_chunks;
	int first_chunk; /* its map's descriptor */
	struct seep_unwind_table *tables;
	struct seep_unwind_rule *rules;
	bool identifies; /* the kernel says what it knows a file as; without tables too */
};

/* Before and after loading; kernel_unwind_close accepts what was never opened. */
int kernel_unwind_size(struct tracer_bpf *bpf, const struct kernel_options *options);
int kernel_unwind_open(struct kernel *kernel);
void kernel_unwind_close(struct kernel *kernel);
/* Learns whether this kernel says what it knows a file as. After loading. */
void kernel_try_identify(struct kernel *kernel);

struct kernel {
	struct tracer_bpf *bpf;
	struct bpf_link *mremap; /* of seep_enter_mapping, beside its own; NULL none */
	struct unlinking *unlinking; /* of what kernel_stop detaches; NULL nothing */
	struct unlinking *leaving; /* of kernel_leave_tracepoints */
	struct ring_buffer *ring;
	enum attach_mode mode;
	struct kernel_unwind unwind;
	kernel_record_fn record; /* during kernel_poll */
	void *record_context;
	size_t in_batch; /* records handed over by it so far */
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unwind memory, tables and mappings of the kernel side (bpf/unwind_table.h): shared with
 * it, so written in place. Only with kernel_options.unwind_tables. Where things lie is the
 * caller's business, which keeps to the bounds and to the order: first what is led to.
 */
#ifndef SEEP_ATTACH_KERNEL_UNWIND_H
#define SEEP_ATTACH_KERNEL_UNWIND_H

#include <linux/types.h>

#include "../../bpf/unwind_table.h"
#include "attach/kernel.h"

struct kernel_unwind_bounds {
	size_t chunks, tables, rules, spaces;
};
struct kernel_unwind_bounds kernel_unwind_bounds(const struct kernel *kernel);

/* All chunks one after the other; those that kernel_unwind_grow made can be written. */
uint32_t *kernel_unwind_words(const struct kernel *kernel);
struct seep_unwind_table *kernel_unwind_tables(const struct kernel *kernel);
struct seep_unwind_rule *kernel_unwind_rules(const struct kernel *kernel);

/* Adds chunks, a few at once, as each call may take some milliseconds. 0 or -errno. */
int kernel_unwind_grow(struct kernel *kernel, size_t nr_chunks);
/* Returns when all programs have ended that ran when it was called. */
int kernel_unwind_wait(struct kernel *kernel);
/* Of the ring, in bytes since the beginning: written, and handed over. */
uint64_t kernel_ring_written(const struct kernel *kernel);
uint64_t kernel_ring_read(const struct kernel *kernel);

/* What the kernel side writes as the time of use. */
uint32_t kernel_unwind_epoch(const struct kernel *kernel);
void kernel_unwind_next_epoch(struct kernel *kernel);
/* A table has come: what was not found is looked up again. */
void kernel_unwind_table_came(struct kernel *kernel);

/* 0, or -ENOENT for none under this key. */
int kernel_unwind_get_space(struct kernel *kernel, uint32_t key,
			    struct seep_unwind_space *ret_space);
int kernel_unwind_set_space(struct kernel *kernel, uint32_t key,
			    const struct seep_unwind_space *space);
void kernel_unwind_forget_space(struct kernel *kernel, uint32_t key);

/*
 * What the kernel knows the file behind `fd` as. -EOPNOTSUPP when this kernel cannot say,
 * and has then no use for it either.
 */
int kernel_unwind_identify(struct kernel *kernel, int fd, struct seep_file_identity *ret_identity);
/*
 * The file's number with the kernel: two descriptors have the same one just when a probe in
 * the one is a probe in the other, on overlayfs too. It may be given to another file once
 * neither a probe nor a mapping holds this one. Needs no unwind_tables; else as above.
 */
int kernel_file_number(struct kernel *kernel, int fd, uint64_t *ret_number);
int kernel_unwind_set_file(struct kernel *kernel, const struct seep_file_identity *identity,
			   const struct seep_unwind_file *file);
void kernel_unwind_forget_file(struct kernel *kernel, const struct seep_file_identity *identity);

#endif

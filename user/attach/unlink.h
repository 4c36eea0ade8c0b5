/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Taking probes out. Each link waits for a grace period of the kernel's, some 25 ms; those of
 * many links pass together when they are closed by many threads.
 */
#ifndef SEEP_ATTACH_UNLINK_H
#define SEEP_ATTACH_UNLINK_H

#include <stddef.h>

struct bpf_link;

/* One of the two: a descriptor (uprobe.multi), else -1, or a libbpf link, else NULL. */
struct probe_link {
	int fd;
	struct bpf_link *link;
};

/* Closes them all, in no order, and returns when the last one is out. */
void unlink_together(const struct probe_link *links, size_t nr);

/*
 * Begins to close them and does not wait: the links are closed, and
 * what it returned is freed, when unlink_end returns. NULL: all are closed already.
 */
struct unlinking *unlink_begin(const struct probe_link *links, size_t nr);
void unlink_end(struct unlinking *unlinking);

#endif

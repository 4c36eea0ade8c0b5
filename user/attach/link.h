/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Links of BPF programs to user code, by system call: uprobe.multi and uprobe.session
 * are made with bpf(BPF_LINK_CREATE) directly, so that neither the age of libbpf nor that
 * of the kernel headers decides what can be used.
 */
#ifndef SEEP_ATTACH_LINK_H
#define SEEP_ATTACH_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* enum bpf_attach_type of <linux/bpf.h>, kernel 6.6 and 6.13 */
#define LINK_UPROBE_MULTI 48
#define LINK_UPROBE_SESSION 57

struct link_probes {
	const char *path; /* of the file; a link in /proc serves */
	pid_t pid; /* 0: every process that maps the file */
	const unsigned long *offsets; /* in the file */
	const uint64_t *cookies;
	size_t nr;
};

/* A link's descriptor, or -errno. Closing it detaches. */
int link_multi(int program, int attach_type, int at_return, const struct link_probes *probes);

#endif

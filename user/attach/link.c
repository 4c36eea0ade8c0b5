// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attach/link.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	COMMAND_LINK_CREATE = 28, /* enum bpf_cmd */
	MULTI_RETURN = 1, /* BPF_F_UPROBE_MULTI_RETURN */
};

/* The link_create member of union bpf_attr (include/uapi/linux/bpf.h, 6.6). */
struct link_create_request {
	uint32_t program;
	uint32_t target;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t reference_counters;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t reserved;
};

int link_multi(int program, int attach_type, int at_return, const struct link_probes *probes)
{
	struct link_create_request request;
	int fd;

	memset(&request, 0, sizeof(request));
	request.program = program;
	request.attach_type = attach_type;
	request.path = (uintptr_t)probes->path;
	request.offsets = (uintptr_t)probes->offsets;
	request.cookies = (uintptr_t)probes->cookies;
	request.count = probes->nr;
	request.multi_flags = at_return ? MULTI_RETURN : 0;
	request.pid = probes->pid;
	fd = syscall(SYS_bpf, COMMAND_LINK_CREATE, &request, sizeof(request));
	return fd < 0 ? -errno : fd;
}

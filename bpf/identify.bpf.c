// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Says what the kernel knows a file as: in words that outlive its inode's stay in memory, and
 * where that inode is, which alone tells files apart on file systems of many volumes (btrfs). User
 * space maps the file and runs this program by hand (BPF_PROG_TEST_RUN, 5.10 for this type);
 * nothing else ever runs it.
 */
#include "vma.bpf.h"

__u64 identified_address __weak = 0; /* set before */
struct seep_file_identity identified __weak = {}; /* inode 0: nothing found */
__u64 identified_inode __weak = 0; /* where the kernel has its struct inode */

#ifdef EARLY_KERNELS
static __always_inline void find_inode(__u64 address)
{
}
#else
static long see_inode(struct task_struct *task, struct vm_area_struct *vma, __u64 *inode)
{
	struct file *file = vma->vm_file;

	if (file)
		*inode = (__u64)file->f_inode;
	return 0;
}

static __always_inline void find_inode(__u64 address)
{
	__u64 inode = 0;

	bpf_find_vma(bpf_get_current_task_btf(), address, see_inode, &inode, 0);
	identified_inode = inode;
}
#endif

SEC("raw_tp")
int seep_identify(void *ctx)
{
	struct code code = {};

	identified.inode = 0;
	identified_inode = 0;
	find_inode(identified_address);
	if (identified_inode && find_vma(identified_address, &code))
		identified = code.file;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

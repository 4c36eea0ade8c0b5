/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Code as the kernel's own list of mappings has it: what holds an address, and which file
 * that is. The file is told apart by its inode, which on overlayfs is the one beneath: what
 * user space is shown there is another device. bpf_find_vma: 5.17, commit 7c7e3d31e785. Kernels
 * before 5.13 load no program that has a callback, even where nothing leads to it, so all of
 * this is compiled a second time without.
 */
#ifndef SEEP_VMA_BPF_H
#define SEEP_VMA_BPF_H

#include "maps.bpf.h"

#define VM_EXEC 4

/* vmlinux.h has fewer fields. */
struct inode___identity {
	__u32 i_generation;
} __attribute__((preserve_access_index));

struct code {
	struct seep_file_identity file; /* inode 0: memory of no file */
	__u64 base; /* where the file's first byte would be */
	__u64 executable;
};

#define PAGE_SHIFT_OF_FILES 12 /* of vm_pgoff, with pages of 4 KiB */

#ifndef EARLY_KERNELS
/* Read directly, not by helpers: there is little room on the stack this deep. */
static long see_vma(struct task_struct *task, struct vm_area_struct *vma, struct code *code)
{
	struct file *file = vma->vm_file;

	code->base = vma->vm_start - (vma->vm_pgoff << PAGE_SHIFT_OF_FILES);
	code->executable = vma->vm_flags & VM_EXEC;
	if (file) {
		struct inode *inode = file->f_inode;

		code->file.device = inode->i_sb->s_dev;
		code->file.inode = inode->i_ino;
		code->file.generation = ((struct inode___identity *)inode)->i_generation;
	}
	return 0;
}
#endif

/*
 * False when nothing is mapped at the address of the current process, when this kernel
 * cannot say so, and while another thread changes the list.
 */
#ifdef EARLY_KERNELS
static __always_inline bool find_vma(__u64 address, struct code *code)
{
	return false;
}
#else
static __always_inline bool find_vma(__u64 address, struct code *code)
{
	return !bpf_find_vma(bpf_get_current_task_btf(), address, see_vma, code, 0);
}
#endif

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Says what the kernel knows a file as. User space maps the file and runs this program by
 * hand (BPF_PROG_TEST_RUN, 5.10 for this type); nothing else ever runs it.
 */
#include "vma.bpf.h"

__u64 identified_address __weak = 0; /* set before */
struct seep_file_identity identified __weak = {}; /* inode 0: nothing found */

SEC("raw_tp")
int seep_identify(void *ctx)
{
	struct code code = {};

	identified.inode = 0;
	if (find_vma(identified_address, &code))
		identified = code.file;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

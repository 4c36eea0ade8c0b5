/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the witness, a BPF program of the test's own beside each of seep's entry probes, tells
 * of an allocation at which it has stopped the thread. The includer brings in the types.
 */
#ifndef SEEP_TRUTH_WITNESS_H
#define SEEP_TRUTH_WITNESS_H

#define WITNESS_REGISTERS 17 /* by their DWARF numbers; the last one is the pc */
#define WITNESS_SP 7
#define WITNESS_PC 16
#define WITNESS_RETURNS 16

/* A return address that a return probe has replaced by its trampoline's. */
struct witness_return {
	__u64 slot; /* where it stood */
	__u64 address;
};

struct witness_hit {
	__u32 tid, tgid;
	__u32 nr_returns;
	__u32 reserved;
	__u64 registers[WITNESS_REGISTERS];
	__u64 return_address; /* at sp, before any return probe has replaced it */
	struct witness_return returns[WITNESS_RETURNS];
};

#endif

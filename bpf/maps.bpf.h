/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps, the knobs set before loading, and the state of a thread. Weak, so that each
 * .bpf.c may include them and the linker keeps one of each.
 */
#ifndef SEEP_MAPS_BPF_H
#define SEEP_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "event.h"
#include "unwind_table.h"

/* Knobs: constants to the verifier. */
const volatile __u32 self_tgid __weak = 0; /* seep: never traced by itself */
const volatile bool trace_all __weak = false; /* every process is a target */
const volatile bool follow_all __weak = false; /* with trace_all: their children as well */
const volatile bool announce_exec __weak = false; /* tell of untraced processes' execs too */
const volatile bool want_stacks __weak = true;
const volatile __u32 stack_sets __weak = 1; /* a power of two: entries of `stacks` */
const volatile bool want_python __weak = false; /* look for Python frames */
const volatile bool have_tables __weak = false; /* unwind by tables, not by frame pointers */
const volatile __u64 sample_bytes __weak = 0; /* 0: exact */
const volatile __u64 wakeup_bytes __weak = 0; /* wake the collector when so much waits */
const volatile __u64 largest_size __weak = 0; /* operator new of more cannot succeed */

/* Raised by user space whenever `targets` changes: cached decisions are made again. */
volatile __u32 target_generation __weak = 0;
/* Likewise for `pythons`. */
volatile __u32 python_generation __weak = 0;

/* Raised whenever a table comes: rules that were not found are looked up again. */
volatile __u32 table_generation __weak = 0;
/* Raised by whoever has changed an entry of `unwind_spaces`, afterwards. */
__u32 mappings_generation __weak = 0;
/* Raised by user space as time goes by: what was used in which. */
volatile __u32 unwind_epoch __weak = 0;
/* Whether the vma of an address can be asked for; see vma.bpf.h. */
volatile __u32 vmas_can_be_found __weak = 0;

/*
 * The number of the burst that is traced (user/trace/governor.c), 1 where all is; 0: what is
 * attached lets everything pass. Of calls that begin in a burst the ends are told as well.
 */
volatile __u32 burst __weak = 1;

#define STACK_WINDOW 4096 /* bytes of user stack read at once, at most */

/* An allocator's (or a pair's) call under way: the outermost one of its thread. */
struct call {
	__u64 sp; /* at its first instruction; 0: none */
	__u64 size;
	__u64 old; /* realloc: the block given; posix_memalign: where the result goes */
	__u64 stack;
	__u16 flags;
	__u8 op;
	__u8 family;
	__u8 null_frees;
	__u8 old_sampled; /* realloc in sampled mode: the old block was one */
	__u8 pad[2];
};

struct mapping_call {
	__u64 address, size, old_size;
	__u64 stack;
	__u16 flags;
	__u8 active;
	__u8 new_code;
	__u8 pad[4];
};

enum { CALL_ALLOCATOR = 0, CALL_PAIR, CALL_SLOTS };

struct frame_record {
	__u64 fp;
	__u64 return_address;
};

/* Where the table unwinder is: the registers of a frame, as far as they matter. */
struct cursor {
	__u64 pc, sp, fp;
	__u64 cfa;
	__u64 slot; /* where the return address was read */
	__u64 flags; /* WALKED_EXACT, WALKED_FP_LOST */
};

/*
 * Rules found lately, by pc: most stacks of a thread share most of their frames. As many as leave
 * a thread's entry below 32 KiB: kernel memory comes in powers of two.
 */
#define RULE_CACHE 464
struct cached_rule {
	__u64 key;
	__u64 frame; /* the pc as it is sent: SEEP_FRAME of its file, or itself */
	struct seep_unwind_rule rule;
};

/*
 * Stacks that have been sent, in sets as large as a cache line: one is in the set that its id
 * says, the latest first. Evicting one only means that it is sent again. They are read and
 * written without a lock: a torn one is none, as `mark` is made of both hashes.
 */
#define STACKS_A_SET 4
struct sent_stack {
	__u64 mark; /* MARK_OF_STACK */
	__u64 check;
};
#define MARK_OF_STACK(id, check) ((id) ^ (check)*0x9fb21c651e98df25ULL)

/* What a thread keeps of them, so as not to leave its own memory for what it does all the time. */
#define SENT_STACKS 32

struct sent_stacks {
	struct sent_stack of[STACKS_A_SET];
};

enum walked_flag {
	WALKED_EXACT = 1 << 0, /* pc is of an interrupted instruction, not a return address */
	WALKED_FP_LOST = 1 << 1, /* the frame pointer is not known */
	WALKED_GUESSED = 1 << 2, /* left by its frame pointer, without a table */
	WALKED_OUTERMOST = 1 << 3, /* it has no caller, by its code alone */
};
#define WALKED_STATE (WALKED_EXACT | WALKED_FP_LOST)
#define WALKED_FRAMES 128
#define NO_SLOT 0xffffffffu

/*
 * A frame of the thread's last walk, kept to be found again (table_walk.bpf.h): which
 * frame it was, and which words of the stack its caller was read from.
 */
struct walked_frame {
	__u64 pc, sp, fp;
	__u64 frame; /* the pc as it is sent */
	__u64 hash, check; /* over this frame and all above it */
	__u32 slot, fp_slot; /* return address and saved frame pointer: bytes from sp */
	__u32 flags;
	__u32 pad;
};

/* Thread states of one thread: it may run several interpreters, one inside the other. */
#define PYTHON_STATES 4

/* A thread of a CPython process; see python.bpf.h. */
struct python_thread {
	struct seep_python at; /* the process's; frame_bytes 0: it is no Python */
	__u32 generation; /* of `at` */
	__u32 space;
	__u64 states[PYTHON_STATES]; /* innermost first */
	__u64 frames[PYTHON_STATES]; /* the frame that each is in */
	__u32 nr_states;
	__u32 several; /* there is more than one interpreter */
	__u64 first_interpreter; /* when the states were looked for */
	__u64 tick; /* of the kernel's timer, and steps of searches in it */
	__u32 steps;
	__u32 pad;
	__u64 interpreter, state, id; /* where a search is, and for whom */
	__u32 searching; /* else walking */
	__u32 walked; /* states whose frames have been taken */
	__u64 frame; /* where the walk is */
	__u32 far, unused; /* the frame before was read word by word */
	__u32 nr, cut; /* frames taken, behind PYTHON_WORDS; there are more */
	__u64 hash, check; /* over them */
};

/* Words of a stack as it is sent: frames, and pairs for Python's. */
#define STACK_WORDS 512
#define PYTHON_WORDS (SEEP_STACK_MAX + 1) /* where pairs are collected */

/*
 * Everything about a thread, its scratch memory included: uprobe programs may be
 * preempted by those of other threads, so scratch by CPU would be torn.
 */
struct thread {
	__u32 space; /* 0: not traced */
	__u32 generation; /* of the decision */
	__u32 tid;
	__u32 tgid;
	__u32 limited; /* SEEP_TARGET_LIMITED */
	__u32 burst; /* that its calls were parked in */
	__u64 tick, time; /* the kernel's tick, and the time when it was first seen */
	struct call calls[CALL_SLOTS];
	struct mapping_call mapping;
	struct frame_record record; /* of the walk under way */
	__u64 walk_bottom; /* where its stack began */
	struct cursor cursor;
	struct seep_unwind_mapping fresh; /* of code that user space has not read of yet */
	__u64 trampoline; /* of return probes; 0 not known yet */
	__u64 window_base; /* address of the first word of `window` */
	__u64 window_bytes; /* of `window` that hold the stack */
	__u64 window_is_last; /* the stack ends in it */
	__u64 stack_end; /* where the last walk ended; 0 not known */
	__u64 check; /* the second hash of `stack` */
	struct seep_stack stack; /* with its frames, as it goes to the ring */
	__u64 frames[STACK_WORDS];
	__u64 window[STACK_WINDOW / 8];
	__u32 asked_generation; /* of the mappings when these were looked for: */
	__u32 asked_space; /* whose they are; 0: not asked yet */
	__u32 has_mappings; /* there are some, of */
	__u32 space_generation; /* this generation */
	__u32 rules_generation; /* of the mappings that `rules` was filled from */
	__u32 walked_space; /* whose stack `walked` is */
	__u32 walked_first; /* the last walk: the frames from here on, outermost last */
	__u32 following; /* the one up to which it still holds */
	__u32 past; /* the first of them that the walk under way has not passed */
	__u32 nr_new; /* frames of the walk under way, from walked[0] on */
	__u32 by_tables; /* so goes the walk under way */
	__u32 nr_switches; /* of it to other stacks, by frame pointers */
	__u32 switched_in; /* the file that the next frame must be in after such a one; 0 any */
	struct walked_frame first; /* the probed function's own */
	struct sent_stack sent[SENT_STACKS]; /* some that `stacks` is known to hold */
	struct cached_rule rules[RULE_CACHE];
	struct walked_frame walked[WALKED_FRAMES]; /* see table_walk.bpf.h */
	struct python_thread python;
};

/* With what the hash table puts before it (struct htab_elem and the key). */
_Static_assert(sizeof(struct thread) + 64 <= 32 << 10, "struct thread");

struct space {
	__u32 id;
	__u32 users; /* processes that share it (vfork, CLONE_VM) */
};

struct process {
	__u64 mm;
	__u32 space;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* one takes 32 KiB, and is made once a thread */
	__type(key, __u32); /* tid */
	__type(value, struct thread);
} threads __weak SEC(".maps");

/* The zeroes that a new entry of `threads` starts from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread);
} blank_thread __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* mm_struct */
	__type(value, struct space);
} spaces __weak SEC(".maps");

/* By space id: releases lost in it. Its keys are the ids in use. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} tainted __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* tgid */
	__type(value, struct process);
} processes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* tgid */
	__type(value, __u32); /* enum seep_target_flag */
} targets __weak SEC(".maps");

/* Where a probe that is hit by all who map its file counts. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct seep_counted_in);
	__type(value, __u8);
} counted_in __weak SEC(".maps");

/* An array, since it is looked up for nearly every walk; mapped memory begins with a line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sent_stacks);
} stacks __weak SEC(".maps");

/* By space id: where its executable mappings are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct seep_unwind_space);
} unwind_spaces __weak SEC(".maps");

/* The unwind memory: see unwind_table.h. */
struct unwind_chunk {
	union {
		__u32 rows[SEEP_CHUNK_ROWS];
		struct seep_unwind_page pages[SEEP_CHUNK_PAGES];
		struct seep_unwind_mapping mappings[SEEP_CHUNK_MAPPINGS];
	};
};

struct unwind_chunk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32)); /* sizes: objects that use no chunk have not its type */
	__uint(value_size, sizeof(struct unwind_chunk));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SEEP_CHUNKS_MAX);
	__type(key, __u32);
	__array(values, struct unwind_chunk_map);
} unwind_chunks __weak SEC(".maps");

/* By space id: those that are CPython. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct seep_python);
} pythons __weak SEC(".maps");

/* By number of the file. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SEEP_UNWIND_TABLES_MAX);
	__type(key, __u32);
	__type(value, struct seep_unwind_table);
} unwind_tables __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SEEP_UNWIND_RULES_MAX);
	__type(key, __u32);
	__type(value, struct seep_unwind_rule);
} unwind_rules __weak SEC(".maps");

/*
 * Rules found lately by all threads, behind those of each thread. Entries are written and
 * read without a lock: `check` is a hash of key and contents, so that a torn one is no hit.
 */
#define SHARED_RULES 16384
struct shared_rule {
	__u64 check;
	__u64 frame;
	struct seep_unwind_rule rule;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SHARED_RULES);
	__type(key, __u32);
	__type(value, struct shared_rule);
} shared_rules __weak SEC(".maps");

/* The files that have a number, for code of which only the kernel's vma is known. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SEEP_UNWIND_TABLES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct seep_file_identity);
	__type(value, struct seep_unwind_file);
} unwind_files __weak SEC(".maps");

struct sampled_key {
	__u64 address;
	__u32 space;
	__u32 pad;
};

/* Sampled blocks that are live: the only ones whose release is told. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct sampled_key);
	__type(value, __u8);
} sampled __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seep_sampling);
} sampling __weak SEC(".maps");

/* Quantiles of the exponential distribution with mean sample_bytes. */
#define SAMPLE_QUANTILES 4096
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SAMPLE_QUANTILES);
	__type(key, __u32);
	__type(value, __u64);
} sample_quantiles __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SEEP_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters __weak SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	/* Atomic although per CPU: the program may be preempted between load and store. */
	if (value)
		__sync_fetch_and_add(value, 1);
}

static __always_inline void count_more(__u32 counter, __u64 by)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, by);
}

#endif

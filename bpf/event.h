/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side tells the collector: the records of the ring buffer and the
 * keys and values of the maps that both sides touch.
 *
 * This is the only header shared by bpf/ and user/. It uses fixed-width types alone,
 * `kind` first, padding spelled out, and asserts every size, so that the two sides can
 * be built by different compilers. It includes nothing: the includer has already
 * brought in the types (vmlinux.h in bpf/, <linux/types.h> in user/).
 *
 * Order. All records of all CPUs share one ring, so that they arrive in the order in
 * which they were reserved. Frees are recorded before the allocator sees them and
 * allocations after it has returned; the reuse of an address therefore sorts right.
 * What is both (realloc, munmap, mremap) travels as two records, BEGIN and END, tied
 * together by `tid`: the old block is set aside at BEGIN and given up, or put back, at
 * END.
 *
 * Times are CLOCK_MONOTONIC nanoseconds; 0 in a struct seep_free: that of the records
 * around it.
 */
#ifndef SEEP_EVENT_H
#define SEEP_EVENT_H

#define SEEP_STACK_MAX 127 /* frames in one stack; deeper ones are cut and flagged */
#define SEEP_PYTHON_MAX 192 /* and Python frames beside them */
#define SEEP_COMM_LEN 16

enum seep_kind {
	SEEP_ALLOC = 1, /* struct seep_alloc */
	SEEP_FREE, /* struct seep_free */
	SEEP_REALLOC_BEGIN, /* struct seep_free: the block that realloc was given */
	SEEP_REALLOC_END, /* struct seep_alloc: address 0 and SEEP_FAILED when it failed */
	SEEP_STACK, /* struct seep_stack, then nr_frames u64, then nr_python pairs of them */
	SEEP_SPACE_BEGIN, /* struct seep_space */
	SEEP_SPACE_END, /* struct seep_space */
	SEEP_MAP, /* struct seep_map: mmap succeeded */
	SEEP_UNMAP_BEGIN, /* struct seep_map: munmap was asked for */
	SEEP_UNMAP_END, /* struct seep_map: and has returned (SEEP_FAILED or not) */
	SEEP_REMAP_BEGIN, /* struct seep_map: mremap's old range */
	SEEP_REMAP_END, /* struct seep_map: its new range */
	SEEP_BRK, /* struct seep_map: address = the new break */
	SEEP_NEW_CODE, /* struct seep_map: a file was mapped executable: look for allocators */
	SEEP_KIND_COUNT,
};

/* seep_*.flags */
enum seep_flag {
	SEEP_FAILED = 1 << 0, /* the call failed: nothing changed */
	SEEP_SAMPLED = 1 << 1, /* stands for more than itself: see sample_bytes */
	SEEP_STACK_CUT = 1 << 2, /* more than SEEP_STACK_MAX frames, or a read failed on the way */
	/* A mapping made inside an allocator's call: its growth, not a leak. */
	SEEP_IN_ALLOCATOR = 1 << 3,
	SEEP_ANONYMOUS = 1 << 4, /* mmap of no file */
	/* The size is a lower bound (strdup of a very long string), or none. */
	SEEP_SIZE_UNKNOWN = 1 << 5,
	SEEP_KEEP_OLD = 1 << 6, /* mremap: MREMAP_DONTUNMAP, or old_size 0: the old range stays */
	/* REALLOC_END of size 0 that returned NULL: the family frees on that. */
	SEEP_NULL_FREES = 1 << 7,
	SEEP_HELD = 1 << 8, /* the process stopped itself and waits for SIGCONT */
	SEEP_STACK_GUESS = 1 << 9, /* frame 1 is only what stood at the stack pointer: check it */
	SEEP_PYTHON_CUT = 1 << 10, /* Python frames further out are missing */
};

/*
 * An allocator's entry point by the shape of its call. The operation travels in the
 * probe's cookie; where the kernel has no cookies it is fixed by the program.
 */
enum seep_op {
	SEEP_OP_NONE = 0,
	SEEP_OP_MALLOC, /* p = f(size, ...): malloc, valloc, operator new, mallocx */
	SEEP_OP_CALLOC, /* p = f(count, size): calloc, mi_mallocn */
	SEEP_OP_REALLOC, /* p = f(old, size, ...): realloc, rallocx */
	SEEP_OP_REALLOCARRAY, /* p = f(old, count, size): reallocarray, mi_reallocn */
	SEEP_OP_MEMALIGN, /* p = f(alignment, size): memalign, aligned_alloc */
	SEEP_OP_POSIX_MEMALIGN, /* 0 = f(&p, alignment, size): posix_memalign */
	SEEP_OP_RESIZE, /* size = f(p, size, ...): xallocx, in place, returns the new size */
	SEEP_OP_STRDUP, /* p = f(string): strdup */
	SEEP_OP_STRNDUP, /* p = f(string, most): strndup */
	SEEP_OP_FREE, /* f(p, ...): free, cfree, operator delete, sdallocx */
	/*
	 * f(): an ending thread's cache is given back. It makes no block, and what is freed
	 * inside had been freed before, or was never handed out: it is not told.
	 */
	SEEP_OP_PURGE,
	/* Pairs: size 1, address = the handle with bit 63 set, apart from all addresses. */
	SEEP_OP_ACQUIRE, /* handle = f(...): the result is the handle */
	SEEP_OP_ACQUIRE_ARG, /* 0 = f(&handle, ...): stored through an argument */
	SEEP_OP_RELEASE, /* f(handle, ...): the argument's number is in the cookie */
	SEEP_OP_COUNT,
};

/*
 * The cookie of a probe: op in bits 0-7, family in 8-15 (attach/families.h), the number
 * of the argument that carries the pointer (pairs, from 1) in 16-19, SEEP_COOKIE_* above.
 * For an allocator's entry point bits 16-19 are how many arguments come before those of
 * the op's shape: 0 for malloc(size), 1 for mi_heap_malloc(heap, size).
 */
#define SEEP_COOKIE(op, family, arg, bits)                                                         \
	((__u64)(op) | (__u64)(family) << 8 | (__u64)(arg) << 16 | (__u64)(bits))
#define SEEP_COOKIE_OP(c) ((__u8)(c))
#define SEEP_COOKIE_FAMILY(c) ((__u8)((c) >> 8))
#define SEEP_COOKIE_ARG(c) ((__u8)((c) >> 16) & 0xf)
#define SEEP_COOKIE_NULL_FREES (1ULL << 20) /* realloc(p, 0) frees p and returns NULL (glibc) */
#define SEEP_COOKIE_THROWS                                                                         \
	(1ULL << 21) /* operator new: no return probe on a size that cannot be had */
/* Bits 32-63: a probe that is hit by all who map its file counts only in those that `counted_in`
 * has under this number; 0: wherever it is hit. */
#define SEEP_COOKIE_SHARED(number) ((__u64)(number) << 32)
#define SEEP_COOKIE_SHARED_NUMBER(c) ((__u32)((c) >> 32))

/* family of what the mapping layer records; allocator families count from 1 */
#define SEEP_FAMILY_NONE 0
#define SEEP_FAMILY_MAPPING 255

struct seep_alloc {
	__u8 kind;
	__u8 family;
	__u16 flags;
	__u32 space; /* address space, numbered by seep from 1 */
	__u32 tid; /* in the initial pid namespace */
	__u32 op; /* enum seep_op */
	__u64 address;
	__u64 size; /* bytes asked for */
	__u64 stack; /* id of a SEEP_STACK record; 0 none */
	__u64 time;
};

struct seep_free {
	__u8 kind;
	__u8 family;
	__u16 flags;
	__u32 space;
	__u32 tid;
	__u32 op;
	__u64 address;
	__u64 time;
};

/*
 * A stack not seen before in its address space. Frames are leaf first; frame 0 is the
 * probed function itself, the others are return addresses (so name them at pc - 1). Where
 * the walk knew the file of a frame it is an ELF address and the file's number
 * (seep_unwind_mapping.table): true whatever becomes of the process and its mappings. Any
 * other frame is an address in the process.
 */
#define SEEP_FRAME(table, elf) ((__u64)(table) << 48 | (elf))
#define SEEP_FRAME_TABLE(frame) ((__u16)((frame) >> 48))
#define SEEP_FRAME_ELF(frame) ((frame) & ((1ULL << 48) - 1))
struct seep_stack {
	__u8 kind;
	__u8 reason; /* enum seep_stack_end: why the walk ended */
	__u16 flags;
	__u32 space;
	__u32 nr_frames;
	__u32 nr_python; /* Python frames: pairs of words behind the others, leaf first */
	__u64 id;
	__u64 guessed[2]; /* bit n: frame n was found by frame pointer where no table knows */
	__u64 frames[];
};

/*
 * A Python frame: the address of its code object; and SEEP_PYTHON_INSTRUCTION, where in it
 * the frame is: as f_lasti up to 3.10, later in bytes from the first instruction, negative
 * before it. SEEP_PYTHON_ENTRY: this frame's run of the evaluator began with it, the next
 * frame belongs to another run. Code 0: a run that has left its last frame. _IDENTITY: a hash
 * of two of the code object's pointers as they were then, 0 unknown, since objects go and
 * others take their addresses.
 */
#define SEEP_PYTHON_INSTRUCTION(word) ((__s32)(word))
#define SEEP_PYTHON_ENTRY (1ULL << 32)
#define SEEP_PYTHON_IDENTITY(word) ((word) >> 33)
#define SEEP_PYTHON_IDENTITY_OF(name, lines)                                                       \
	(((name) ^ (lines) << 21 ^ (lines) >> 43) * 0x9e3779b97f4a7c15ULL >> 33 | 1)

enum seep_stack_end {
	SEEP_STACK_WHOLE = 0, /* reached the outermost frame */
	SEEP_STACK_FULL, /* SEEP_STACK_MAX frames */
	SEEP_STACK_FAULT, /* stack memory could not be read */
	SEEP_STACK_NO_RULE, /* code that no table describes, and no frame pointer led on */
	SEEP_STACK_NO_CODE, /* a return address outside of all code */
};

/* why an address space began or ended: seep_space.reason */
enum seep_space_reason {
	SEEP_SPACE_SEEN = 1, /* was there before; its first event */
	SEEP_SPACE_FORK, /* copied from `parent` */
	SEEP_SPACE_EXEC, /* the process replaced its old one, `parent` */
	SEEP_SPACE_EXIT, /* END: the last process that used it is gone */
};

struct seep_space {
	__u8 kind;
	__u8 reason;
	__u16 flags;
	__u32 space;
	__u32 tgid; /* in the initial pid namespace */
	__u32 ns_tgid; /* as the process sees it itself */
	__u32 parent; /* space; 0 none */
	__u32 parent_tgid;
	__u64 start_time; /* of the process, boot-time nanoseconds: (tgid, start_time) is unique */
	__u64 time;
	char comm[SEEP_COMM_LEN];
};

struct seep_map {
	__u8 kind;
	__u8 family; /* SEEP_FAMILY_MAPPING */
	__u16 flags;
	__u32 space;
	__u32 tid;
	__u32 tgid;
	__u64 address;
	__u64 size;
	__u64 stack;
	__u64 time;
};

#ifndef __cplusplus
_Static_assert(sizeof(struct seep_alloc) == 48, "seep_alloc");
_Static_assert(sizeof(struct seep_free) == 32, "seep_free");
_Static_assert(sizeof(struct seep_stack) == 40, "seep_stack");
_Static_assert(sizeof(struct seep_space) == 56, "seep_space");
_Static_assert(sizeof(struct seep_map) == 48, "seep_map");
#endif

/*
 * The executable mappings of an address space, as the table unwinder searches them: sorted by
 * address, in the unwind memory (unwind_table.h), where spaces that are alike share them.
 */
struct seep_unwind_mapping {
	__u64 start, end;
	__u64 bias; /* address in the process minus ELF address */
	__u16 table; /* the number of the file, whether it has a table or not; 0 none */
	__u16 reserved[3];
};

/* So many of them lie in one chunk; the mappings of larger spaces may lie in several. */
#define SEEP_UNWIND_NEAR 512
#define SEEP_UNWIND_MAPPINGS 65536
/* Key of a process whose space has no number yet. */
#define SEEP_UNWIND_BY_TGID(tgid) (0x80000000u | (tgid))
struct seep_unwind_space {
	__u32 first, nr; /* mappings; `first` counts as if all chunks held nothing else */
	__u32 generation; /* grows with each change: what was cached is looked up again */
	/*
	 * How often files were mapped as code, and all that they may have replaced since user
	 * space last read the process's maps. Both by the kernel side.
	 */
	__u32 changes;
	__u64 changed_start, changed_end;
};

/* A file as the kernel knows it, on overlayfs the one beneath. Key of `unwind_files`. */
struct seep_file_identity {
	__u64 inode;
	__u32 device;
	__u32 generation;
};

struct seep_unwind_file {
	__u64 distance; /* ELF address minus offset in the file, of its code */
	__u32 table;
	__u32 reserved;
};

#ifndef __cplusplus
_Static_assert(sizeof(struct seep_unwind_mapping) == 32, "seep_unwind_mapping");
_Static_assert(sizeof(struct seep_unwind_space) == 32, "seep_unwind_space");
_Static_assert(sizeof(struct seep_file_identity) == 16, "seep_file_identity");
_Static_assert(sizeof(struct seep_unwind_file) == 16, "seep_unwind_file");
#endif

/* How the evaluator's runs are told apart along a thread's chain of Python frames. */
enum seep_python_runs {
	SEEP_PYTHON_RUN_A_FRAME = 0, /* up to 3.10 */
	SEEP_PYTHON_RUN_FLAG, /* 3.11: a byte of the frame says that a run began with it */
	SEEP_PYTHON_RUN_SHIM, /* 3.12: a frame without code, owned by the C stack, begins it */
};

/*
 * Where a CPython process keeps its frames: value of the `pythons` map, by space, or by
 * SEEP_UNWIND_BY_TGID. Offsets are in bytes.
 */
struct seep_python {
	__u64 interpreters; /* address of the pointer to the first interpreter; 0: use `current` */
	__u64 current; /* of the pointer to the thread state that holds the lock */
	__u16 interpreter_next, interpreter_threads;
	__u16 thread_next, thread_interpreter, thread_id;
	__u16 thread_frame; /* the frame; with `cframe` what points to it */
	__u16 cframe_frame;
	__u16 frame_back, frame_code, frame_instruction;
	__u16 frame_run; /* the byte that `runs` is about */
	__u16 code_instructions; /* of the first instruction in a code object */
	__u16 code_name, code_lines; /* what SEEP_PYTHON_IDENTITY_OF is made of */
	__u16 thread_bytes, frame_bytes; /* that hold all of these; at most 255 */
	__u8 runs; /* enum seep_python_runs */
	__u8 cframe;
	__u8 pointers; /* frame_instruction is an address, and frames lie one behind the other */
	__u8 reserved[5];
};
#define SEEP_PYTHON_SHIM_OWNER 3 /* and above: no frame of Python's */

#ifndef __cplusplus
_Static_assert(sizeof(struct seep_python) == 56, "seep_python");
#endif

/* counters of the kernel side, one per-CPU array; every loss has one */
enum seep_counter {
	SEEP_COUNT_DROPPED_ALLOC = 0, /* ring full: an allocation unseen: too low */
	SEEP_COUNT_DROPPED_FREE, /* ring full: a release unseen: too high, space tainted */
	SEEP_COUNT_DROPPED_STACK, /* ring full: block kept, stack unknown for now */
	SEEP_COUNT_DROPPED_OTHER, /* ring full: space, mapping */
	SEEP_COUNT_ENTRIES, /* outermost calls entered */
	SEEP_COUNT_RETURNS, /* and returned; the difference was abandoned or is under way */
	SEEP_COUNT_NESTED, /* calls inside another call of an allocator: not recorded */
	SEEP_COUNT_ABANDONED, /* outermost calls left by longjmp, exception, thread end */
	SEEP_COUNT_THREADS_FULL, /* thread table full: an allocation unseen */
	SEEP_COUNT_SPACES_FULL, /* space table full: a whole address space unseen */
	SEEP_COUNT_STACKS_FULL, /* stack table full: stacks sent again and again */
	SEEP_COUNT_STACK_COLLISION, /* two stacks, one hash: told apart by the second hash */
	SEEP_COUNT_STACK_FAULT, /* user stack unreadable on the way: stack cut */
	SEEP_COUNT_SAMPLED_FULL, /* table of sampled pointers full: a sample given up */
	SEEP_COUNT_UNSAMPLED, /* allocations that sampling passed over: summed from `sampling` */
	SEEP_COUNT_TABLE_ABSENT, /* look-ups of code whose table was not there (yet, or no longer)
				  */
	SEEP_COUNT_MAPPING_NS, /* no loss: what programs on mmap, munmap... took of the traced */
	SEEP_COUNT_MAX,
};

/* value of the `sampling` map, per CPU */
struct seep_sampling {
	__s64 distance; /* bytes that may still be allocated before the next sample */
	__u64 passed_over; /* allocations that were not drawn, by whomever */
};

/* key of the `counted_in` map: the process, and the number of a SEEP_COOKIE_SHARED probe */
struct seep_counted_in {
	__u32 tgid; /* in the initial namespace */
	__u32 number;
};

/* value of the `targets` map, key: tgid in the initial namespace */
enum seep_target_flag {
	SEEP_TARGET_TRACED = 1 << 0,
	SEEP_TARGET_FOLLOW = 1 << 1, /* its children too, across fork and exec */
	SEEP_TARGET_HOLD = 1 << 2, /* stop itself when it maps new code, until the probes are on */
	/* Its memory has a limit: operator new may throw, so is left alone. */
	SEEP_TARGET_LIMITED = 1 << 3,
};

#endif

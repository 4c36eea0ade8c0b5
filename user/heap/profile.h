/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A profile: what one capture has found, as plain rows. It is the one thing that
 * everything downstream reads: the report formats render it, the store writes it and
 * reads it back, diff compares two. Whoever fills it (the tracer, the store) appends
 * rows and interns strings; whoever reads it changes nothing.
 *
 * Rows refer to each other by index into the profile's arrays; PROFILE_NONE is none.
 * All strings belong to the profile's pool, and NULL means unknown, except where a
 * comment says never NULL. Sizes are bytes, counts are blocks, times are seconds
 * unless a name says otherwise. Estimates (sampled mode) are already scaled up.
 */
#ifndef SEEP_HEAP_PROFILE_H
#define SEEP_HEAP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_NONE UINT32_MAX
/* The number of the JSON contract and of the capture's schema. */
#define PROFILE_SCHEMA 1

struct strpool;

enum profile_mode {
	PROFILE_EXACT = 0,
	PROFILE_SAMPLED,
};

/* Verdict of a site; the words in profile_verdict_name. */
enum profile_verdict {
	VERDICT_TOO_LITTLE_DATA = 0, /* "too little data" */
	VERDICT_GROWING, /* "growing": held, and old cohorts do not shrink */
	VERDICT_FILLING, /* "filling": survivors, but new ones fall to zero */
	VERDICT_BURST, /* "burst": born in one short window */
	VERDICT_STEADY, /* "steady": what is allocated is given back */
	VERDICT_LIVE_AT_EXIT, /* "live at exit": the process ended and had not freed it */
	VERDICT_LOST, /* "lost": nothing points to it any more */
	/* of a process only */
	VERDICT_LEAK, /* "leak" */
	VERDICT_OVERFLOW, /* "overflow" */
	VERDICT_RETENTION, /* "allocator retention" */
	VERDICT_NONE, /* "none": nothing found */
	VERDICT_LIMIT, /* "limit too small": nothing grows, but there is no room */
	VERDICT_COUNT,
};

struct profile_capture {
	double started; /* wall clock, seconds since the epoch */
	double seconds; /* traced */
	enum profile_mode mode;
	uint64_t sample_bytes; /* mean bytes between samples; 0 in exact mode */
	const char *command; /* seep's own command line */
	const char *host;
	const char *kernel;
	const char *architecture; /* "x86_64", "aarch64" */
	const char *seep_version;
	double budget; /* what tracing might cost, percent of the target's CPU time; 0 no bound */
	const char *budget_words; /* how it was kept, in a sentence or two; NULL nothing to say */
	bool ran_child; /* seep run: the process was seen from its first instruction */
};

struct profile_module {
	const char *path; /* as in the process's maps; never NULL */
	const char *build_id; /* lower-case hex */
	bool deleted; /* the file was removed or replaced while mapped */
};

enum profile_frame_flag {
	FRAME_ALLOCATOR = 1 << 0, /* the probed allocator function itself */
	FRAME_INLINED = 1 << 1, /* inlined into the next frame of the stack */
	FRAME_GUESSED = 1 << 2, /* found by a heuristic of the unwinder */
	FRAME_JIT = 1 << 3, /* named by a perf map, or anonymous executable memory */
};

/* A place in code, shared by all stacks that go through it. */
struct profile_frame {
	uint32_t module; /* PROFILE_NONE: no file (JIT, unmapped) */
	uint32_t flags; /* enum profile_frame_flag */
	uint64_t address; /* in the process; 0 when only offset is known */
	uint64_t offset; /* ELF virtual address in the module */
	const char *function; /* demangled */
	const char *file;
	uint32_t line; /* 0 unknown */
	const char *language; /* "c", "c++", "rust", "d", "go", "python", "jit" */
};

/* Where a walk up the stack ended; the words in profile_stack_end_name. */
enum profile_stack_end {
	STACK_WHOLE = 0, /* "whole": at the outermost frame */
	STACK_DEPTH, /* "depth": at as many frames as are followed */
	STACK_FAULT, /* "fault": at memory that could not be read */
	STACK_NO_RULE, /* "no rule": in code whose frames nothing describes */
	STACK_NO_CODE, /* "no code": at an address in no known code: it lost its way */
	STACK_END_COUNT,
};

/* Frames leaf first, inlined ones expanded (callee first). */
struct profile_stack {
	uint32_t *frames; /* indices into profile.frames */
	uint32_t nr_frames;
	bool cut; /* the walk ended before the stack did */
	enum profile_stack_end end; /* STACK_WHOLE unless cut */
};

/*
 * What was born in one interval of the capture. Intervals are equally long, oldest
 * first; a site has at most PROFILE_COHORTS of them.
 */
struct profile_cohort {
	double begin; /* seconds since the capture began */
	double end;
	uint64_t alloc_bytes, alloc_count;
	uint64_t live_bytes, live_count;
};
#define PROFILE_COHORTS 32

/*
 * Sites of the family PROFILE_MAPPINGS are address space, those of PROFILE_HANDLES handles
 * of a pair of functions, whose "bytes" are their number; neither is in a process's bytes.
 */
#define PROFILE_MAPPINGS "mapping"
#define PROFILE_HANDLES "pair"

struct profile_site {
	uint64_t id; /* stable within a capture; never 0 */
	uint32_t process;
	uint32_t stack; /* PROFILE_NONE: the stack was lost */
	uint32_t tid; /* with --threads, else 0 */
	const char *family; /* "glibc", "jemalloc", "mapping", ...; never NULL */
	const char *operation; /* "malloc", "calloc", ...; never NULL */
	uint64_t live_bytes, live_count;
	uint64_t alloc_bytes, alloc_count; /* since attach */
	uint64_t free_bytes, free_count;
	uint64_t largest; /* the largest live block */
	double oldest_seconds; /* age of the oldest live block; 0 without live blocks */
	double live_bytes_error; /* one standard error, sampled mode; else 0 */
	double live_count_error;
	/*
	 * Traced in bursts: the share of its blocks that is not freed, estimated, and its 95%
	 * interval; of how many bursts. Without bursts all are 0.
	 */
	double leak_share, leak_share_low, leak_share_high;
	uint64_t leak_bursts;
	double growth_rate; /* bytes a second of live_bytes over the second half of the capture */
	enum profile_verdict verdict;
	const char *evidence; /* the verdict's reason in one sentence, with its numbers */
	struct profile_cohort *cohorts;
	uint32_t nr_cohorts;
};

/* Words of runtime_verdict. */
#define PROFILE_RUNTIME_STEADY "steady"
#define PROFILE_RUNTIME_TIGHT "heap too small"
#define PROFILE_RUNTIME_GROWS "old generation grows"
#define PROFILE_RUNTIME_NATIVE "native memory grows"

struct profile_process {
	uint32_t pid; /* in the initial namespace */
	uint32_t ns_pid; /* as itself sees it; equal outside containers */
	uint32_t parent; /* index of the process it forked from, or PROFILE_NONE */
	uint32_t generation; /* 0; n for the address space after its n-th exec */
	const char *comm; /* never NULL */
	const char *exe;
	const char *container; /* id, or NULL */
	const char *cgroup;
	const char *runtime; /* "python 3.11", ... or NULL */
	double started; /* wall clock */
	double seen_seconds; /* how long it was traced */
	bool exited;
	int exit_status; /* as of waitpid, seep run only; else -1 */
	uint64_t live_bytes, live_count; /* of allocators: without mappings and handles */
	uint64_t alloc_bytes, alloc_count;
	uint64_t free_bytes, free_count;
	uint64_t mapped_bytes, mapped_count; /* mapping layer: made since attach by other code than
						allocators, still there */
	uint64_t rss_bytes; /* last seen */
	uint64_t rss_start_bytes; /* at attach */
	uint64_t unmatched_frees; /* of blocks older than the capture */
	uint64_t inherited_frees; /* of blocks of the parent, after fork */
	uint64_t repeated_frees; /* of addresses released before, and handed out unseen since */
	uint64_t missed_frees; /* an address handed out again without its release seen */
	uint64_t lost_frees; /* dropped release events: figures are upper bounds */
	bool tainted; /* lost_frees != 0 */
	/* The limit that is reached first, as it was last seen: */
	const char *limit_name; /* "memory.max of cgroup /a"; NULL none, or not known */
	uint64_t limit_bytes, limit_used_bytes; /* used: without what the kernel can drop */
	uint64_t limit_room_bytes; /* with swap, where that helps */
	uint64_t limit_hits, oom_kills; /* of its cgroups, while it was traced */
	bool oom_killed; /* itself, by the kernel for want of memory; the limit is that one */
	double pressure; /* percent of the last 10 s in which all tasks of its cgroup waited */
	/* Of a leak: until it is reached, the earliest and the latest (95%); 0 not known. */
	double limit_seconds, limit_seconds_low, limit_seconds_high;
	const char *allocator; /* "glibc", "glibc and pymalloc"; NULL: not looked into */
	uint64_t allocator_held_bytes, allocator_free_bytes; /* of the latter handed to nobody */
	/*
	 * It cannot be looked into: held is what is resident of anonymous memory, free what of that
	 * is in no outstanding block: it holds at most so much.
	 */
	bool allocator_at_most;
	const char *runtime_limit; /* what its runtime was told: "-Xmx (command line)" or NULL */
	uint64_t runtime_limit_bytes;
	const char *runtime_verdict; /* by the runtime's own figures; NULL none */
	const char *runtime_evidence;
	enum profile_verdict verdict;
	const char *evidence;
};

struct profile_skipped_probe {
	uint32_t pid; /* 0: any process */
	const char *module;
	const char *symbol;
	const char *reason; /* one sentence */
};

/* A point of the capture's course, for growth over intervals. */
struct profile_point {
	uint32_t process;
	double seconds; /* since the capture began */
	uint64_t live_bytes, live_count;
	uint64_t rss_bytes;
};

/*
 * What looks at the objects of a process with a garbage collector have shown, beside what its
 * allocators told: at most one row a process.
 */
struct profile_objects {
	uint32_t process;
	const char *collected_by; /* "python 3.11.2"; never NULL */
	const char *cause; /* of its growth, a word of inner_cause_name; never NULL */
	const char *reason; /* in one sentence or two, with its numbers */
	uint64_t looks;
	double look_seconds; /* from the first to the last */
	double look_cost; /* processor time of all of them, of seep */
	uint64_t objects, objects_before; /* at the last look and at the first */
	const char *collector; /* "on", "off" */
	uint64_t held, dead, garbage; /* from C alone; in dead cycles; given up. 0 also unknown */
	const char *path; /* of the container that leads */
	const char *container; /* its type */
	uint64_t length;
	double length_growth; /* items since the first look */
	const char *type; /* of the objects that lead: more of them, or dead, or held */
	double type_growth;
	double native_rate; /* bytes a second that grow outside the interpreter's own code */
	const char *place; /* where most of that is allocated */
};

/* A stretch of time that allocators were traced in; without any: always. */
struct profile_burst {
	double begin, end; /* seconds since the capture began */
	uint64_t hits; /* of probes */
	double cost_seconds; /* CPU time of the target that these took, as measured */
};

struct profile_health {
	uint64_t events; /* records that reached the collector */
	uint64_t dropped; /* all kinds together */
	uint64_t dropped_allocs, dropped_frees, dropped_stacks, dropped_other;
	uint64_t unmatched_frees, inherited_frees, repeated_frees, missed_frees;
	uint64_t entries, returns, abandoned, nested;
	uint64_t bad_records; /* of a length or kind that the collector does not know */
	uint64_t threads_full, spaces_full, stacks_full, stack_collisions, stack_faults;
	uint64_t sampled_full, unsampled;
	uint64_t blocks_evicted; /* live blocks forgotten at the memory bound */
	uint64_t evicted_bytes;
	uint64_t sites_folded; /* sites merged into "other sites" at the bound */
	uint64_t frames_unnamed, frames;
	uint64_t collector_bytes; /* memory of seep's own tables */
	double cpu_seconds; /* used by seep itself */
	/* CPU time of the targets while they were traced, and what of it tracing took; 0 unknown */
	double target_seconds, cost_seconds;
	double traced_share; /* of the capture's time that probes were on: 0..1 */
	struct profile_skipped_probe *skipped_probes;
	size_t nr_skipped_probes, cap_skipped_probes;
};

struct profile {
	struct strpool *strings;
	struct profile_capture capture;
	struct profile_health health;
	struct profile_process *processes;
	size_t nr_processes, cap_processes;
	struct profile_site *sites; /* in no order; readers sort */
	size_t nr_sites, cap_sites;
	struct profile_stack *stacks;
	size_t nr_stacks, cap_stacks;
	struct profile_frame *frames;
	size_t nr_frames, cap_frames;
	struct profile_module *modules;
	size_t nr_modules, cap_modules;
	struct profile_point *points;
	size_t nr_points, cap_points;
	struct profile_objects *objects;
	size_t nr_objects, cap_objects;
	struct profile_burst *bursts;
	size_t nr_bursts, cap_bursts;
};

struct profile *profile_new(void);
void profile_free(struct profile *profile);

/* Of the process at that index; NULL: its objects were not looked at. */
const struct profile_objects *profile_objects_of(const struct profile *profile, uint32_t process);

/* Interns; NULL in, or out of memory: NULL. */
const char *profile_string(struct profile *profile, const char *text);

const char *profile_verdict_name(enum profile_verdict verdict);
/* VERDICT_COUNT for a word that is none. */
enum profile_verdict profile_verdict_parse(const char *name);

const char *profile_stack_end_name(enum profile_stack_end end);
/* STACK_END_COUNT for a word that is none. */
enum profile_stack_end profile_stack_end_parse(const char *name);

#endif

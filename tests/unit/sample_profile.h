/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A profile made by hand, as a capture of a busy host could be, for the tests of all
 * that renders or stores profiles. Its figures agree with each other: allocated minus
 * released is live, sites add up to their process, cohorts to their site.
 */
#ifndef SEEP_TESTS_SAMPLE_PROFILE_H
#define SEEP_TESTS_SAMPLE_PROFILE_H

#include <stdlib.h>

#include "heap/profile.h"
#include "base/vec.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

static uint32_t sample_module(struct profile *p, const char *path, const char *build_id,
			      bool deleted)
{
	struct profile_module *module = vec_push(&p->modules, &p->nr_modules, &p->cap_modules);

	module->path = profile_string(p, path);
	module->build_id = profile_string(p, build_id);
	module->deleted = deleted;
	return p->nr_modules - 1;
}

static uint32_t sample_frame(struct profile *p, uint32_t module, uint64_t offset,
			     const char *function, const char *file, uint32_t line,
			     const char *language, uint32_t flags)
{
	struct profile_frame *frame = vec_push(&p->frames, &p->nr_frames, &p->cap_frames);

	frame->module = module;
	frame->flags = flags;
	frame->offset = offset;
	frame->address = module == PROFILE_NONE ? offset : 0x7f0000000000 + (module << 24) + offset;
	frame->function = profile_string(p, function);
	frame->file = profile_string(p, file);
	frame->line = line;
	frame->language = profile_string(p, language);
	return p->nr_frames - 1;
}

/* The frames end with PROFILE_NONE. */
static uint32_t sample_stack(struct profile *p, bool cut, const uint32_t *frames)
{
	struct profile_stack *stack = vec_push(&p->stacks, &p->nr_stacks, &p->cap_stacks);

	while (frames[stack->nr_frames] != PROFILE_NONE)
		stack->nr_frames++;
	stack->cut = cut;
	stack->end = cut ? STACK_NO_RULE : STACK_WHOLE;
	stack->frames = calloc(stack->nr_frames, sizeof(*frames));
	memcpy(stack->frames, frames, stack->nr_frames * sizeof(*frames));
	return p->nr_stacks - 1;
}
#define SAMPLE_STACK(p, cut, ...)                                                                  \
	sample_stack(p, cut, (const uint32_t[]){ __VA_ARGS__, PROFILE_NONE })

static struct profile_site *sample_site(struct profile *p, uint32_t process, uint32_t stack,
					const char *family, const char *operation, uint64_t block,
					uint64_t allocated, uint64_t live)
{
	struct profile_site *site = vec_push(&p->sites, &p->nr_sites, &p->cap_sites);
	struct profile_process *owner = &p->processes[process];

	site->id = 0x9e3779b97f4a7c15ULL * p->nr_sites;
	site->process = process;
	site->stack = stack;
	site->family = profile_string(p, family);
	site->operation = profile_string(p, operation);
	site->alloc_bytes = block * allocated;
	site->alloc_count = allocated;
	site->live_bytes = block * live;
	site->live_count = live;
	site->free_bytes = site->alloc_bytes - site->live_bytes;
	site->free_count = allocated - live;
	site->largest = live ? block : 0;
	owner->live_bytes += site->live_bytes;
	owner->live_count += site->live_count;
	owner->alloc_bytes += site->alloc_bytes;
	owner->alloc_count += site->alloc_count;
	owner->free_bytes += site->free_bytes;
	owner->free_count += site->free_count;
	return site;
}

static void sample_verdict(struct profile *p, struct profile_site *site, double oldest,
			   double growth, enum profile_verdict verdict, const char *evidence)
{
	site->oldest_seconds = oldest;
	site->growth_rate = growth;
	site->verdict = verdict;
	site->evidence = profile_string(p, evidence);
}

/* Evenly allocated over 300 s, and evenly live. */
static void sample_cohorts(struct profile_site *site, uint32_t nr)
{
	site->cohorts = calloc(nr, sizeof(*site->cohorts));
	site->nr_cohorts = nr;
	for (uint32_t i = 0; i < nr; i++) {
		struct profile_cohort *cohort = &site->cohorts[i];

		cohort->begin = 300.0 / nr * i;
		cohort->end = 300.0 / nr * (i + 1);
		cohort->alloc_bytes = site->alloc_bytes / nr;
		cohort->alloc_count = site->alloc_count / nr;
		cohort->live_bytes = site->live_bytes / nr;
		cohort->live_count = site->live_count / nr;
	}
}

static struct profile_process *sample_process(struct profile *p, uint32_t pid, const char *comm,
					      const char *exe)
{
	struct profile_process *process =
		vec_push(&p->processes, &p->nr_processes, &p->cap_processes);

	process->pid = pid;
	process->ns_pid = pid;
	process->parent = PROFILE_NONE;
	process->comm = profile_string(p, comm);
	process->exe = profile_string(p, exe);
	process->started = 1700000000;
	process->seen_seconds = 300;
	process->exit_status = -1;
	return process;
}

static void sample_skip(struct profile *p, uint32_t pid, const char *module, const char *symbol,
			const char *reason)
{
	struct profile_health *health = &p->health;
	struct profile_skipped_probe *probe = vec_push(
		&health->skipped_probes, &health->nr_skipped_probes, &health->cap_skipped_probes);

	probe->pid = pid;
	probe->module = profile_string(p, module);
	probe->symbol = profile_string(p, symbol);
	probe->reason = profile_string(p, reason);
}

static void sample_point(struct profile *p, uint32_t process, double seconds, uint64_t live_bytes,
			 uint64_t live_count, uint64_t rss_bytes)
{
	struct profile_point *point = vec_push(&p->points, &p->nr_points, &p->cap_points);

	point->process = process;
	point->seconds = seconds;
	point->live_bytes = live_bytes;
	point->live_count = live_count;
	point->rss_bytes = rss_bytes;
}

/* What was seen inside of the worker: a list that was loaded at once. */
static void sample_objects(struct profile *p, uint32_t process)
{
	struct profile_objects *row = vec_push(&p->objects, &p->nr_objects, &p->cap_objects);

	row->process = process;
	row->collected_by = profile_string(p, "python 3.11.2");
	row->cause = profile_string(p, "overflow");
	row->reason = profile_string(p, "A container was loaded at once: modules[__main__].rows "
					"(list) +90,000 items in 20 s, now 90,001, mostly Row.");
	row->looks = 6;
	row->look_seconds = 19.5;
	row->look_cost = 0.25;
	row->objects = 250000;
	row->objects_before = 160000;
	row->collector = profile_string(p, "on");
	row->held = 3;
	row->dead = 12;
	row->path = profile_string(p, "modules[__main__].rows");
	row->container = profile_string(p, "list");
	row->length = 90001;
	row->length_growth = 90000;
	row->type = profile_string(p, "Row");
}

/* A C++ service that leaks sessions: growing, filling and steady sites, an inlined frame. */
static void sample_leaking_service(struct profile *p, uint32_t libc)
{
	uint32_t exe = sample_module(p, "/usr/sbin/sessiond",
				     "8f4d1c0be2a94a6fb1d0c9e3a7f65b2244aa10cd", true);
	uint32_t cxx =
		sample_module(p, "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", NULL, false);
	uint32_t lib = sample_module(p, "/opt/vendor/libpool.so", NULL, false);
	uint32_t malloc_frame =
		sample_frame(p, libc, 0x98870, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	uint32_t operator_new =
		sample_frame(p, cxx, 0xaa1cc, "operator new(unsigned long)", NULL, 0, "c++", 0);
	uint32_t emplace = sample_frame(
		p, exe, 0x8a10,
		"std::map<std::string, std::unique_ptr<Session, std::default_delete<Session> >, "
		"std::less<std::string> >::emplace(std::string const&, Session*)",
		"/usr/include/c++/12/bits/stl_map.h", 601, "c++", FRAME_INLINED);
	uint32_t create = sample_frame(p, exe, 0x8a10, "SessionTable::create(Request const&)",
				       "/build/sessiond/src/session_table.cc", 118, "c++", 0);
	uint32_t handle = sample_frame(p, exe, 0x9f02, "Server::handle(Request&, Response&)",
				       "/build/sessiond/src/server.cc", 402, "c++", 0);
	uint32_t loop = sample_frame(p, exe, 0x5120, "Server::loop()",
				     "/build/sessiond/src/server.cc", 77, "c++", 0);
	uint32_t parse = sample_frame(p, exe, 0x7777, "parse_node(Lexer&; int)",
				      "/build/sessiond/src/parse.cc", 31, "c++", 0);
	uint32_t nameless = sample_frame(p, lib, 0x1f3c, NULL, NULL, 0, NULL, FRAME_GUESSED);
	uint32_t jit =
		sample_frame(p, PROFILE_NONE, 0x7f22deadb000, NULL, NULL, 0, "jit", FRAME_JIT);
	uint32_t main_frame =
		sample_frame(p, exe, 0x4f00, "main", "/build/sessiond/src/main.cc", 12, "c++", 0);
	struct profile_process *process = sample_process(p, 4242, "sessiond", "/usr/sbin/sessiond");
	struct profile_site *site;

	process->container = profile_string(
		p, "3f2a9b1c5d7e8f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8");
	process->cgroup = profile_string(p, "/system.slice/docker-3f2a9b1c5d7e.scope");
	process->ns_pid = 7;
	process->verdict = VERDICT_LEAK;
	process->evidence = profile_string(p, "Outstanding rose in 29 of 30 intervals, and 98% of "
					      "what was born in the first half is still there.");
	process->rss_start_bytes = 212 * MIB;
	process->rss_bytes = 330 * MIB;
	process->limit_name = profile_string(p, "memory.max of cgroup /pay");
	process->limit_bytes = 512 * MIB;
	process->limit_used_bytes = 340 * MIB;
	process->limit_room_bytes = 172 * MIB;
	process->limit_seconds = 14700;
	process->limit_seconds_low = 14000;
	process->limit_seconds_high = 15500;
	process->unmatched_frees = 120;
	process->repeated_frees = 8;
	process->mapped_bytes = 8 * MIB;
	process->mapped_count = 2;

	site = sample_site(p, 0,
			   SAMPLE_STACK(p, false, malloc_frame, operator_new, emplace, create,
					handle, loop, main_frame),
			   "glibc", "malloc", 1600, 64000, 63000);
	sample_verdict(p, site, 298.4, 336000, VERDICT_GROWING,
		       "All 20 cohorts keep 98% of their bytes.");
	sample_cohorts(site, 20);
	site = sample_site(p, 0, SAMPLE_STACK(p, true, malloc_frame, nameless, jit), "glibc",
			   "malloc", 4096, 3000, 2000);
	sample_verdict(p, site, 290, 27000, VERDICT_GROWING,
		       "All 20 cohorts keep 66% of their bytes.");
	sample_cohorts(site, 20);
	site = sample_site(p, 0,
			   SAMPLE_STACK(p, false, malloc_frame, parse, parse, parse, parse, handle,
					loop, main_frame),
			   "glibc", "calloc", 64, 100000, 1000);
	sample_verdict(p, site, 0.25, 0, VERDICT_STEADY,
		       "99% of the bytes are given back within 1 s.");
	site = sample_site(p, 0, PROFILE_NONE, "glibc", "other sites", 100, 500, 50);
	sample_verdict(p, site, 12, 0.5, VERDICT_TOO_LITTLE_DATA, NULL);
	sample_point(p, 0, 0, 0, 0, 212 * MIB);
	sample_point(p, 0, 150, 52 * MIB, 32000, 270 * MIB);
	sample_point(p, 0, 300, process->live_bytes, process->live_count, 330 * MIB);
}

/* A Python worker, forked from the service, whose releases were lost in part. */
static void sample_tainted_worker(struct profile *p, uint32_t libc)
{
	uint32_t python = sample_module(p, "/usr/bin/python3.11",
					"1122334455667788990011223344556677889900", false);
	uint32_t malloc_frame =
		sample_frame(p, libc, 0x98870, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	uint32_t raw = sample_frame(p, python, 0x12345, "_PyMem_RawMalloc", NULL, 0, "c", 0);
	uint32_t load = sample_frame(p, PROFILE_NONE, 0, "load_rows", "/srv/app/report.py", 88,
				     "python", 0);
	uint32_t hostile = sample_frame(p, PROFILE_NONE, 0,
					"</script><b>\x1b[31m\"caf\xc3\xa9\" \xff",
					"/srv/app/<x>.py", 5, "python", 0);
	struct profile_process *process =
		sample_process(p, 4300, "gunicorn: worke", "/usr/bin/python3.11");
	struct profile_site *site;

	process->parent = 0;
	process->generation = 1;
	process->runtime = profile_string(p, "python 3.11");
	process->verdict = VERDICT_OVERFLOW;
	process->evidence = profile_string(p, "96% of it was born within 2 s; the limit of 512 MiB "
					      "is reached at twice that size.");
	process->rss_start_bytes = 40 * MIB;
	process->rss_bytes = 290 * MIB;
	process->inherited_frees = 3;
	process->lost_frees = 17;
	process->tainted = true;
	site = sample_site(p, 1, SAMPLE_STACK(p, false, malloc_frame, raw, load), "glibc", "malloc",
			   2 * MIB, 130, 120);
	sample_verdict(p, site, 31, 0, VERDICT_BURST, "120 of 120 blocks were born within 2 s.");
	site = sample_site(p, 1, SAMPLE_STACK(p, false, malloc_frame, raw, hostile), "glibc",
			   "malloc", 512, 9000, 800);
	sample_verdict(p, site, 44, 900, VERDICT_FILLING,
		       "New survivors fell from 300 to 2 a minute.");
	site->tid = 4301;
}

static void sample_quiet_processes(struct profile *p)
{
	struct profile_process *process = sample_process(p, 77, "cached", NULL);

	process->verdict = VERDICT_RETENTION;
	process->evidence = profile_string(p,
					   "Outstanding was flat within 1% while resident rose by "
					   "90 MiB.");
	process->rss_start_bytes = 110 * MIB;
	process->rss_bytes = 200 * MIB;
	process->limit_name = profile_string(p, "memory.limit_in_bytes of cgroup /cached");
	process->limit_bytes = 256 * MIB;
	process->limit_room_bytes = 46 * MIB;
	process->limit_hits = 12;
	process->oom_kills = 1;
	process->pressure = 7.5;
	process->allocator = profile_string(p, "glibc and pymalloc");
	process->allocator_held_bytes = 180 * MIB;
	process->allocator_free_bytes = 88 * MIB;
	process->allocator_at_most = true;
	process->runtime_limit = profile_string(p, "-Xmx (command line)");
	process->runtime_limit_bytes = 128 * MIB;
	process->runtime_verdict = profile_string(p, PROFILE_RUNTIME_STEADY);
	process->runtime_evidence = profile_string(p, "After 12 collections it holds no more.");
	process = sample_process(p, 1, "init", "/sbin/init");
	process->verdict = VERDICT_NONE;
	process = sample_process(p, 5001, "sh", "/bin/dash");
	process->verdict = VERDICT_TOO_LITTLE_DATA;
	process->exited = true;
	process->exit_status = 256;
	process->seen_seconds = 0.004;
}

static void sample_health(struct profile *p)
{
	struct profile_health *health = &p->health;

	health->events = 1234567;
	health->dropped = 40;
	health->dropped_allocs = 20;
	health->dropped_frees = 17;
	health->dropped_stacks = 3;
	health->unmatched_frees = 120;
	health->repeated_frees = 8;
	health->inherited_frees = 3;
	health->missed_frees = 1;
	health->entries = 176650;
	health->returns = 176649;
	health->abandoned = 1;
	health->blocks_evicted = 5;
	health->evicted_bytes = 5000;
	health->frames = 41;
	health->frames_unnamed = 2;
	health->collector_bytes = 23 * MIB;
	health->cpu_seconds = 4.2;
	health->traced_share = 0.998;
	sample_skip(p, 0, "libc.so.6", "pvalloc", "The kernel refused the probe: no memory.");
	sample_skip(p, 4242, "libpool.so", "pool_alloc",
		    "It is an indirect function that nothing has "
		    "called yet.");
	sample_skip(p, 0, "libc.so.6", "valloc", "The kernel refused the probe: no memory.");
}

static inline struct profile *sample_profile(void)
{
	struct profile *p = profile_new();
	uint32_t libc;

	p->capture.started = 1700000300.25;
	p->capture.seconds = 300;
	p->capture.mode = PROFILE_EXACT;
	p->capture.command = profile_string(p, "seep trace -a --duration 300 -o night.seep");
	p->capture.host = profile_string(p, "web-3");
	p->capture.kernel = profile_string(p, "6.1.0-28-amd64");
	p->capture.architecture = profile_string(p, "x86_64");
	p->capture.seep_version = profile_string(p, "0.1.0");
	libc = sample_module(p, "/usr/lib/x86_64-linux-gnu/libc.so.6",
			     "e1565eb2bf1a4b8e1b2f2d5e64c7b8c2a3d4e5f6", false);
	sample_leaking_service(p, libc);
	sample_tainted_worker(p, libc);
	sample_objects(p, p->nr_processes - 1);
	sample_quiet_processes(p);
	sample_health(p);
	return p;
}

#endif

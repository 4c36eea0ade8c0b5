// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the measuring of cost. A trap's is found by probing two functions of this very file, one
 * that begins with what the kernel emulates and one that it has to step, with a program that
 * returns at once: seep never traces itself.
 */
#include "attach/cost.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/kernel_internal.h"
#include "attach/link.h"
#include "attach/unlink.h"
#include "base/log.h"
#include "proc/maps.h"

enum {
	CALLS = 200,
	ROUNDS = 5,
	OTHERS = 4, /* links for another process that are tried */
	OTHER_PROCESS = 1, /* there always; it does not call what is probed here */
};

#ifdef __x86_64__
__attribute__((naked, noinline, used)) static void emulated(void)
{
	__asm__ volatile("push %rbp\n\tpop %rbp\n\tret");
}

__attribute__((naked, noinline, used)) static void stepped(void)
{
	__asm__ volatile("test %rdi, %rdi\n\tret");
}
#else
__attribute__((noinline, used)) static void emulated(void)
{
	__asm__ volatile("");
}

__attribute__((noinline, used)) static void stepped(void)
{
	__asm__ volatile("" ::: "memory");
}
#endif

void kernel_set_burst(struct kernel *kernel, uint32_t burst)
{
	__atomic_store_n(&kernel->bpf->data->burst, burst, __ATOMIC_SEQ_CST);
}

/* The administrator's own switch: where it is on, statistics are there without any call. */
static int switched_on(void)
{
	int fd = open("/proc/sys/kernel/bpf_stats_enabled", O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd >= 0 && (read(fd, &value, 1) != 1 || value == '0')) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The call needs CAP_SYS_ADMIN, which is all that does. */
int kernel_statistics(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME), err = -errno;

	if (fd < 0)
		fd = switched_on();
	return fd < 0 ? err : fd;
}

/*
 * Only the programs on allocators, which nobody but the traced meets: those on system calls,
 * forks and ends run in every process of the host.
 */
static void add_program(const struct kernel *kernel, struct bpf_program *program,
			struct kernel_runs *runs, uint64_t *sessions)
{
	const struct tracer_bpf *bpf = kernel->bpf;
	struct bpf_prog_info info;
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(program);

	memset(&info, 0, sizeof(info));
	if (fd < 0 || (strncmp(bpf_program__section_name(program), "uprobe", 6) &&
		       strncmp(bpf_program__section_name(program), "uretprobe", 9)))
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	runs->run_ns += info.run_time_ns;
	if (program == bpf->progs.seep_session)
		*sessions += info.run_cnt;
	else if (program == bpf->progs.seep_leave || program == bpf->progs.seep_leave_multi)
		runs->returns += info.run_cnt;
	else if (!strncmp(bpf_program__name(program), "seep_release", 12))
		runs->releases += info.run_cnt;
	else
		runs->entries += info.run_cnt;
}

int kernel_runs(struct kernel *kernel, struct kernel_runs *ret)
{
	struct kernel_runs runs = { 0 };
	uint64_t counters[SEEP_COUNT_MAX], sessions = 0;
	struct bpf_program *program;
	int err = kernel_counters(kernel, counters);

	if (err)
		return err;
	bpf_object__for_each_program(program, kernel->bpf->obj)
	{
		add_program(kernel, program, &runs, &sessions);
	}
	runs.run_ns += counters[SEEP_COUNT_MAPPING_NS];
	/* A session's program runs at entries and at the returns that they asked for. */
	if (sessions) {
		uint64_t returns = counters[SEEP_COUNT_ENTRIES];

		runs.returns += returns < sessions / 2 ? returns : sessions / 2;
		runs.entries += sessions - runs.returns;
	}
	*ret = runs;
	return 0;
}

static int file_offset(void (*function)(void), unsigned long *ret_offset)
{
	uint64_t address = (uintptr_t)function;
	const struct mapping *mapping;
	struct maps maps;
	int err = maps_read(getpid(), &maps);

	if (err)
		return err;
	mapping = maps_find(&maps, address);
	if (mapping)
		*ret_offset = address - mapping->start + mapping->offset;
	maps_free(&maps);
	return mapping ? 0 : -ENOENT;
}

static double time_calls(void (*function)(void))
{
	double best = INFINITY;

	for (int round = 0; round < ROUNDS; round++) {
		struct timespec begin, end;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
		for (int i = 0; i < CALLS; i++)
			function();
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		best = fmin(best, (double)(end.tv_sec - begin.tv_sec) +
					  (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	}
	return best / CALLS;
}

/* Links on both functions, all taken out at the end. */
struct trial {
	const unsigned long *offsets;
	struct probe_link links[4 * OTHERS];
	size_t nr;
};

/* `times` links of the program for a process. */
static int link_trial(struct trial *trial, const struct bpf_program *program, int type, pid_t pid,
		      int times)
{
	const uint64_t cookies[2] = { 0, 0 };
	const struct link_probes probes = { "/proc/self/exe", pid, trial->offsets, cookies, 2 };

	for (int i = 0; i < times; i++) {
		int fd = link_multi(bpf_program__fd(program), type, 0, &probes);

		if (fd < 0)
			return fd;
		trial->links[trial->nr++] = (struct probe_link){ .fd = fd };
	}
	return 0;
}

/* By what each link for another process makes a call dearer. */
static int time_others(struct trial *trial, const struct bpf_program *program, int type,
		       double *ret_each)
{
	double before = time_calls(emulated);
	int err = link_trial(trial, program, type, OTHER_PROCESS, OTHERS);

	if (!err)
		*ret_each = fmax(time_calls(emulated) - before, 0) / OTHERS;
	return err;
}

/*
 * Returns are asked for as soon as one link is another process's (kernel_must_share says where
 * from), so there is one before what the others add is looked at.
 */
static int time_other_returns(struct kernel *kernel, struct trial *trial, struct trap_costs *costs)
{
	const struct bpf_program *program = kernel->bpf->progs.seep_session;
	double both = 0;
	int err = link_trial(trial, program, LINK_UPROBE_SESSION, OTHER_PROCESS, 1);

	err = err ?: time_others(trial, program, LINK_UPROBE_SESSION, &both);
	if (!err)
		costs->other_return = fmax(both - costs->other, 0);
	return err;
}

static int time_by_multi(struct kernel *kernel, const unsigned long offsets[2],
			 struct trap_costs *costs)
{
	const struct bpf_program *program = kernel->bpf->progs.seep_release_multi;
	struct trial trial = { .offsets = offsets };
	int err = link_trial(&trial, program, LINK_UPROBE_MULTI, getpid(), 1);

	if (err)
		return err;
	costs->emulated = time_calls(emulated);
	costs->stepped = time_calls(stepped);
	if (getpid() != OTHER_PROCESS)
		err = time_others(&trial, program, LINK_UPROBE_MULTI, &costs->other);
	costs->other_return = costs->other;
	if (!err && getpid() != OTHER_PROCESS && kernel->mode == ATTACH_SESSION)
		err = time_other_returns(kernel, &trial, costs);
	if (err)
		log_debug("what other processes' probes cost is not known: %d", err);
	unlink_together(trial.links, trial.nr);
	return 0;
}

static int time_by_perf(struct kernel *kernel, const unsigned long offsets[2],
			struct trap_costs *costs)
{
	struct bpf_program *program = kernel->mode == ATTACH_PERF
					      ? kernel->bpf->progs.seep_release_plain
					      : kernel->bpf->progs.seep_release;
	LIBBPF_OPTS(bpf_uprobe_opts, opts);
	struct bpf_link *links[2];

	for (int i = 0; i < 2; i++)
		links[i] = bpf_program__attach_uprobe_opts(program, getpid(), "/proc/self/exe",
							   offsets[i], &opts);
	if (links[0] && links[1]) {
		costs->emulated = time_calls(emulated);
		costs->stepped = time_calls(stepped);
	}
	for (int i = 0; i < 2; i++)
		bpf_link__destroy(links[i]);
	return links[0] && links[1] ? 0 : -EOPNOTSUPP;
}

int kernel_trap_costs(struct kernel *kernel, struct trap_costs *ret_costs)
{
	unsigned long offsets[2];
	int err = file_offset(emulated, &offsets[0]);

	err = err ? err : file_offset(stepped, &offsets[1]);
	if (err)
		return err;
	if (kernel->mode == ATTACH_SESSION || kernel->mode == ATTACH_MULTI)
		return time_by_multi(kernel, offsets, ret_costs);
	return time_by_perf(kernel, offsets, ret_costs);
}

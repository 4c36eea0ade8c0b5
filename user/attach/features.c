// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the trials. Each loads one small program, attaches it to trial_function below in
 * this very process, calls that function from this thread and from another one, and
 * reads what was counted. A way works only if both calls arrived: the pid filter of
 * uprobe.multi matched one thread, not the process, until 46ba0e49b642 (6.10 and stable).
 */
#include "attach/features.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "attach/link.h"
#include "base/log.h"
#include "proc/maps.h"
#include "trial.skel.h"

enum { TRIAL_COOKIE = 0x5ee9 };

static const char *const mode_names[ATTACH_MODES] = {
	[ATTACH_SESSION] = "uprobe.session",
	[ATTACH_MULTI] = "uprobe.multi",
	[ATTACH_PERF_COOKIE] = "perf uprobe",
	[ATTACH_PERF] = "perf uprobe without cookies",
};

const char *attach_mode_name(enum attach_mode mode)
{
	return mode < ATTACH_MODES ? mode_names[mode] : "none";
}

enum attach_mode attach_mode_parse(const char *name)
{
	static const char *const words[ATTACH_MODES] = { "session", "multi", "perf-cookie",
							 "perf" };
	int mode;

	for (mode = 0; mode < ATTACH_MODES; mode++)
		if (!strcmp(name, words[mode]))
			break;
	return mode;
}

/* What the trials attach to; on x86 it begins with the 5-byte nop. */
#ifdef __x86_64__
__attribute__((naked, noinline, used)) static void trial_function(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\tret");
}
#else
__attribute__((noinline, used)) static void trial_function(void)
{
	__asm__ volatile("");
}
#endif

static void *call_from_thread(void *unused)
{
	trial_function();
	return NULL;
}

static int call_twice(void)
{
	pthread_t thread;

	trial_function();
	if (pthread_create(&thread, NULL, call_from_thread, NULL))
		return -EAGAIN;
	pthread_join(thread, NULL);
	return 0;
}

static int own_file_offset(unsigned long *ret_offset)
{
	uint64_t address = (uintptr_t)trial_function;
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

static struct bpf_program *trial_program(struct trial_bpf *trial, enum attach_mode mode)
{
	switch (mode) {
	case ATTACH_SESSION:
		return trial->progs.trial_session;
	case ATTACH_MULTI:
		return trial->progs.trial_multi;
	case ATTACH_PERF_COOKIE:
		return trial->progs.trial_cookie;
	default:
		return trial->progs.trial_plain;
	}
}

/* Opens and loads the object with the one program of `mode`. NULL: *ret_error says why. */
static struct trial_bpf *load(enum attach_mode mode, int *ret_error)
{
	struct trial_bpf *trial = trial_bpf__open();
	struct bpf_program *program;
	int err;

	if (!trial) {
		*ret_error = -errno;
		return NULL;
	}
	bpf_object__for_each_program(program, trial->obj) bpf_program__set_autoload(program, false);
	program = trial_program(trial, mode);
	bpf_program__set_autoload(program, true);
	if (mode == ATTACH_SESSION)
		bpf_program__set_expected_attach_type(program,
						      (enum bpf_attach_type)LINK_UPROBE_SESSION);
	err = trial_bpf__load(trial);
	if (err) {
		trial_bpf__destroy(trial);
		*ret_error = err;
		return NULL;
	}
	return trial;
}

static int attach_multi(struct bpf_program *program, int attach_type, unsigned long offset)
{
	uint64_t cookie = TRIAL_COOKIE;
	struct link_probes probes = {
		.path = "/proc/self/exe",
		.pid = getpid(),
		.offsets = &offset,
		.cookies = &cookie,
		.nr = 1,
	};

	return link_multi(bpf_program__fd(program), attach_type, 0, &probes);
}

static int run_multi(struct trial_bpf *trial, enum attach_mode mode, unsigned long offset)
{
	bool session = mode == ATTACH_SESSION;
	int fd = attach_multi(trial_program(trial, mode),
			      session ? LINK_UPROBE_SESSION : LINK_UPROBE_MULTI, offset);
	int err;

	if (fd < 0)
		return fd;
	err = call_twice();
	close(fd);
	if (err)
		return err;
	return trial->bss->entries == 2 && trial->bss->cookie == TRIAL_COOKIE &&
	       (!session || trial->bss->returns == 2);
}

static int run_perf(struct trial_bpf *trial, enum attach_mode mode, unsigned long offset)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts,
		    .bpf_cookie = mode == ATTACH_PERF_COOKIE ? TRIAL_COOKIE : 0);
	struct bpf_link *link = bpf_program__attach_uprobe_opts(
		trial_program(trial, mode), getpid(), "/proc/self/exe", offset, &opts);
	int err;

	if (!link)
		return -errno;
	err = call_twice();
	bpf_link__destroy(link);
	if (err)
		return err;
	return trial->bss->entries == 2 &&
	       (mode == ATTACH_PERF || trial->bss->cookie == TRIAL_COOKIE);
}

/* 1 it works, 0 it does not count right, or -errno. */
static int try_mode(enum attach_mode mode, unsigned long offset)
{
	struct trial_bpf *trial;
	int result;

	trial = load(mode, &result);
	if (!trial)
		return result;
	if (mode == ATTACH_SESSION || mode == ATTACH_MULTI)
		result = run_multi(trial, mode, offset);
	else
		result = run_perf(trial, mode, offset);
	trial_bpf__destroy(trial);
	return result;
}

/* The kernel rewrites a probed 5-byte nop when it is hit, if it does at all. */
static bool nop5_is_rewritten(unsigned long offset)
{
#ifdef __x86_64__
	volatile const unsigned char *code = (const void *)(uintptr_t)trial_function;
	struct trial_bpf *trial;
	bool rewritten;
	int fd, error;

	trial = load(ATTACH_MULTI, &error);
	if (!trial)
		return false;
	fd = attach_multi(trial->progs.trial_multi, LINK_UPROBE_MULTI, offset);
	for (int i = 0; i < 3; i++)
		trial_function();
	rewritten = fd >= 0 && code[0] == 0xe8;
	if (fd >= 0)
		close(fd);
	trial_bpf__destroy(trial);
	return rewritten;
#else
	return false;
#endif
}

/*
 * The child allows itself nothing but to exit, and calls the probed function. SECCOMP_RET_KILL
 * would end it at the kernel's own return system call.
 */
static void filtered_child(int go)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(*code), .filter = code };
	char byte;

	if (read(go, &byte, 1) != 1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		syscall(SYS_exit_group, 1);
	trial_function();
	syscall(SYS_exit_group, 0);
}

/* One of the two. */
struct return_probe {
	int fd;
	struct bpf_link *link;
};

static bool attach_return(struct trial_bpf *trial, enum attach_mode mode, pid_t pid,
			  unsigned long offset, struct return_probe *probe)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = true);
	const struct link_probes probes = { "/proc/self/exe", pid, &offset, NULL, 1 };

	if (mode == ATTACH_PERF)
		probe->link = bpf_program__attach_uprobe_opts(trial->progs.trial_plain, pid,
							      "/proc/self/exe", offset, &opts);
	else
		probe->fd = link_multi(bpf_program__fd(trial->progs.trial_multi), LINK_UPROBE_MULTI,
				       1, &probes);
	return probe->link || probe->fd >= 0;
}

static bool return_probe_kills(enum attach_mode mode, unsigned long offset)
{
	struct return_probe probe = { .fd = -1 };
	struct trial_bpf *trial;
	int status = 0, error, go[2];
	bool attached;
	pid_t child;

	if (pipe2(go, O_CLOEXEC))
		return false;
	attached = false;
	trial = load(mode, &error);
	child = trial ? fork() : -1;
	if (!child)
		filtered_child(go[0]);
	if (child > 0) {
		attached = attach_return(trial, mode, child, offset, &probe);
		if (write(go[1], "", 1) != 1)
			kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	bpf_link__destroy(probe.link);
	if (probe.fd >= 0)
		close(probe.fd);
	trial_bpf__destroy(trial);
	close(go[0]);
	close(go[1]);
	return attached && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* With what this process may do, not its real user: capabilities count. */
static bool is_readable(const char *path)
{
	return !faccessat(AT_FDCWD, path, R_OK, AT_EACCESS);
}

static bool tracepoints_are_there(void)
{
	if (is_readable("/sys/kernel/tracing/events/syscalls/sys_enter_mmap/id") ||
	    is_readable("/sys/kernel/debug/tracing/events/syscalls/sys_enter_mmap/id"))
		return true;
	/* Minimal systems do not mount it by themselves. */
	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL))
		return false;
	return is_readable("/sys/kernel/tracing/events/syscalls/sys_enter_mmap/id");
}

static bool call_entries_work(void)
{
	struct trial_bpf *trial = trial_bpf__open();
	struct bpf_program *program;
	struct bpf_link *link = NULL;
	bool work = false;

	if (!trial)
		return false;
	bpf_object__for_each_program(program, trial->obj) bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(trial->progs.trial_function_entry, true);
	if (!trial_bpf__load(trial))
		link = bpf_program__attach(trial->progs.trial_function_entry);
	if (link) {
		trial->bss->caller = getpid();
		syscall(SYS_getpgid, 0);
		work = trial->bss->entries == 1;
	}
	bpf_link__destroy(link);
	trial_bpf__destroy(trial);
	return work;
}

/* A name of this enumeration of the kernel's. */
static bool has_value(const struct btf *btf, const char *enumeration, const char *name)
{
	int id = btf__find_by_name_kind(btf, enumeration, BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	bool has = false;

	for (int i = 0; type && !has && i < btf_vlen(type); i++)
		has = !strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name);
	return has;
}

/* What is in the kernel's types when it is in the kernel. */
static void look_into_types(struct features *features)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return;
	/* The allocator of BPF memory came with 6.1, commit 7c8199e24fa0. */
	features->late_allocation = btf__find_by_name_kind(btf, "bpf_mem_alloc", BTF_KIND_STRUCT) >
				    0;
	/* 5.17, commit 7c7e3d31e785. */
	features->find_vma = has_value(btf, "bpf_func_id", "BPF_FUNC_find_vma");
	btf__free(btf);
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

void features_look(struct features *features)
{
	features->btf = is_readable("/sys/kernel/btf/vmlinux");
	features->tracefs = tracepoints_are_there();
}

int features_probe(bool all, struct features *ret_features)
{
	libbpf_print_fn_t print = libbpf_set_print(silent);
	struct features features = { .best = ATTACH_NONE };
	bool permitted = false;
	unsigned long offset;
	int err;

	features_look(&features);
	err = own_file_offset(&offset);
	for (int mode = 0; !err && mode < ATTACH_MODES; mode++) {
		int result;

		/* multi serves other trials as well. */
		if (!all && mode > ATTACH_MULTI && features.best != ATTACH_NONE)
			break;
		result = try_mode(mode, offset);

		log_debug("trial of %s: %d", attach_mode_name(mode), result);
		features.works[mode] = result > 0;
		features.error[mode] = result < 0 ? result : 0;
		permitted |= result != -EPERM && result != -EACCES;
		if (result > 0 && features.best == ATTACH_NONE)
			features.best = mode;
	}
	if (!err && features.works[ATTACH_MULTI])
		features.nop5_is_free = nop5_is_rewritten(offset);
	if (!err && (features.works[ATTACH_MULTI] || features.works[ATTACH_PERF]))
		features.returns_kill_filtered = return_probe_kills(
			features.works[ATTACH_MULTI] ? ATTACH_MULTI : ATTACH_PERF, offset);
	features.call_entries = !err && call_entries_work();
	look_into_types(&features);
	libbpf_set_print(print);
	if (err)
		return err;
	if (!permitted)
		return -EPERM;
	*ret_features = features;
	return 0;
}

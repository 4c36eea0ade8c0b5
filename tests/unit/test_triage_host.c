/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at made-up hosts, of a few processes and of thousands, and at the real one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tree.h"
#include "triage/host.h"
#include "triage/process_text.h"

#define MIB (UINT64_C(1) << 20)
#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"

struct fake {
	int pid;
	const char *comm;
	unsigned int start, faults, threads;
	unsigned int anonymous, shared, swap; /* kB */
	const char *cgroup;
	bool kernel_thread;
	char state;
};

static void put_stat(const struct tree *t, const struct fake *f)
{
	char path[64], text[512];
	unsigned int pages = (f->anonymous + f->shared) / 4;

	snprintf(path, sizeof(path), "/proc/%d/stat", f->pid);
	snprintf(text, sizeof(text),
		 "%d (%s) %c 1 %d %d 0 -1 %u %u 0 3 0 20 22 0 0 20 0 %u 0 %u 1000000 %u "
		 "18446744073709551615 1 1 0 0 0\n",
		 f->pid, f->comm, f->state ? f->state : 'S', f->pid, f->pid,
		 f->kernel_thread ? 0x208040 : 0x400000, f->faults, f->threads, f->start, pages);
	tree_put(t, path, text);
}

static void put_status(const struct tree *t, const struct fake *f)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/status", f->pid);
	snprintf(text, sizeof(text),
		 "Name:\tx\nUid:\t1000\t0\t0\t0\nVmPeak:\t  2000 kB\nRssAnon:\t %u kB\n"
		 "RssFile:\t 0 kB\nRssShmem:\t %u kB\nVmSwap:\t %u kB\nThreads:\t1\n",
		 f->anonymous, f->shared, f->swap);
	tree_put(t, path, text);
}

static void put_cgroup(const struct tree *t, const struct fake *f)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", f->pid);
	snprintf(text, sizeof(text), "0::%s\n", f->cgroup ? f->cgroup : "/");
	tree_put(t, path, text);
}

static void put_process(const struct tree *t, const struct fake *f)
{
	put_stat(t, f);
	put_status(t, f);
	put_cgroup(t, f);
}

static void put_level(const struct tree *t, const char *folder, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", folder, name);
	tree_put(t, path, text);
}

static void machine(struct tree *t)
{
	assert_int_equal(tree_new(t), 0);
	tree_put(t, "/proc/self/mountinfo", V2_MOUNT);
	tree_put(t, "/proc/meminfo",
		 "MemTotal:       8388608 kB\nMemAvailable:    4194304 kB\n"
		 "SwapTotal:      0 kB\nSwapFree:       0 kB\n");
}

static struct host *open_host(const struct tree *t)
{
	const struct host_options options = { .root = t->root };
	struct host *host;

	assert_int_equal(host_open(&options, &host), 0);
	return host;
}

static const struct host_look *look_at(struct host *host)
{
	const struct host_look *look;

	assert_int_equal(host_look(host, &look), 0);
	return look;
}

static void a_process_is_read_whole(void **state)
{
	const struct fake odd = { 70, "a) S 9 (b", 5000, 10, 3, 40960, 2048, 512, "/a", 0, 0 };
	const struct fake thread = {
		.pid = 2, .comm = "kthreadd", .start = 2, .threads = 1, .kernel_thread = true
	};
	const struct host_process *p;
	const struct host_look *look;
	struct host *host;
	struct tree t;

	machine(&t);
	put_process(&t, &odd);
	put_stat(&t, &thread);
	put_level(&t, "/a", "memory.current", "100\n");
	host = open_host(&t);
	look = look_at(host);
	assert_int_equal(look->nr_processes, 2);
	assert_int_equal(look->vanished + look->unreadable + look->left_out, 0);
	assert_null(host_find(look, 71));
	p = host_find(look, 70);
	assert_non_null(p);
	assert_string_equal(p->comm, "a) S 9 (b");
	assert_int_equal(p->start_ticks, 5000);
	assert_int_equal(p->parent, 1);
	assert_int_equal(p->uid, 1000);
	assert_int_equal(p->threads, 3);
	assert_int_equal(p->anonymous, 40 * MIB);
	assert_int_equal(p->shared, 2 * MIB);
	assert_int_equal(p->swap, MIB / 2);
	assert_int_equal(p->resident, 42 * MIB);
	assert_int_equal(p->faults, 13);
	assert_int_equal(p->cpu_ticks, 42);
	assert_false(p->kernel_thread);
	assert_string_equal(look->cgroups[p->cgroup].path, "/a");
	p = host_find(look, 2);
	assert_true(p->kernel_thread);
	assert_int_equal(p->cgroup, HOST_NO_CGROUP);
	assert_int_equal(look->memory.total, 8192 * MIB);
	assert_true(look->uptime > 0 && look->time > 0);
	host_close(host);
	tree_free(&t);
}

static void only_what_changed_is_read_again(void **state)
{
	struct fake f = { 70, "x", 50, 10, 1, 4096, 0, 0, "/a", 0, 0 };
	struct host *host;
	struct tree t;

	machine(&t);
	put_process(&t, &f);
	host = open_host(&t);
	assert_int_equal(host_find(look_at(host), 70)->anonymous, 4 * MIB);
	/* Neither faults nor pages changed: status is not asked. */
	f.swap = 77;
	put_status(&t, &f);
	assert_int_equal(host_find(look_at(host), 70)->swap, 0);
	f.faults++;
	put_process(&t, &f);
	assert_int_equal(host_find(look_at(host), 70)->swap, 77 * 1024);
	f.anonymous = 8192;
	put_process(&t, &f);
	assert_int_equal(host_find(look_at(host), 70)->anonymous, 8 * MIB);
	/* Another process with its number, which has done just as much. */
	f.start++;
	f.swap = 5;
	put_process(&t, &f);
	assert_int_equal(host_find(look_at(host), 70)->swap, 5 * 1024);
	host_close(host);
	tree_free(&t);
}

static void the_limit_of_an_ancestor_holds(void **state)
{
	const struct fake f = { 70, "x", 50, 10, 1, 4096, 0, 0, "/a/b/c", 0, 0 };
	const struct host_cgroup *a, *c;
	const struct host_look *look;
	struct host *host;
	struct tree t;

	machine(&t);
	put_process(&t, &f);
	put_level(&t, "/a", "memory.max", "104857600\n");
	put_level(&t, "/a", "memory.current", "94371840\n");
	put_level(&t, "/a", "memory.stat",
		  "anon 1048576\nfile 62914560\ninactive_file 20971520\nactive_file 0\n");
	put_level(&t, "/a", "memory.events", "low 0\nhigh 2\nmax 7\noom 3\noom_kill 1\n");
	put_level(&t, "/a/b", "memory.max", "max\n");
	put_level(&t, "/a/b", "memory.current", "83886080\n");
	put_level(&t, "/a/b/c", "memory.max", "209715200\n");
	put_level(&t, "/a/b/c", "memory.current", "83886080\n");
	host = open_host(&t);
	look = look_at(host);
	assert_int_equal(look->nr_cgroups, 4);
	c = &look->cgroups[look->processes[0].cgroup];
	assert_string_equal(c->path, "/a/b/c");
	assert_int_equal(c->processes, 1);
	assert_int_equal(c->max, 200 * MIB);
	assert_int_equal(c->limit, 100 * MIB);
	assert_int_equal(c->room, 30 * MIB);
	a = &look->cgroups[c->limit_cgroup];
	assert_string_equal(a->path, "/a");
	assert_int_equal(a->processes, 0);
	assert_int_equal(a->reached_max, 7);
	assert_int_equal(a->oom_kill, 1);
	assert_int_equal(a->reclaimable, 20 * MIB);
	assert_string_equal(look->cgroups[a->parent].path, "/");
	assert_int_equal(look->cgroups[a->parent].parent, HOST_NO_CGROUP);
	assert_int_equal(look->cgroups[a->parent].limit, MEMORY_UNLIMITED);
	host_close(host);
	tree_free(&t);
}

static void a_changed_limit_is_seen_though_usage_stays(void **state)
{
	const struct fake f = { 70, "x", 50, 10, 1, 4096, 0, 0, "/a", 0, 0 };
	const struct host_look *look;
	struct host *host;
	struct tree t;
	int looks = 0;

	machine(&t);
	put_process(&t, &f);
	put_level(&t, "/a", "memory.max", "104857600\n");
	put_level(&t, "/a", "memory.current", "1000\n");
	host = open_host(&t);
	look_at(host);
	put_level(&t, "/a", "memory.max", "52428800\n");
	do {
		look = look_at(host);
		assert_in_range(++looks, 1, 8);
	} while (look->cgroups[look->processes[0].cgroup].limit != 50 * MIB);
	assert_true(looks > 1);
	put_level(&t, "/a", "memory.current", "2000\n");
	put_level(&t, "/a", "memory.max", "41943040\n");
	look = look_at(host);
	assert_int_equal(look->cgroups[look->processes[0].cgroup].limit, 40 * MIB);
	host_close(host);
	tree_free(&t);
}

static void cgroups_come_and_go(void **state)
{
	const struct host_look *look;
	uint64_t stays = 0, last = 0;
	struct host *host;
	struct tree t;
	char name[32];

	machine(&t);
	put_process(&t, &(struct fake){ 10, "x", 50, 1, 1, 4096, 0, 0, "/stays", 0, 0 });
	put_level(&t, "/stays", "memory.current", "1000\n");
	host = open_host(&t);
	for (int i = 0; i < 100; i++) {
		const struct host_cgroup *cgroup;

		snprintf(name, sizeof(name), "/job%d", i);
		put_process(&t, &(struct fake){ 20, "x", 60 + i, 1, 1, 4096, 0, 0, name, 0, 0 });
		look = look_at(host);
		assert_int_equal(look->nr_cgroups, 3);
		cgroup = &look->cgroups[host_find(look, 20)->cgroup];
		assert_string_equal(cgroup->path, name);
		assert_true(cgroup->id > last);
		/* Nobody made its folder. */
		assert_true(cgroup->gone);
		assert_int_equal(cgroup->limit, MEMORY_UNLIMITED);
		last = cgroup->id;
		cgroup = &look->cgroups[host_find(look, 10)->cgroup];
		assert_string_equal(cgroup->path, "/stays");
		assert_false(cgroup->gone);
		stays = stays ? stays : cgroup->id;
		assert_int_equal(cgroup->id, stays);
		assert_int_equal(cgroup->current, 1000);
	}
	host_close(host);
	tree_free(&t);
}

static void bounds_are_kept_and_said(void **state)
{
	struct host_options options = { .max_processes = 20, .max_cgroups = 10 };
	const struct host_look *look;
	struct host *host;
	struct tree t;
	char name[32];
	size_t nowhere = 0;

	machine(&t);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "/c%d", i);
		put_process(&t, &(struct fake){ 100 + i, "x", 50, 1, 1, 40, 0, 0, name, 0, 0 });
	}
	options.root = t.root;
	assert_int_equal(host_open(&options, &host), 0);
	look = look_at(host);
	assert_int_equal(look->nr_processes, 20);
	assert_int_equal(look->nr_cgroups, 10);
	assert_int_equal(look->left_out, 30 + 11);
	for (size_t i = 0; i < 20; i++)
		nowhere += look->processes[i].cgroup == HOST_NO_CGROUP;
	assert_int_equal(nowhere, 11);
	host_close(host);
	tree_free(&t);
}

static void put_text(const struct tree *t, int pid, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	tree_put(t, path, text);
}

static void who_ends_at_any_step_is_counted(void **state)
{
	const struct fake ends = { 30, "x", 50, 1, 1, 40, 0, 0, "/", 0, 0 };
	const struct fake zombie = { 31, "x", 50, 1, 1, 40, 0, 0, "/", 0, 'Z' };
	const struct fake headless = { 32, "x", 50, 1, 4, 40, 0, 0, "/", 0, 'Z' };
	const struct fake good = { 33, "x", 50, 1, 1, 40, 0, 0, "/", 0, 0 };
	const struct host_look *look;
	struct host *host;
	struct tree t;

	machine(&t);
	put_text(&t, 29, "comm", "no stat\n");
	put_stat(&t, &ends);
	put_process(&t, &zombie);
	put_process(&t, &headless);
	put_stat(&t, &good);
	put_status(&t, &good); /* and no cgroup */
	put_text(&t, 34, "stat", "34 (x) S 1 nonsense\n");
	put_text(&t, 35, "stat", "");
	tree_put(&t, "/proc/12x/stat", "12 (x) S 1 1\n");
	tree_put(&t, "/proc/99999999999999/stat", "12 (x) S 1 1\n");
	host = open_host(&t);
	look = look_at(host);
	assert_int_equal(look->nr_processes, 2);
	assert_non_null(host_find(look, 32));
	assert_int_equal(host_find(look, 33)->cgroup, HOST_NO_CGROUP);
	assert_int_equal(look->vanished, 3);
	assert_int_equal(look->unreadable, 2);
	host_close(host);
	tree_free(&t);
}

static void a_long_list_of_groups_is_read_over(void **state)
{
	const struct fake f = { 70, "x", 50, 10, 1, 4096, 0, 0, "/a", 0, 0 };
	enum { GROUPS = 60000 };
	char *text = malloc(GROUPS + 200);
	struct host *host;
	struct tree t;

	assert_non_null(text);
	machine(&t);
	put_process(&t, &f);
	strcpy(text, "Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t");
	for (int i = 0; i < GROUPS / 2; i++)
		strcpy(text + strlen("Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t") + 2 * i, "9 ");
	strcat(text, "\nRssAnon:\t 12 kB\n");
	put_text(&t, 70, "status", text);
	host = open_host(&t);
	assert_int_equal(host_find(look_at(host), 70)->anonymous, 12 * 1024);
	host_close(host);
	tree_free(&t);
	free(text);
}

static void no_proc_is_an_error(void **state)
{
	const struct host_look *look = (void *)1;
	struct host *host;
	struct tree t;

	assert_int_equal(tree_new(&t), 0);
	host = open_host(&t);
	assert_int_equal(host_look(host, &look), -ENOENT);
	assert_ptr_equal(look, (void *)1);
	host_close(host);
	tree_free(&t);
}

static void texts_that_are_none_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"7",
		"7 (x",
		"7 x) S 1",
		")(",
		"7 (x)",
		"7 (x) ",
		"7 (x) S",
		"7 (x) S 1 2 3",
		"7 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 y 20 21 22",
		"7 (x) S - 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22",
	};
	struct host_process process = { .pid = 5, .threads = 9 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(process_text_stat(wrong[i], 4096, &process), -EBADMSG);
	assert_int_equal(process.threads, 9);
	assert_int_equal(process_text_status("Uid:\tx\n", &process), -EBADMSG);
	assert_int_equal(process_text_status("Uid:\t1\nRssAnon:\t-4 kB\n", &process), -EBADMSG);
	assert_int_equal(process_text_status("Uid:\t1\n", &process), 0);
	assert_int_equal(process.anonymous, 0);
}

/* What is there for the taking: this very process, and that nothing is left open. */
static void the_real_host_is_seen(void **state)
{
	const struct host_process *self;
	const struct host_look *look;
	struct host *host;
	int first = dup(0), last;

	close(first);
	assert_int_equal(host_open(NULL, &host), 0);
	for (int i = 0; i < 3; i++)
		look = look_at(host);
	self = host_find(look, getpid());
	assert_non_null(self);
	assert_int_equal(self->uid, getuid());
	assert_int_equal(self->parent, getppid());
	assert_true(self->anonymous > 0);
	assert_string_equal(self->comm, "test_triage_hos");
	for (size_t i = 1; i < look->nr_processes; i++)
		assert_true(look->processes[i].pid > look->processes[i - 1].pid);
	for (size_t i = 0; i < look->nr_cgroups; i++)
		assert_true(look->cgroups[i].parent == HOST_NO_CGROUP ||
			    look->cgroups[i].parent < i);
	host_close(host);
	last = dup(0);
	assert_int_equal(first, last);
	close(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_read_whole),
		cmocka_unit_test(only_what_changed_is_read_again),
		cmocka_unit_test(the_limit_of_an_ancestor_holds),
		cmocka_unit_test(a_changed_limit_is_seen_though_usage_stays),
		cmocka_unit_test(cgroups_come_and_go),
		cmocka_unit_test(bounds_are_kept_and_said),
		cmocka_unit_test(who_ends_at_any_step_is_counted),
		cmocka_unit_test(a_long_list_of_groups_is_read_over),
		cmocka_unit_test(no_proc_is_an_error),
		cmocka_unit_test(texts_that_are_none_are_refused),
		cmocka_unit_test(the_real_host_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
